"""A hybrid's answer taken apart: the lists beside one another, who adds what, why one movie, what weights are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts, frame, ranking, slopes, state, tables, theme
from pages.ui.words import plain
from recengine.answers import Filters, Row, Said, Voice, Who, Why, Workbench
from recengine.wording import short_title

_MOVIE = "movie on the workbench"
_NAME = 12  # characters of a model's name over a column
_TABLE = "rows of the workbench"
_ROWS, _HEIGHT = 10, 400  # a longer table scrolls; pixels
_WIDTH, _NARROWEST = 660, 130  # pixels: of the columns of titles together, and of one


def answer(data: str, label: str, who: Who, k: int, filters: Filters) -> Workbench | None:
    """Everything but the weights' worth: drawn, and given back for the sliders."""
    asked = st.session_state.get(_MOVIE) if st.session_state.get(f"{_MOVIE} of") == data else None
    with frame.waiting() as progress, st.skeleton(height=420):
        told = state.taken_apart(data, label, who, k, filters, None, progress)
    rows = told.rows
    if not rows:
        st.info(
            "No movie passes these filters: allow more genres, more years or fewer ratings.",
            icon=":material/filter_alt_off:",
        )
        return told
    at = next((place for place, row in enumerate(rows) if row.movie.item_id == asked), 0)
    chosen = rows[at]
    if at:
        told = state.taken_apart(data, label, who, k, filters, chosen.movie.item_id)
    for note in told.notes:
        st.warning(plain(note), icon=":material/info:")
    _rests_on(told)
    if told.voices:
        drawn = slopes.slopes(told, chosen.movie.item_id, narrow=frame.narrow())
        st.plotly_chart(
            drawn.figure, theme="streamlit", width="stretch", config={"displayModeBar": False}, key="slopes",
            alt=drawn.says,
        )  # fmt: skip
        st.markdown(
            ":small[Left each model's list, right the hybrid's; the thick line is the movie explained below. Dotted: "
            "movies that only one of the models has among its first. Open marks: a fallback's place, not an opinion.]"
        )
    by_movie, by_list = st.tabs(["Movie by movie", "List by list"])
    with by_list:
        _lists(told)
    if frame.narrow():
        with by_movie:
            for row in rows:
                _card(data, told, row, lambda item_id: state.taken_apart(data, label, who, k, filters, item_id).why)
    else:
        with by_movie:
            _table(data, told, at)
        with st.container(border=True):
            _why(data, told.why)
    if told.weights and len(told.voices) > 1:
        _worth(data, told)
    return told


def _rests_on(told: Workbench) -> None:
    """How much is known of the person, and who has nothing to say."""
    silent = [
        voice.title
        for place, voice in enumerate(told.voices)
        if not any(row.said[place].opinion for row in (*told.rows, *told.beside))
    ]
    ratings = "1 rating" if told.n_rated == 1 else f"{told.n_rated:,} ratings"
    said = f"Rests on {ratings} of theirs."
    if silent:
        said += f" No opinion on any of these movies, so that a fallback answers: {', '.join(silent)}."
    st.markdown(f":small[{plain(said)}]")


def _table(data: str, told: Workbench, at: int) -> None:
    """A row a movie: its place in every list and what every model adds; a click chooses it."""

    def choose() -> None:
        selection = st.session_state[_TABLE].selection
        rows = [cell[0] for cell in selection.cells] or selection.rows
        if rows:
            _explain(data, told.rows[rows[0]])

    st.session_state[_TABLE] = {"selection": {"rows": [at], "columns": [], "cells": []}}
    st.dataframe(
        _rows(told),
        column_config=_columns(told),
        hide_index=True,
        height="content" if len(told.rows) <= _ROWS else _HEIGHT,
        placeholder="–",
        on_select=choose,
        selection_mode=["single-row-required", "single-cell"],
        key=_TABLE,
        alt=f"The {len(told.rows)} movies of the hybrid's list, each with its place in every model's list.",
    )


def _explain(data: str, row: Row) -> None:
    st.session_state[_MOVIE], st.session_state[f"{_MOVIE} of"] = row.movie.item_id, data


def _rows(told: Workbench) -> pd.DataFrame:
    table: dict[str, list[Any]] = {
        "rank": [row.place for row in told.rows],
        "movie": [_title(row) for row in told.rows],
        "score": [row.score if row.stars is None else row.stars for row in told.rows],
    }
    adds = _adds(told)
    if adds:
        table["split"] = [[said.adds or 0.0 for said in row.said] for row in told.rows]
    for place in range(len(told.voices)):
        table[f"place {place}"] = [_place(row.said[place]) for row in told.rows]
        if adds:
            table[f"adds {place}"] = [row.said[place].adds for row in told.rows]
    if not adds or any(row.fallback for row in told.rows):
        table["why"] = [f"Fallback: {row.fallback}" if row.fallback else row.reason for row in told.rows]
    return pd.DataFrame(table)


