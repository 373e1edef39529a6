"""What can be seen of a network: where it looked among past movies, and what it gives back of given ratings."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from pages.ui import charts, theme
from pages.ui.charts import Drawn
from recengine.answers import GivenBack, Reason
from recengine.describe import percent
from recengine.wording import short_title

_NAMED = 3  # movies, of those most looked at
_FEW = 12  # bars whose places are all written under them
_SHOWN = 8  # ratings given back, of those most changed
_THIN = 0.05  # share below which the largest is told with a digit after the point, as are the marks of its axis
_HEIGHT, _ROW = 190, 30  # pixels


def attention(watched: Sequence[Reason], *, narrow: bool = False) -> Drawn:
    """The share of a network's attention that each past movie has, oldest first, the most looked at by name."""
    shares = [reason.attention or 0.0 for reason in watched]
    most = sorted(range(len(watched)), key=lambda place: -shares[place])[:_NAMED]
    titles = [short_title(reason.what) for reason in watched]
    figure = go.Figure(
        go.Bar(
            x=list(range(1, len(watched) + 1)),
            y=shares,
            marker_color=[theme.FAMILY["neural"] if place in most else theme.BASE for place in range(len(watched))],
            customdata=[theme.label(title) for title in titles],
            hovertemplate="%{x} · %{customdata}: %{y:.1%}<extra></extra>",
        )
    )
    theme.quiet(figure, _HEIGHT).update_layout(bargap=0.15)
    few = len(watched) <= _FEW
    figure.update_xaxes(
        title_text="the last movies, in the order watched →", nticks=4 if narrow else 8, dtick=1 if few else None,
        range=[0.4, len(watched) + 0.6], showgrid=False,
    )  # fmt: skip
    finer = max(shares, default=0.0) < _THIN
    figure.update_yaxes(title_text="attention →", tickformat=".1%" if finer else ".0%", nticks=4, rangemode="tozero")
    named = ", ".join(f"{place + 1}\u00a0·\u00a0{titles[place]} ({_share(shares[place])})" for place in most)
    looked = f"Of the last {len(watched)} movies watched, the network looked most at {named}."
    if len(watched) == 1:
        looked = f"The network had {titles[0]} alone to look at."
    return Drawn(figure, f"{looked} Where it looked need not be what decided.".replace(" %", "\u00a0%"))


def _share(share: float) -> str:
    """A share of the attention, told apart from others that are small too.

    >>> _share(0.26), _share(0.0162)
    ('26 %', '1.6 %')
    """
    return f"{100 * share:.1f} %" if 0.001 <= share < _THIN else percent(share)


def given_back(ratings: Sequence[GivenBack], *, narrow: bool = False) -> Drawn:
    """Ratings and what comes back of them, a line between the two: those first that changed most."""
    shown, length = ratings[:_SHOWN], 18 if narrow else 36
    rows = list(range(len(shown)))
    before, after = [one.rating for one in shown], [one.given_back for one in shown]
    figure = go.Figure(
        go.Scatter(
            x=[end for pair in zip(before, after, strict=True) for end in (*pair, None)],
            y=[end for row in rows for end in (row, row, None)],
            mode="lines", hoverinfo="skip", showlegend=False, line={"color": theme.BASE, "width": 3},
        )
    )  # fmt: skip
    for told, values, symbol, colour in (
        ("rated", before, "circle-open", theme.BASE),
        ("given back", after, "circle", theme.FAMILY["neural"]),
    ):
        figure.add_scatter(
            x=values, y=rows, mode="markers", name=told, cliponaxis=False,
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 3, "color": colour}},
            customdata=[theme.label(one.title) for one in shown],
            hovertemplate=f"%{{customdata}}: {told} %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    theme.quiet(figure, _ROW * len(shown) + 90).update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 13, "color": theme.INK}},
    )
    figure.update_xaxes(title_text="stars →", nticks=6)
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=rows, showgrid=False, zeroline=False,
        ticktext=[charts.in_lines(short_title(one.title), length, 1) for one in shown],
    )  # fmt: skip
    first = shown[0]
    far = sum(abs(one.given_back - one.rating) for one in ratings) / len(ratings)
    return Drawn(
        figure,
        f"{first.title} changed most: rated {first.rating:g}, given back as {first.given_back:.2f}. Over all "
        f"{len(ratings):,} ratings the difference is {far:.2f} stars on average.",
    )
