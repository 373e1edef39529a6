"""The pictures of one person or one movie: each answers one question, and says its answer in words."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts, theme
from pages.ui.distributions import DATA, Card
from recengine.describe import percent

_HEIGHT = 240
_SHOWN = 8
_AGAINST = 4
_FEW_VALUES = 11
_NAME = 30  # characters


def ratings(question: str, own: pd.DataFrame, everyone: pd.DataFrame, says: str) -> Card:
    """How high ratings are, bars, beside those of everyone, strokes: tables (value, count).

    Without the strokes where the tables are not of the same values.
    """
    comparable = bool(own["value"].isin(everyone["value"]).all())
    if comparable:
        own = everyone[["value"]].merge(own, how="left").fillna({"count": 0})
    figure = go.Figure(
        go.Bar(
            x=own["value"],
            y=own["count"] / own["count"].sum(),
            marker_color=DATA,
            customdata=own["count"],
            hovertemplate="%{x}: %{y:.0%}, %{customdata:,} ratings<extra></extra>",
        )
    )
    if comparable:
        figure.add_scatter(
            x=everyone["value"],
            y=everyone["count"] / everyone["count"].sum(),
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": 22 if len(everyone) <= _FEW_VALUES // 2 else 14,
                "line": {"color": theme.INK, "width": 3},
            },
            hovertemplate="%{x}: %{y:.0%} of all ratings<extra></extra>",
        )
    theme.quiet(figure, _HEIGHT).update_layout(bargap=0.3)
    figure.update_xaxes(
        title_text="rating · strokes: all ratings in the data" if comparable else "rating",
        showgrid=False,
        tickvals=own["value"] if len(own) <= _FEW_VALUES else None,
    )
    figure.update_yaxes(title_text="share of ratings", tickformat=".0%", rangemode="tozero", nticks=5)
    return Card(question, figure, says)


def taste(question: str, table: pd.DataFrame, *, in_order: bool = False) -> Card | None:
    """What someone likes more and less than others do; a table as `charts.taste` reads it."""
    if table.empty:
        return None
    drawn = charts.taste(table, _SHOWN, in_order=in_order)
    return Card(question, drawn.figure, drawn.says)


def habits(question: str, table: pd.DataFrame, *, in_order: bool = False) -> Card | None:
    """What someone watched, dots, beside what everyone does, strokes.

    From a table (genre or decade, ratings, share, usual, times): the most frequent rows, the most unusual on top, or
    all as the table has them.
    """
    if table.empty:
        return None
    word = str(table.columns[0])
    shown = table if in_order else table.head(_SHOWN).sort_values("times", ascending=False)
    names = list(map(theme.label, shown[word]))
    figure = go.Figure()
    for name, share, usual in zip(names, shown["share"], shown["usual"], strict=True):
        line = {"color": theme.BASE, "width": 3}
        figure.add_scatter(x=[usual, share], y=[name, name], mode="lines", line=line, hoverinfo="skip")
    stroke = {"symbol": "line-ns", "size": 16, "line": {"color": theme.INK, "width": 3}}
    dot = {"color": DATA, "size": 13}
    for column, marker, whose in (("usual", stroke, "everyone's"), ("share", dot, "their")):
        figure.add_scatter(
            x=shown[column],
            y=names,
            mode="markers",
            marker=marker,
            hovertemplate=f"%{{y}}: %{{x:.0%}} of {whose} ratings<extra></extra>",
        )
    top = float(shown[["share", "usual"]].to_numpy().max())
    for name, times in zip(names, shown["times"], strict=True):
        figure.add_annotation(
            x=1.28 * top, y=name, text=f"{times:.1f} ×", showarrow=False, xanchor="right", font={"size": 12}
        )
    theme.quiet(figure, 27 * len(shown) + 60)
    figure.update_xaxes(
        title_text="share of ratings · strokes: everyone's",
        tickformat=".0%",
        range=[0, 1.3 * top],
        nticks=5,
        zeroline=False,
    )
    figure.update_yaxes(autorange="reversed", type="category")
    most, least = shown.loc[shown["times"].idxmax()], shown.loc[shown["times"].idxmin()]
    says = f"{most[word]} takes {percent(most['share'])} of their ratings, {most['times']:.1f} times the usual share"
    says += f"; {least[word]} {least['times']:.1f} times." if len(shown) > 1 else "."
    return Card(question, figure, says)


def features(question: str, table: pd.DataFrame, axis: str, says: str, *, judged: bool) -> Card:
    """The strongest features, and those against, from a table (feature, weight) with the highest weight first.

    `judged`: a weight speaks for or against something; else it only says how much.
    """
    shown = for_and_against(table)
    names = [theme.shorten(name, _NAME) for name in shown["feature"]]
    figure = charts.diverging(names, shown["weight"], axis, 3)
    if not judged:
        figure.update_traces(marker_color=DATA, texttemplate="%{x:.2f}")
    return Card(question, figure, says)


def for_and_against(table: pd.DataFrame) -> pd.DataFrame:
    """The few highest weights above 0 and the few lowest below, without what is less than a tenth of the largest."""
    weight = table["weight"]
    told = table[weight.abs() >= weight.abs().max() / 10]
    return pd.concat([told[told["weight"] > 0].head(_SHOWN), told[told["weight"] < 0].tail(_AGAINST)])


def rhythm(question: str, table: pd.DataFrame, axis: str, says: str, ticks: Sequence[str] | None = None) -> Card:
    """How many ratings fall on each place of a week or a day: a table (weekday or hour, ratings)."""
    place = table.iloc[:, 0]
    figure = go.Figure(
        go.Bar(x=place, y=table["ratings"], marker_color=DATA, hovertemplate="%{x}: %{y:,} ratings<extra></extra>")
    )
    theme.quiet(figure, _HEIGHT).update_layout(bargap=0.25)
    figure.update_xaxes(title_text=axis, showgrid=False, tickvals=place if ticks else None, ticktext=ticks, tickangle=0)
    figure.update_yaxes(title_text="ratings", rangemode="tozero", tickformat="~s", nticks=5)
    return Card(question, figure, says)
