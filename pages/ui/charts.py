"""Answers → figures, each with the sentence that says the same in words."""

from __future__ import annotations

from dataclasses import dataclass

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


def why(told: Why, shown: int = SHOWN_PARTS) -> Drawn:
    """A score as a staircase: from its base over the strongest parts to the score itself."""
    steps = _steps(told, shown)
    reached = [told.base]
    for _, weight in steps:
        reached.append(reached[-1] + weight)
    numbers = [amount(told.base), *(signed(weight) for _, weight in steps), amount(told.score)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *["relative"] * len(steps), "total"],
            x=[told.base, *(weight for _, weight in steps), told.score],
            y=list(range(len(steps) + 2)),
            text=numbers,
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
    low, high = min(*reached, told.score), max(*reached, told.score)
    room = 0.12 * (high - low or 1)
    start = 0 if low >= 0 and low < 0.5 * (high - low) else low - 2 * room
    names = [told.base_name, *(name for name, _ in steps), "Score"]
    theme.quiet(figure, _ROW * len(names) + 40)
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(names))),
        ticktext=[theme.label(theme.shorten(name[0].upper() + name[1:], 38)) for name in names],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(
        range=[start, high + room * 1.6], title_text="stars →" if told.stars is not None else "score →", nticks=6
    )
    figure.update_layout(bargap=0.3, waterfallgap=0.3)
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


def named(reason: Reason) -> str:
    """What carried a part, with the rating it stands on."""
    return f"{reason.what} ★{reason.rating:g}" if reason.rating is not None else reason.what


def signed(value: float) -> str:
    """A weight with its sign: a real minus, and the digits it deserves.

    >>> signed(0.4213), signed(-0.5), signed(0.0041)
    ('+0.42', '−0.50', '+0.004')
    """
    return f"{value:+.{_digits(value)}f}".replace("-", "−")


def amount(value: float) -> str:
    """A score with the digits it deserves.

    >>> amount(4.7), amount(231.0), amount(0.0123)
    ('4.70', '231', '0.012')
    """
    return f"{value:,.{_digits(value)}f}".replace("-", "−")


def _digits(value: float) -> int:
    size = abs(value)
    if size >= 10 and float(value).is_integer():
        return 0
    return 1 if size >= 100 else 3 if 0 < size < 0.02 else 2


def _steps(told: Why, shown: int) -> list[tuple[str, float]]:
    """The strongest parts, the others as one, and what an approximate explanation leaves open."""
    parts = sorted(told.parts, key=lambda part: -abs(part.weight))
    kept = parts if len(parts) <= shown else parts[: shown - 1]
    steps = [(named(part), part.weight) for part in kept]
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
