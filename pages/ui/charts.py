"""Answers → figures, each with the sentence that says the same in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from textwrap import wrap

import pandas as pd
import plotly.graph_objects as go

from pages.ui import theme
from recengine.answers import Reason, Why

SHOWN_PARTS = 8
_ROW = 34  # pixels


@dataclass(frozen=True)
class Drawn:
    """A figure and what it says."""

    figure: go.Figure
    says: str


def taste(genres: pd.DataFrame, shown: int = 6) -> Drawn:
    """What someone likes more and less than others do, from a table (genre, ratings, share, lift).

    Where there are no stars, and so no lift, what they chose most.
    """
    known = genres.dropna(subset=["lift"])
    if known.empty:
        return _shares(genres.head(shown))
    known = known.loc[known["lift"].abs().sort_values(ascending=False).index[:shown]].sort_values("lift")
    figure = go.Figure(
        go.Bar(
            x=known["lift"],
            y=known["genre"].map(theme.label),
            orientation="h",
            marker_color=[theme.FOR if lift > 0 else theme.AGAINST for lift in known["lift"]],
            text=[signed(lift) for lift in known["lift"]],
            textposition="outside",
            textfont={"color": theme.INK, "size": 12},
            cliponaxis=False,
            customdata=known["ratings"],
            hovertemplate="%{y}: %{x:+.2f} stars over %{customdata} ratings<extra></extra>",
        )
    )
    reach = 1.35 * float(known["lift"].abs().max() or 1)
    low = -reach if (known["lift"] < 0).any() else 0
    theme.quiet(figure, 27 * len(known) + 44)
    figure.update_xaxes(range=[low, reach], title_text="likes more than others, in stars →", zeroline=True, nticks=5)
    figure.update_layout(bargap=0.35)
    most, least = known.iloc[-1], known.iloc[0]
    says = f"Likes {most['genre']} more than others do ({signed(most['lift'])} stars)"
    says += f", {least['genre']} less ({signed(least['lift'])})." if least["lift"] < 0 else "."
    return Drawn(figure, says)


def why(told: Why, *, narrow: bool = False, shown: int = SHOWN_PARTS) -> Drawn:
    """A score as a staircase: from its base over the strongest parts to the score itself."""
    steps = _steps(told, shown, 20 if narrow else 38, 2 if narrow else 1)
    places = digits(weight for _, weight in steps)
    rows = [(name, weight, "relative", signed(weight, places)) for name, weight in steps]
    if told.base:
        rows.insert(0, (told.base_name, told.base, "absolute", amount(told.base)))
    rows.append(("score", told.score, "total", amount(told.score)))
    names, values, measures, texts = zip(*rows, strict=True)
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            base=0,
            measure=measures,
            x=values,
            y=list(range(len(rows))),
            text=texts,
            textposition="outside",
            textfont={"color": theme.INK, "size": 12},
            cliponaxis=False,
            increasing={"marker": {"color": theme.FOR}},
            decreasing={"marker": {"color": theme.AGAINST}},
            totals={"marker": {"color": theme.BASE}},
            connector={"line": {"color": theme.BASE, "width": 1}},
            hovertemplate="%{text}<extra></extra>",
        )
    )
    reached = list(accumulate((weight for _, weight in steps), initial=told.base))
    low, high = min(reached), max(reached)
    room = (0.3 if narrow else 0.12) * (high - low or 1)
    start = 0 if 0 <= low < 0.5 * (high - low) else low - 2 * room
    theme.quiet(figure, _ROW * len(rows) + 40)
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(rows))), showgrid=False, zeroline=False,
        ticktext=[name[0].upper() + name[1:] for name in names],
    )  # fmt: skip
    figure.update_xaxes(
        range=[start, high + room * 1.6], nticks=3 if narrow else 6, tickangle=0,
        title_text="stars →" if told.stars is not None else "score →",
    )  # fmt: skip
    figure.update_layout(waterfallgap=0.3)
    return Drawn(figure, sentence(told))


def sentence(told: Why) -> str:
    """What holds an explanation together: whether it adds up, and what the strongest rating was worth."""
    said = []
    if told.without and told.without.after != told.without.before:
        fall = f"from {told.without.before} to {told.without.after}"
        said.append(f"Without the rating of {told.without.title} it would fall {fall}.")
    elif told.without:
        said.append(f"Without the rating of {told.without.title} it would keep its place.")
    if told.exact:
        said.append(f"Exact: the parts sum to {amount(told.score)}.")
    else:
        said.append("Approximate: the parts show what mattered most and do not sum to the score.")
    if told.stars is not None and amount(told.stars) != amount(told.score):
        said.append(f"The scale ends at {told.stars:g}, so it counts as {amount(told.stars)}.")
    return " ".join(said)


def named(reason: Reason, length: int, lines: int) -> str:
    """What carried a part, cut to lines of a length for a figure, with the rating it stands on."""
    rating = "" if reason.rating is None else f"\u00a0★{reason.rating:g}"
    return "<br>".join(map(theme.label, wrap(theme.shorten(reason.what, length * lines), length))) + rating


def signed(value: float, places: int = 2) -> str:
    """A weight with its sign: a real minus, and the digits asked for.

    >>> signed(0.4213), signed(-0.5), signed(0.0041, 3)
    ('+0.42', '−0.50', '+0.004')
    """
    return f"{value:+,.{places}f}".replace("-", "−")


def amount(value: float) -> str:
    """A score with the digits it deserves.

    >>> amount(4.7), amount(231.0), amount(0.0123)
    ('4.70', '231', '0.012')
    """
    return f"{value:,.{digits([value])}f}".replace("-", "−")


def digits(values: Iterable[float]) -> int:
    """Digits after the point that numbers shown together deserve.

    >>> digits([0.4, -0.003]), digits([0.02, 0.001]), digits([304.0, 12.0]), digits([])
    (2, 3, 0, 2)
    """
    known = list(values)
    largest = max(map(abs, known), default=1.0)
    if largest >= 10 and all(float(value).is_integer() for value in known):
        return 0
    return 1 if largest >= 100 else 2 if largest >= 0.1 else 3


def _steps(told: Why, shown: int, length: int, lines: int) -> list[tuple[str, float]]:
    """The strongest parts, the others as one, and what an approximate explanation leaves open."""
    parts = sorted(told.parts, key=lambda part: -abs(part.weight))
    kept = parts if len(parts) <= shown else parts[: shown - 1]
    steps = [(named(part, length, lines), part.weight) for part in kept]
    others = parts[len(kept) :]
    if others:
        steps.append((f"{len(others)} others", sum(part.weight for part in others)))
    if not told.exact:
        steps.append(("not explained", told.score - told.base - sum(part.weight for part in parts)))
    return steps


def _shares(genres: pd.DataFrame) -> Drawn:
    figure = go.Figure(
        go.Bar(
            x=genres["share"][::-1],
            y=genres["genre"][::-1].map(theme.label),
            orientation="h",
            marker_color=theme.BASE,
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    theme.quiet(figure, 27 * len(genres) + 44)
    figure.update_xaxes(title_text="share of what they chose →", tickformat=".0%", nticks=5)
    return Drawn(figure, f"Chose {genres.iloc[0]['genre']} most." if len(genres) else "No genres are known.")
