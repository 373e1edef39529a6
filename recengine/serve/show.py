"""Answers as tables that are read in a terminal.

Every function turns an answer into the lines and tables `put` prints. Nothing here is wrapped or coloured when
standard output is no terminal, so that a row of a table stays a line of text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from recengine import metrics
from recengine.describe import percent
from recengine.model import Recommender

if TYPE_CHECKING:
    from recengine.answers import Found, ModelInfo, Predicted, Recommendations, Recommended, Similar
    from recengine.bootstrap import Interval
    from recengine.data.dataset import Dataset
    from recengine.data.report import ImportReport
    from recengine.data.sources import SourceInfo
    from recengine.describe import Description, Quantiles
    from recengine.evaluate import Evaluation, Result
    from recengine.registry import Kind, Parameter
    from recengine.store import StoreInfo

Shown = Iterable[RenderableType]

_NO_TERMINAL_WIDTH = 10_000  # columns: more than any row needs
_LONGEST = 40  # characters of a default
_KINDS: dict[Kind, str] = {"model": "a model", "models": "models"}


def text(shown: Shown) -> str:
    """What the console would print, as text."""
    # Titles may hold brackets and colons ("[REC] (2007)"): they are no markup.
    width = None if sys.stdout is not None and sys.stdout.isatty() else _NO_TERMINAL_WIDTH
    console = Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)
    with console.capture() as captured:
        for part in shown:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `right` are of numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def datasets(infos: Sequence[SourceInfo]) -> Shown:
    """The datasets known by name."""
    rows = table("name", "here", "what", "size")
    for info in infos:
        rows.add_row(info.name, "yes" if info.here else "no", info.title, info.size)
    yield rows
    yield "What is not here is fetched when it is first asked for."
    for licence in dict.fromkeys(info.licence for info in infos):
        yield f"{', '.join(info.name for info in infos if info.licence == licence)}: {licence}"


def models(infos: Sequence[ModelInfo]) -> Shown:
    """Each model, and the parameters that `--set` takes."""
    kinds = table("model", "family", "what it does")
    for info in infos:
        kinds.add_row(info.name, info.family, info.summary)
    yield kinds
    settings = table("model", "parameter", "default", "possible", "what it sets")
    for info in infos:
        for parameter in info.parameters:
            settings.add_row(info.name, parameter.name, _default(parameter), _range(parameter), parameter.help)
    yield settings


def description(dataset: Dataset, told: Description, report: ImportReport | None) -> Shown:
    """A dataset in numbers, and what became of the rows of its file."""
    facts = table("", dataset.name)
    facts.add_row("people", f"{told.n_people:,}")
    facts.add_row("movies", f"{told.n_movies:,} ({told.n_rated_movies:,} of them rated)")
    facts.add_row("ratings", f"{told.n_ratings:,}")
    if told.density is not None:
        facts.add_row("share of all pairs", percent(told.density))
    if told.scale and told.mean is not None:
        facts.add_row("scale", f"{told.scale[0]:g} to {told.scale[1]:g}, mean {told.mean:.2f}")
    if told.first:
        facts.add_row("time", f"{told.first} to {told.last}")
    facts.add_row("ratings a person", _quantiles(told.ratings_per_person))
    facts.add_row("ratings a movie", _quantiles(told.ratings_per_movie))
    if told.top_decile_share is not None and told.gini is not None:
        facts.add_row(
            "long tail",
            f"the most rated tenth of the movies holds {percent(told.top_decile_share)} of the ratings "
            f"(Gini {told.gini:.2f})",
        )
    yield facts
    if len(told.histogram):
        yield _histogram(told)
    yield from (f"Beware: {warning}" for warning in told.warnings)
    if report:
        yield f"\n{report.name}: {' '.join(report.sentences())}"
    if dataset.about:
        yield f"\n{dataset.about}"


def recommendations(answer: Recommendations) -> Shown:
    """A ranked list."""
    if not answer.items:
        yield "No movie is left to recommend: everything was rated or filtered out."
        return
    score = "score" if answer.items[0].stars is None else "stars"
    counted = all(item.score == round(item.score) for item in answer.items)
    spread = ["±"] if any(item.deviation is not None for item in answer.items) else []
    rows = table("#", score, *spread, "movie", "id", "ratings", "why", right=("#", score, *spread, "id", "ratings"))
    for item in answer.items:
        shown = f"{item.stars:.2f}" if item.stars is not None else f"{item.score:,.{0 if counted else 4}f}"
        around = [_deviation(item) for _ in spread]
        rows.add_row(str(item.rank), shown, *around, item.title, str(item.item_id), f"{item.ratings:,}", item.reason)
    yield rows
    yield from dict.fromkeys(item.method for item in answer.items if item.method)
    yield from _notes(answer.notes)


def similar(movie: Found, items: Sequence[Similar]) -> Shown:
    """A movie's nearest others."""
    if not items:
        yield f"No movie is like {movie.title}: too few people rated it."
        return
    rows = table(
        "#",
        "similarity",
        "movie",
        "id",
        "in common",
        "ratings",
        right=("#", "similarity", "id", "in common", "ratings"),
    )
    for item in items:
        rows.add_row(
            str(item.rank), f"{item.similarity:.3f}", item.title, str(item.item_id), f"{item.common:,}",
            f"{item.ratings:,}",
        )  # fmt: skip
    yield rows