def _columns(told: Workbench) -> dict[str, Any]:
    column = st.column_config
    stars = told.rows[0].stars is not None
    added = [said.adds or 0.0 for row in told.rows for said in row.said] or [0.0]
    shown: dict[str, Any] = {
        "rank": column.NumberColumn("#", width=34),
        "movie": column.TextColumn("Movie", width=196),
        "score": column.NumberColumn("Predicted" if stars else "Score", format="%.2f" if stars else "%.3g", width=76),
        "split": column.BarChartColumn(
            "Split",
            width=84,
            y_min=min(0.0, *added),
            y_max=max(0.0, *added),
            help=f"What each adds, in this order: {', '.join(voice.title for voice in told.voices)}.",
        ),
        "why": column.TextColumn("Why", width=260),
    }
    for place, voice in enumerate(told.voices):
        name = theme.shorten(voice.title, _NAME)
        shown[f"place {place}"] = column.TextColumn(
            name, width=84, help=f"Place in the list of {voice.title} by itself; in brackets: by its fallback."
        )
        shown[f"adds {place}"] = column.NumberColumn(
            "adds", width=58, format="%+.2f", help=f"What {voice.title} adds to the hybrid's score."
        )
    return shown


def _adds(told: Workbench) -> bool:
    """Whether the hybrid's scores are told as made of what the models say."""
    return any(said.adds is not None for row in told.rows for said in row.said)


def _place(said: Said) -> str:
    """A place in a model's own list, in brackets where its fallback put the movie there."""
    if said.place is None:
        return "–"
    return f"{said.place:,}" if said.opinion else f"({said.place:,})"


def _card(data: str, told: Workbench, row: Row, explain: Callable[[Any], Why | None]) -> None:
    """One movie for a narrow screen."""
    with st.container(border=True, gap="xsmall"):
        number = f"★ {row.stars:.2f}" if row.stars is not None else f"score {charts.amount(row.score)}"
        st.markdown(f"**{row.place} · {plain(_title(row))}** · {plain(number)}")
        if row.fallback:
            st.markdown(f":orange-badge[Fallback] {plain(row.fallback)}")
        lines = [_line(said, voice) for said, voice in zip(row.said, told.voices, strict=True)]
        st.markdown("  \n".join(plain(line) for line in lines))
        more = st.expander("Why, in full", key=f"why {row.movie.item_id}", on_change="rerun")
        if more.open:
            with more:
                _why(data, explain(row.movie.item_id))


def _line(said: Said, voice: Voice) -> str:
    adds = "" if said.adds is None else f", adds {charts.signed(said.adds)}"
    return f"{voice.title}: place {_place(said)}{adds}"


def _lists(told: Workbench) -> None:
    """The first movies of every list, side by side."""
    everything, k = (*told.rows, *told.beside), len(told.rows)
    columns = {slopes.HYBRID: {row.place: _title(row) for row in told.rows}}
    for place, voice in enumerate(told.voices):
        columns[voice.title] = {row.said[place].place: _title(row) for row in everything}
    width = max(_NARROWEST, _WIDTH // len(columns))
    st.dataframe(
        pd.DataFrame(
            {"#": range(1, k + 1), **{name: [own.get(i) for i in range(1, k + 1)] for name, own in columns.items()}}
        ),
        column_config={
            "#": st.column_config.NumberColumn(width=34),
            **{name: st.column_config.TextColumn(width=width) for name in columns},
        },
        hide_index=True, placeholder="–", height="content" if k <= _ROWS else _HEIGHT,
        alt=f"The first {k} movies of each list: {', '.join(columns)}.",
    )  # fmt: skip


def _why(data: str, why: Why | None) -> None:
    """One movie's score as a staircase, and what each model says of it in its own words."""
    if why is None:
        return
    st.header(f"Why {plain(why.title)}?", anchor=False)
    models = [part for part in why.parts if part.kind == "model"]
    if models:
        with st.grid(2, min_column_width=280):
            for part in models:
                with st.container(border=True, gap="xsmall", height="stretch"):
                    st.markdown(f"**{plain(part.what)}** adds **{plain(charts.signed(part.weight))}**")
                    if part.fallback:
                        st.badge("Fallback", icon=":material/alt_route:", color="orange")
                    if part.line:
                        st.text(f"{part.line[0].upper()}{part.line[1:]}")
    ranking.explained(data, why)


def _worth(data: str, told: Workbench) -> None:
    """What the weights are worth on ratings held back inside the data, when that is asked."""
    with st.container(border=True):
        st.header("Are these weights any good?", anchor=False)
        measure = st.toggle(
            "Measure the weights", key="measured", bind="query-params",
            help="Every model is fitted several times without a part of the ratings, which it then predicts.",
        )  # fmt: skip
        if not measure:
            st.text("Ratings are held back inside these data, so that the error of any weights can be seen.")
            return
        with frame.sentences(), frame.waiting() as progress:
            worth = state.weighing(data, told.label, progress)
            better = "higher is better" if worth.higher_is_better else "lower is better"
            st.markdown(
                plain(
                    f"{worth.metric} {worth.worth:.4f} with these weights ({better}), over {worth.n_ratings:,} ratings "
                    f"held back of {worth.n_people:,} people. As one share changes, the others keep their proportions."
                )
            )
            with st.grid(2, min_column_width=260):
                for voice, one in zip(told.voices, worth.curves, strict=True):
                    with st.container():
                        st.markdown(f"**{plain(voice.title)}**")
                        drawn = slopes.curve(worth, one, theme.mark(voice.name).colour)
                        frame.chart(drawn.figure, drawn.says, key=f"worth of {voice.label}")


def _title(row: Row) -> str:
    return tables.dated(short_title(row.movie.title), row.movie.year)
