"""The pictures of the page on the data: each answers one question, and says its answer in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log10

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui import theme
from pages.ui.overview import counted, scale
from recengine.describe import FEW_SHARED, Description, Quantiles, percent

DATA = "#1F7A76"  # what is counted in the data; hues of their own belong to the families of models
_FILL = "rgba(31,122,118,0.35)"
_HEIGHT = 240
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """A question, the picture that answers it, and the answer in words; `wide` where it needs the whole row."""

    question: str
    figure: go.Figure
    says: str
    wide: bool = False


def cards(data: Description) -> list[Card]:
    """Every question that these data can answer."""
    makers: tuple[Callable[[Description], Card | None], ...] = (
        _ratings, _long_tail, _counts, _pairs, _activity, _genres,
    )  # fmt: skip
    return [card for make in makers if (card := make(data)) is not None]


def genre_table(data: Description) -> None:
    """Genres by number of ratings, with their mean."""
    table = data.genres.drop(columns="difference").assign(mean=pd.to_numeric(data.genres["mean"]))
    column = st.column_config
    st.dataframe(
        table if data.mean is not None else table.drop(columns="mean"),
        hide_index=True,
        height="content",
        column_config={
            "genre": column.TextColumn("Genre", width=104),
            "movies": column.NumberColumn("Movies", format="localized", width=56),
            "ratings": column.ProgressColumn(
                "Ratings", format="localized", min_value=0, max_value=max(int(table["ratings"].max()), 1), width=120
            ),
            "mean": column.NumberColumn("Mean", format="%.2f", width=52),
        },
        alt="Genres by number of ratings, with movies, ratings and mean",
    )


def _ratings(data: Description) -> Card | None:
    if data.histogram.empty or data.mean is None:
        return None
    value, count = data.histogram["value"], data.histogram["count"]
    share, few = count / count.sum(), len(value) <= 10
    figure = go.Figure(
        go.Bar(
            x=value,
            y=count,
            marker_color=DATA,
            text=share.map("{:.0%}".format) if few else None,
            textposition="outside",
            textangle=0,
            textfont={"size": 12},
            constraintext="none",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:,} ratings<extra></extra>",
        )
    )
    theme.quiet(figure, _HEIGHT).update_layout(bargap=0.25, margin_t=24)
    figure.update_xaxes(title_text="rating", showgrid=False, tickvals=value if few else None)
    figure.update_yaxes(title_text="ratings", tickformat="~s", nticks=5)
    often = value.iloc[count.argmax()]
    said = f"Most frequent is {often:g}, {percent(share.max())} of all ratings. The mean is {data.mean:.2f}"
    return Card("How high do people rate?", figure, f"{said}{scale(data, ' on a scale')}.")


def _long_tail(data: Description) -> Card | None:
    curve, top = data.long_tail, data.top_decile_share
    if curve.empty or data.gini is None or top is None:
        return None
    tenth = ceil(data.n_movies / 10) / data.n_movies
    even = {"color": theme.BASE, "dash": "dot", "width": 1.5}
    figure = go.Figure(
        [
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=even, hoverinfo="skip"),
            go.Scatter(
                x=curve["movies"],
                y=curve["ratings"],
                mode="lines",
                line={"color": DATA, "width": 3},
                hovertemplate="%{x:.0%} of movies hold %{y:.0%} of ratings<extra></extra>",
            ),
            go.Scatter(x=[tenth], y=[top], mode="markers", marker={"color": DATA, "size": 11}, hoverinfo="skip"),
        ]
    )
    theme.quiet(figure, _HEIGHT)
    figure.update_xaxes(title_text="share of movies, most rated first", tickformat=".0%", range=[0, 1.02], nticks=6)
    figure.update_yaxes(title_text="share of ratings", tickformat=".0%", range=[0, 1.05], nticks=6)
    _write(figure, tenth, top, f"top tenth:<br>{percent(top)}", xanchor="left", align="left", xshift=10, yshift=-14)
    _write(figure, 0.98, 0.36, "if all movies<br>were rated alike", xanchor="right", align="right")
    said = (
        f"The most rated tenth of the movies holds {percent(top)} of the ratings. The Gini coefficient is "
        f"{data.gini:.2f}: 0 would be all movies alike, 1 a single movie with everything."
    )
    return Card("Do a few movies get all the ratings?", figure, said)


def _counts(data: Description) -> Card | None:
    rows = [
        ("people", "a person<br>gave", data.ratings_per_person),
        ("movies", "a movie<br>got", data.ratings_per_movie),
    ]
    known = [(who, name, counts) for who, name, counts in rows if counts is not None]
    if not known or not data.n_ratings:
        return None
    figure = go.Figure()
    for place, (_, _, counts) in enumerate(known):
        _strip(figure, place, counts)
    theme.quiet(figure, _HEIGHT)
    most = max(counts.high for _, _, counts in known)
    ticks = [0, *(10**power for power in range(1 + int(log10(most + 1))))]
    figure.update_xaxes(
        title_text="ratings, on a logarithmic axis",
        tickvals=[_log(tick) for tick in ticks],
        ticktext=[f"{tick:,}" for tick in ticks],
        range=[-0.05, 1.18 * _log(most)],
        zeroline=False,
    )
    figure.update_yaxes(
        showgrid=False,
        zeroline=False,
        range=[len(known) - 0.45, -0.65],
        tickvals=list(range(len(known))),
        ticktext=[name for _, name, _ in known],
    )
    says = " ".join(
        f"Half of the {who} have {counts.quarter:,.0f} to {counts.three_quarters:,.0f} ratings, "
        f"the middle one {counts.median:,.0f}, the most {counts.high:,.0f}."
        for who, _, counts in known
    )
    return Card("How many ratings are there to learn from?", figure, says)


def _strip(figure: go.Figure, place: int, counts: Quantiles) -> None:
    """A row: a thin line from the smallest to the largest, a thick one over the middle half, a dot at the median."""
    for ends, line in (
        ((counts.low, counts.high), {"color": theme.BASE, "width": 2}),
        ((counts.quarter, counts.three_quarters), {"color": DATA, "width": 16}),
    ):
        figure.add_scatter(x=[*map(_log, ends)], y=[place, place], mode="lines", line=line, hoverinfo="skip")
    dot = {"color": "white", "size": 11, "line": {"color": DATA, "width": 2}}
    figure.add_scatter(x=[_log(counts.median)], y=[place], mode="markers", marker=dot, hoverinfo="skip")
    _write(figure, _log(counts.median), place, f"median {counts.median:,.0f}", yshift=20)
    _write(figure, _log(counts.high), place, f"{counts.high:,.0f}", xanchor="left", xshift=4)
    _write(figure, _log(counts.low), place, f"{counts.low:,.0f}", xanchor="right", xshift=-8)


def _activity(data: Description) -> Card | None:
    return activity(data.activity, data.period_months)


def activity(table: pd.DataFrame, months: int | None) -> Card | None:
    """When ratings were made, from a table (start, ratings) with a row a period of so many months."""
    if table.empty or months is None:
        return None
    period = {1: "month", 12: "year"}.get(months, f"{months // 12} years")
    figure = go.Figure(
        go.Scatter(
            x=table["start"],
            y=table["ratings"],
            mode="lines" if len(table) > 1 else "markers",
            fill="tozeroy",
            line={"color": DATA, "width": 2},
            fillcolor=_FILL,
            hovertemplate="%{x}: %{y:,} ratings<extra></extra>",
        )
    )
    theme.quiet(figure, _HEIGHT)
    figure.update_xaxes(showgrid=False, nticks=8)
    figure.update_yaxes(title_text=f"ratings a {period}", tickformat="~s", rangemode="tozero", nticks=5)
    top = table.iloc[table["ratings"].argmax()]
    share = percent(top["ratings"] / table["ratings"].sum())
    said = f"The busiest {period} is {_period(top['start'], months)}, with {share} of the ratings"
    empty = int((table["ratings"] == 0).sum())
    said += f"; {counted(empty, 'period', 'periods')} without any." if empty else "."
    return Card("When did people rate?", figure, said, wide=True)


def _pairs(data: Description) -> Card | None:
    rows = [
        ("two people", "Two people rated fewer than {n} of the same movies", data.people_pairs),
        ("two movies", "Two movies were rated by fewer than {n} of the same people", data.movie_pairs),
    ]
    known = [(name, told, pairs) for name, told, pairs in rows if pairs is not None]
    if not known:
        return None
    figure = go.Figure()
    for few, colour, ink in ((False, DATA, "white"), (True, theme.BASE, "black")):
        shares = [pairs.share if few else 1 - pairs.share for _, _, pairs in known]
        name = "too few" if few else "enough"
        figure.add_bar(
            x=shares,
            y=[f"{name}  " for name, _, _ in known],
            orientation="h",
            marker_color=colour,
            text=[f"{name}: {percent(share)}" if share >= 0.4 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": ink, "size": 13},
            constraintext="none",
            hovertemplate=f"%{{y}}: {name} in common in %{{x:.1%}} of pairs<extra></extra>",
        )
    theme.quiet(figure, _HEIGHT).update_layout(barmode="stack", bargap=0.45)
    figure.update_xaxes(title_text="share of pairs", tickformat=".0%", range=[0, 1.02], nticks=6, zeroline=False)
    figure.update_yaxes(showgrid=False, autorange="reversed", type="category")
    said = " ".join(
        f"{told.format(n=FEW_SHARED)} in {percent(pairs.share)} of pairs"
        + ("." if pairs.exact else f" (estimated from {pairs.compared:,}).")
        for _, told, pairs in known
    )
    return Card("Can they be compared with each other?", figure, f"{said} A similarity of such a pair means little.")


def _genres(data: Description) -> Card | None:
    rated = data.genres.dropna(subset=["difference"])
    if rated.empty:
        return None
    rated = rated.assign(difference=rated["difference"].astype(float)).sort_values("difference")
    figure = go.Figure(
        go.Bar(
            x=rated["difference"],
            y=rated["genre"].map(theme.label),
            orientation="h",
            marker_color=[theme.FOR if difference >= 0 else theme.AGAINST for difference in rated["difference"]],
            text=rated["difference"].map(_signed),
            textposition="outside",
            cliponaxis=False,
            customdata=rated[["mean", "ratings"]],
            hovertemplate="%{y}: mean %{customdata[0]:.2f} of %{customdata[1]:,} ratings<extra></extra>",
        )
    )
    theme.quiet(figure, 70 + 27 * len(rated)).update_layout(bargap=0.3)
    reach = 1.35 * max(rated["difference"].abs().max(), 0.05)
    figure.update_xaxes(title_text="stars from the mean of all ratings →", range=[-reach, reach], nticks=6)
    figure.update_yaxes(showgrid=False, type="category")
    best, worst = rated.iloc[-1], rated.iloc[0]
    said = f"{best['genre']} stands highest, {_signed(best['difference'])} stars from the mean of all ratings"
    said += f"; {worst['genre']} lowest, {_signed(worst['difference'])}." if len(rated) > 1 else "."
    return Card("Which genres are rated higher?", figure, said)


def _write(figure: go.Figure, x: float, y: float, text: str, **place: object) -> None:
    """A label beside what it names."""
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, **place)


def _log(count: float) -> float:
    """log10(1 + count): a logarithmic axis that has a place for 0."""
    return log10(1 + count)


def _signed(difference: float) -> str:
    """A difference with its sign, and the minus that numbers deserve: "+0.29", "−0.12"."""
    return f"{difference:+.2f}".replace("-", "−")


def day(date: str) -> str:
    """A date in words.

    >>> day("2000-11-05")
    '5 November 2000'
    """
    year, month, of_month = date.rsplit("-", 2)
    return f"{int(of_month)} {_MONTHS[int(month) - 1]} {year}"


def _period(start: str, months: int) -> str:
    """The period that starts on a date: "November 2000", "2000", "2000 to 2009"."""
    year, month, _ = start.rsplit("-", 2)
    if months == 1:
        return f"{_MONTHS[int(month) - 1]} {year}"
    return year if months == 12 else f"{year} to {int(year) + months // 12 - 1}"