def prediction(answer: Predicted) -> Shown:
    """One predicted rating."""
    told = f"{answer.stars:.2f} stars"
    if answer.deviation is not None:  # which says that a second decimal of the stars means nothing
        told = f"{answer.stars:.1f} stars (give or take {answer.deviation:.1f})"
    yield f"{answer.model['model']} predicts {told} from person {answer.user} for {answer.title}."
    if answer.fallback:
        yield f"Note: {answer.fallback}."
    yield from _notes(answer.notes)


def evaluation(answer: Evaluation) -> Shown:
    """Models side by side: a value and its 95 % interval for each metric."""
    # A model that only ranks goes without rating metrics; the one with most metrics has all, in the order asked.
    measured = [metrics.parse(name) for name in max((result.metrics for result in answer.results), key=len)]
    headings = [f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in measured]
    rows = table("model", *headings, "fit s", "predict s", right=(*headings, "fit s", "predict s"))
    for result in answer.results:
        cells = [_interval(result.metrics.get(metric.name)) for metric in measured]
        rows.add_row(result.label, *cells, f"{result.fit_seconds:.2f}", f"{result.predict_seconds:.2f}")
    yield rows
    yield f"{answer.dataset}: {answer.protocol}"
    yield _people(answer.results[0])
    yield from filter(None, map(_fallback, answer.results))
    for result in answer.results:
        yield from _notes(result.notes, f"{result.label}: ")
    if answer.warning:
        yield f"Beware: {answer.warning}"


def cache(info: StoreInfo) -> Shown:
    """Where artifacts are kept."""
    yield f"{info.root}: {_count(info.artifacts)}, {_megabytes(info.bytes)} of at most {_megabytes(info.limit)}"


def cleared(removed: int) -> Shown:
    """What was removed."""
    yield f"Removed {_count(removed)}."


def _count(artifacts: int) -> str:
    return "1 artifact" if artifacts == 1 else f"{artifacts:,} artifacts"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _deviation(item: Recommended) -> str:
    if item.deviation is None:
        return "–"
    return f"{item.deviation:,.{4 if item.stars is None else 2}f}"


def _notes(notes: Sequence[str], of: str = "") -> Iterator[str]:
    """What must be known of the answer, a line each."""
    yield from (f"Note: {of}{note}" for note in notes)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(parameter: Parameter) -> str:
    """A default as `--set` takes it, cut where it is long; a dash for an empty list."""
    value = parameter.default
    parts = value if isinstance(value, tuple) else (value,)
    told = ", ".join(part.label if isinstance(part, Recommender) else _number(part) for part in parts) or "–"
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1].rstrip(' ,')}…"


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return " | ".join(parameter.choices)
    bounds = [_number(bound) for bound in (parameter.low, parameter.high) if bound is not None]
    told = " to ".join(bounds) if len(bounds) == 2 else _KINDS.get(parameter.kind, parameter.kind)
    return f"each {told}" if parameter.kind == "numbers" else told


def _quantiles(told: Quantiles | None) -> str:
    return "none" if told is None else f"{told.low:g} to {told.high:g}, median {told.median:g}"


def _interval(told: Interval | None) -> str:
    if told is None or told.value != told.value:
        return "–"
    return f"{told.value:.4f}" if told.low is None else f"{told.value:.4f} ({told.low:.4f} to {told.high:.4f})"


def _histogram(told: Description) -> Table:
    bars = table("rating", "given", "", right=("rating", "given"))
    most = max(1, int(told.histogram["count"].max()))
    for value, count in told.histogram.itertuples(index=False):
        bars.add_row(f"{value:g}", f"{int(count):,}", "█" * round(30 * count / most))
    return bars


def _people(result: Result) -> str:
    out = f", {result.excluded_people:,} of them without a relevant one" if result.excluded_people else ""
    return f"{result.n_ratings:,} test ratings of {result.n_people:,} people{out}; in brackets the 95 % interval."


def _fallback(result: Result) -> str:
    shares = {"predicted ratings": result.fallback_share, "listed movies": result.list_fallback_share}
    told = [f"{percent(share)} of its {what}" for what, share in shares.items() if share]
    return f"{result.label} had no opinion, and its fallback spoke, on {' and '.join(told)}." if told else ""
