"""Colours with a meaning, the same on every page: a family is a hue, a model a shade, a dash and a marker within it.

Okabe and Ito's palette, safe for colour-blind eyes. For and against also carry a sign or a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pages.ui import state

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FAMILY = {
    "baselines": "#7F8790",
    "neighbors": "#0072B2",
    "content": "#009E73",
    "linear": "#E69F00",
    "factors": "#D55E00",
    "neural": "#56B4E9",
    "hybrids": "#CC79A7",
}
FOR, AGAINST, BASE = "#009E73", "#D55E00", "#7F8790"

# Streamlit's browser side puts the theme's strong text colour in this one's place, light or dark.
INK = "#000037"
GRID = "rgba(127,135,144,0.25)"

_SHADES = (0.0, 0.28, -0.28, 0.5, -0.45)  # towards white (+) or black (−)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


@dataclass(frozen=True)
class Mark:
    """How a model is drawn."""

    colour: str
    dash: str
    symbol: str


def mark(model: str) -> Mark:
    """How a model is drawn on every page: by its family and its place within it."""
    models = state.models()
    family = models[model].family
    place = [name for name, info in models.items() if info.family == family].index(model)
    turn = place % len(_SHADES)
    return Mark(shade(FAMILY[family], _SHADES[turn]), _DASHES[turn], _SYMBOLS[turn])


def shade(colour: str, amount: float) -> str:
    """A colour mixed with white (`amount` from 0 to 1) or black (0 to −1).

    >>> shade("#0072B2", 0.5), shade("#0072B2", 0.0)
    ('#80b8d8', '#0072b2')
    """
    towards = 255 if amount > 0 else 0
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (towards - part) * abs(amount)):02x}" for part in parts)


def label(text: Any) -> str:
    """Words that are data for a figure, which reads `<` and `&` as HTML."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, length: int) -> str:
    """A text cut to a length, at a word where possible.

    >>> shorten("Dr. Strangelove or: How I Learned to Stop Worrying", 20)
    'Dr. Strangelove…'
    """
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut[: cut.rindex(" ")] if " " in cut[length // 2 :] else cut).rstrip() + "…"


def quiet(figure: Figure, height: int) -> Figure:
    """A figure without ornaments: clear ground, no legend, readable type, room for its labels."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        dragmode=False,
        font={"color": INK, "size": 13},
        hoverlabel={"font": {"size": 13}},
    )
    axis = {"tickfont": {"color": INK, "size": 12}, "title": {"font": {"color": INK, "size": 13}}, "automargin": True}
    figure.update_xaxes(**axis, gridcolor=GRID, zerolinecolor=GRID, fixedrange=True)
    figure.update_yaxes(**axis, gridcolor=GRID, zerolinecolor=GRID, fixedrange=True)
    return figure
