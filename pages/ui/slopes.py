"""Lists beside one another: how far up or down each movie moves from one to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from pages.ui import charts, tables, theme
from pages.ui.charts import Drawn
from recengine.answers import Curve, Row, Weighing, Workbench
from recengine.wording import short_title

SHOWN = 10
HYBRID = "The hybrid"
_ROW = 34  # pixels
_LETTER, _FEWEST = 7, 10  # pixels of a letter; of them that make a line of a name
_FAR = 2.0  # rows that ten times the place take, below the last that is shown


def slopes(answer: Workbench, about: Row, *, narrow: bool) -> Drawn:
    """A line a movie through its place in every list, the hybrid's last; that of `about` stands out.

    Movies that only another list has among its first are dotted. Places further down than those listed draw together:
    each tenfold takes as much room as two places.
    """
    depth, last = max(len(answer.rows[:SHOWN]), 2), len(answer.voices)
    others = [row for row in answer.rows[:SHOWN] if row != about]
    shown = sorted([*others, about], key=lambda row: row.place or math.inf)
    beside = [
        row
        for row in answer.beside
        if row.movie != about.movie and min((said.place or math.inf) for said in row.said) <= depth
    ]
    figure = go.Figure(
        [
            _lines(answer, beside, depth, width=1, dash="dot", color=theme.BASE) | {"opacity": 0.45},
            _lines(answer, others, depth, width=1.8, color=theme.BASE),
            _lines(answer, [about], depth, width=4, color=theme.FAMILY["hybrids"]),  # on top
        ]
    )
    labels = []
    for row in (row for row in shown if row.place):
        text = f"{row.place:,} · {theme.label(theme.shorten(_title(row), 15 if narrow else 32))}"
        text = f"<b>{text}</b>" if row is about else text
        labels.append({"x": last, "y": _height(row.place or depth, depth), "text": text})
    deepest = max(_height(place, depth) for row in (*shown, *beside) for place in _places(row) if place)
    figure.add_hline(y=depth + 0.5, line={"color": theme.GRID, "width": 1.5, "dash": "dash"})
    letters = (220 if narrow else 460) // last // _LETTER  # that fit over a list
    upright = letters < _FEWEST
    top = 160 if upright else 64
    theme.quiet(figure, int(_ROW * (deepest + 1)) + top)
    figure.update_layout(
        margin={"l": 8, "r": 128 if narrow else 250, "t": top, "b": 8},
        annotations=[{"xanchor": "left", "xshift": 12, "showarrow": False, **label} for label in labels],
    )
    ticks = [*range(1, depth + 1), *(10**n for n in range(1, 8) if depth < 10**n and _height(10**n, depth) <= deepest)]
    figure.update_yaxes(
        range=[deepest + 0.6, 0.4], tickvals=[_height(place, depth) for place in ticks], zeroline=False,
        ticktext=[f"{place:,}" for place in ticks], showgrid=False, title_text="" if narrow else "← better · place",
    )  # fmt: skip
    names = [voice.title for voice in answer.voices] + [HYBRID]
    figure.update_xaxes(
        range=[-0.15, last + 0.03], tickvals=list(range(last + 1)), side="top", showgrid=True, zeroline=False,
        ticktext=[charts.in_lines(name, *((24, 1) if upright else (min(18, letters), 3))) for name in names],
        tickangle=-90 if upright else 0,
    )  # fmt: skip
    return Drawn(figure, _says(answer, shown))


def _lines(answer: Workbench, rows: Sequence[Row], depth: int, **line: Any) -> dict[str, Any]:
    """A line a movie, all in one trace: with a gap between two, which is much quicker to draw than a trace for each."""
    marks = [theme.mark(name) for name in (*(voice.name for voice in answer.voices), answer.model["model"])]
    columns: list[list[Any]] = [[], [], [], [], []]
    x, y, colour, symbol, text = columns
    for row in rows:
        spoke = [*(said.opinion for said in row.said), row.fallback is None]
        for number, (place, mark, own) in enumerate(zip(_places(row), marks, spoke, strict=True)):
            x.append(number)
            y.append(_height(place, depth) if place else None)
            colour.append(mark.colour)
            symbol.append(f"{mark.symbol}{'' if own else '-open'}")
            text.append(f"{theme.label(_title(row))}: place {place:,}" if place else "")
        for column, nothing in zip(columns, (None, None, theme.BASE, "circle", ""), strict=True):
            column.append(nothing)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "line": line,
        "cliponaxis": False,
        "connectgaps": False,
        "marker": {"size": 9, "color": colour, "symbol": symbol, "line": {"width": 1, "color": theme.BASE}},
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _places(row: Row) -> list[int | None]:
    return [*(said.place for said in row.said), row.place]


def _height(place: int, depth: int) -> float:
    """How far down a place is drawn.

    >>> _height(3, 10), _height(100, 10)
    (3.0, 13.0)
    """
    return float(place) if place <= depth else depth + 1 + _FAR * math.log10(place / depth)


def _says(answer: Workbench, shown: Sequence[Row]) -> str:
    """Every line in words."""
    names = [voice.title for voice in answer.voices]
    told = []
    for row in shown:
        others = [f"{said.place or 'none'} in {name}" for said, name in zip(row.said, names, strict=True)]
        told.append(f"{_title(row)}: place {row.place or 'none'} in the hybrid's list, {', '.join(others)}")
    return "; ".join(told) + "."


def _title(row: Row) -> str:
    return tables.dated(short_title(row.movie.title), row.movie.year)


def curve(told: Weighing, one: Curve) -> Drawn:
    """What a child's share is worth, from none to all, with a dot where it is and a ring where it would be best."""
    best = (max if told.higher_is_better else min)(range(len(one.worth)), key=lambda place: one.worth[place])
    figure = go.Figure()
    figure.add_scatter(
        x=one.shares, y=one.worth, mode="lines", line={"color": theme.BASE, "width": 3}, name="",
        hovertemplate=f"share %{{x:.0%}}: {told.metric} %{{y:.4f}}",
    )  # fmt: skip
    figure.add_scatter(
        x=[one.shares[best]], y=[one.worth[best]], mode="markers", hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 15, "color": theme.INK, "line": {"width": 2}},
    )  # fmt: skip
    inside = 0 <= one.now <= 1
    if inside:
        figure.add_scatter(
            x=[one.now], y=[told.worth], mode="markers", hoverinfo="skip", marker={"size": 9, "color": theme.INK}
        )
    theme.quiet(figure, 150)
    figure.update_xaxes(tickformat=".0%", nticks=5, range=[-0.04, 1.04], title_text="its share →", zeroline=False)
    figure.update_yaxes(nticks=4, zeroline=False)
    return Drawn(
        figure,
        f"{told.metric} {one.worth[best]:.4f} at best, with a share of {one.shares[best]:.0%} (ring); "
        f"{one.worth[0]:.4f} without it, {one.worth[-1]:.4f} with it alone; now {share(one.now)} "
        f"({'dot' if inside else 'not in the picture'}).",
    )


def share(part: float) -> str:
    """A share in percent, below nothing with a real minus.

    >>> share(1.142), share(-0.142)
    ('114%', '−14%')
    """
    return f"{part:.0%}".replace("-", "−")
