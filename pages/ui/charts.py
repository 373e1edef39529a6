"""Answers → figures, each with the sentence that says the same in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from textwrap import wrap

import pandas as pd
import plotly.graph_objects as go

from pages.ui import theme
from recengine.answers import Reason, Why

Scale = tuple[float, float] | None

SHOWN_PARTS = 8
_ROW = 34  # pixels


@dataclass(frozen=True)
class Drawn:
    """A figure and what it says."""

    figure: go.Figure
    says: str


def taste(table: pd.DataFrame, shown: int = 6, *, in_order: bool = False) -> Drawn:
    """What someone likes more and less than others do, from a table (genre or decade …, ratings, share, lift).

    The strongest lifts, the highest on top, or all of them from top to bottom as the table has them. Where there
    are no stars, and so no lift, what they chose most.
    """
    word, known = str(table.columns[0]), table.dropna(subset=["lift"])
    if known.empty:
        return _shares(table.head(shown), word)
    known = known.assign(lift=known["lift"].astype(float))
    if not in_order:
        strongest = known["lift"].abs().sort_values(ascending=False).index[:shown]
        known = known.loc[strongest].sort_values("lift", ascending=False)
    figure = diverging(known[word], known["lift"], "likes more, in stars →")
    figure.update_traces(
        customdata=known["ratings"], hovertemplate="%{y}: %{text} stars over %{customdata} ratings<extra></extra>"
    )
    most, least = known.loc[known["lift"].idxmax()], known.loc[known["lift"].idxmin()]
    article = "the " if word == "decade" else ""
    likes, dislikes = f"{article}{most[word]}", f"{article}{least[word]}"
    if most["lift"] <= 0:
        return Drawn(figure, f"Likes {dislikes} less than others do ({signed(least['lift'])} stars).")
    says = f"Likes {likes} more than others do ({signed(most['lift'])} stars)"
    return Drawn(figure, f"{says}, {dislikes} less ({signed(least['lift'])})." if least["lift"] < 0 else f"{says}.")


def diverging(names: Iterable[str], values: Iterable[float], axis: str, places: int = 2) -> go.Figure:
    """Bars to the right and the left of 0, the first on top, each with its value."""
    names, values = list(map(theme.label, names)), list(values)
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker_color=[theme.FOR if value > 0 else theme.AGAINST for value in values],
            text=[signed(value, places) for value in values],
            textposition="outside",
            textfont={"color": theme.INK, "size": 12},
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.38 * (high - low or 1.0)  # for the values written beside the bars
    theme.quiet(figure, 27 * len(names) + 62).update_layout(bargap=0.35)
    figure.update_xaxes(
        range=[low - room if low else 0, high + room if high else 0.2 * room], title_text=axis, zeroline=True, nticks=5
    )
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure


def why(told: Why, scale: Scale = None, *, narrow: bool = False, shown: int = SHOWN_PARTS) -> Drawn:
    """A score as a staircase: from its base over the strongest parts to the score itself, and how far off it may be."""
    shape = (20, 2) if narrow else (38, 1)
    steps = _steps(told, shown, *shape)
    places = digits(weight for _, weight in steps)
    rows = [(name, weight, "relative", signed(weight, places)) for name, weight in steps]
    if told.base:
        rows.insert(0, (in_lines(told.base_name, shape[0], 2), told.base, "absolute", amount(told.base)))
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
    span = likely(told, scale)
    if span:
        names = (*names, "two times in three")
        figure.add_scatter(
            x=span, y=[len(rows)] * 2, mode="lines+markers+text", hoverinfo="skip", cliponaxis=False,
            text=["", "" if narrow else f"  {span[0]:.1f} to {span[1]:.1f}"], textposition="middle right",
            textfont={"color": theme.INK, "size": 12}, line={"color": theme.BASE, "width": 4},
            marker={"symbol": "line-ns", "size": 14, "line": {"color": theme.BASE, "width": 3}},
        )  # fmt: skip
        reached += span
    low, high = min(reached), max(reached)
    room = (0.3 if narrow else 0.12) * (high - low or 1)
    start = 0 if 0 <= low < 0.5 * (high - low) else low - 2 * room
    theme.quiet(figure, _ROW * len(names) + 56)
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(names))), showgrid=False, zeroline=False,
        ticktext=[name[0].upper() + name[1:] for name in names],
    )  # fmt: skip
    figure.update_xaxes(
        range=[start, high + room * 1.6], nticks=3 if narrow else 6, tickangle=0,
        title_text="stars →" if told.stars is not None else "score →",
    )  # fmt: skip
    figure.update_layout(waterfallgap=0.3)
    return Drawn(figure, sentence(told, span))


def likely(told: Why, scale: Scale) -> list[float]:
    """The ends between which the rating would lie two times in three, within the scale; empty where not known."""
    if told.deviation is None or told.stars is None or scale is None:
        return []
    ends = told.score - told.deviation, told.score + told.deviation
    return [min(max(end, scale[0]), scale[1]) for end in ends]


def sentence(told: Why, span: Sequence[float] = ()) -> str:
    """What holds an explanation together: how sure it is, whether it adds up, what the strongest rating was worth."""
    said = []
    if span:
        said.append(f"Two times in three the rating would lie between {span[0]:.1f} and {span[1]:.1f}.")
    if told.without and told.without.after != told.without.before:
        fall = f"from {told.without.before} to {told.without.after}"
        said.append(f"Without the rating of {told.without.title} it would fall {fall}.")
    elif told.without:
        said.append(f"Without the rating of {told.without.title} it would keep its place.")
    if told.exact:
        said.append(f"Exact: the parts sum to {amount(told.score)}.")
    elif told.method:
        said.append(f"{told.method} What is not explained hangs on no one of them alone.")
    else:
        said.append("Approximate: the parts show what mattered most and do not sum to the score.")
    if told.stars is not None and amount(told.stars) != amount(told.score):
        said.append(f"The scale ends at {told.stars:g}, so it counts as {amount(told.stars)}.")
    return " ".join(said)


def named(reason: Reason, length: int, lines: int) -> str:
    """What carried a part, cut to lines of a length for a figure, with the rating it stands on."""
    rating = "" if reason.rating is None else f"\u00a0★{reason.rating:g}"
    return in_lines(reason.what, length, lines) + rating


def in_lines(text: str, length: int, lines: int) -> str:
    """Words for a figure, cut to so many lines of a length.

    >>> in_lines("Crouching Tiger, Hidden Dragon (Wo hu cang long) (2000)", 20, 2)
    'Crouching Tiger,<br>Hidden Dragon (Wo…'
    """
    cut = wrap(theme.shorten(text, length * lines), length, max_lines=lines, placeholder="…")
    return "<br>".join(map(theme.label, cut))


def signed(value: float, places: int = 2) -> str:
    """A weight with its sign: a real minus, and the digits asked for.

    >>> signed(0.4213), signed(-0.5), signed(0.0041, 3), signed(-0.0004)
    ('+0.42', '−0.50', '+0.004', '+0.00')
    """
    return f"{value:+z,.{places}f}".replace("-", "−")


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


def _shares(table: pd.DataFrame, word: str) -> Drawn:
    figure = go.Figure(
        go.Bar(
            x=table["share"],
            y=table[word].map(theme.label),
            orientation="h",
            marker_color=theme.BASE,
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    theme.quiet(figure, 27 * len(table) + 62)
    figure.update_xaxes(title_text="share of what they chose →", tickformat=".0%", nticks=5)
    figure.update_yaxes(autorange="reversed", type="category")
    most = table.sort_values("share").iloc[-1][word] if len(table) else ""
    return Drawn(figure, f"Chose {most} most." if most else f"No {word} is known.")
