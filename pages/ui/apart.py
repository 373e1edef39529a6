"""A hybrid's answer taken apart: the lists beside one another, who adds what, why one movie, what weights are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import address, charts, frame, movies, ranking, slopes, state, tables, theme
from pages.ui.words import plain
from recengine.answers import Filters, Found, Row, Said, Voice, Who, Why, Workbench
from recengine.wording import short_title

_TABLE = "rows of the workbench"
_WEIGHED = "weighted"  # the kind whose weights can be measured
_ROWS, _ROW = 10, 62  # a longer table scrolls; pixels: three lines of text
_HEIGHT, _LETTER = 400, 6  # pixels
_REASON = 105  # letters
_WIDTH, _NARROWEST = 660, 130  # pixels: of the columns of titles together, and of one


def answer(data: str, label: str, who: Who, k: int, filters: Filters, movie: Found | None) -> Workbench | None:
    """Everything but the worth of weights: drawn, and given back for the sliders. `movie` is what is asked about."""
    asked = movie and movie.item_id
    with frame.waiting() as progress, st.skeleton(height=420):
        told = state.taken_apart(data, label, who, k, filters, asked, progress)
    rows, why = told.rows, told.why
    for note in told.notes:
        st.warning(plain(note), icon=":material/info:")
    if not rows:
        ranking.nothing()
        _ask(data, told)
        return told
    at = next((place for place, row in enumerate(rows) if why and row.movie.item_id == why.item_id), None)
    _rests_on(told)
    if told.voices:
        drawn = slopes.slopes(told, told.asked or rows[at or 0], narrow=frame.narrow())
        st.plotly_chart(
            drawn.figure, theme="streamlit", width="stretch", config={"displayModeBar": False}, key="slopes",
            alt=drawn.says,
        )  # fmt: skip
        st.markdown(
            ":small[Left each model's list, right the hybrid's; the thick line is the movie explained below. Dotted: "
            "movies that only one of the models has among its first. Open marks: a fallback's place, not an opinion.]"
        )
    if frame.narrow():
        _ask(data, told)
    by_movie, by_list = st.tabs(["Movie by movie", "List by list"])
    with by_list:
        _lists(told)
    with by_movie:
        if frame.narrow():
            for row in rows:
                _card(data, told, row, lambda item_id: state.taken_apart(data, label, who, k, filters, item_id).why)
        else:
            _table(told, at)
    if not frame.narrow():
        _ask(data, told, always=True)
    if told.model["model"] == _WEIGHED:
        _worth(data, told)
    return told


def _ask(data: str, told: Workbench, *, always: bool = False) -> None:
    """A search for any movie, and why; where it stands, if not in the list. `always`: also why of one in the list."""
    with st.container(border=True):
        movies.search(data, "Ask about any movie")
        if told.asked:
            st.markdown(f"{_where(told, told.asked)}  \n{_lines(told, told.asked)}")
            st.button("Back to the list", icon=":material/undo:", on_click=address.write, args=("movie", ""))
        if told.asked or always:
            _why(data, told.why)


def _where(told: Workbench, row: Row) -> str:
    """Where a movie stands that was asked about."""
    who = f"rated by {row.movie.ratings:,}" if row.movie.ratings else "that nobody rated"
    if row.place is None:
        where = "is known to the person already, so it is in no list. What the models make of it:"
    elif told.barred:
        where = f"is kept out by the filters. Let through, it would be no. {row.place:,} of the hybrid's list:"
    else:
        where = f"is no. {row.place:,} of the hybrid's list:"
    return f"**{plain(_title(row))}**, {who}, {where}"


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


def _table(told: Workbench, at: int | None) -> None:
    """A row a movie: its place in every list and what every model adds; a click chooses it. `at`: the one chosen."""

    def choose() -> None:
        selection = st.session_state[_TABLE].selection
        rows = [cell[0] for cell in selection.cells] or selection.rows
        if rows:
            address.write("movie", str(told.rows[rows[0]].movie.item_id))

    adds = " · what it adds to the hybrid's score" if _adds(told) else ""
    st.markdown(f":small[Under each model: the movie's place in its own list, in brackets by its fallback{adds}.]")
    st.session_state[_TABLE] = {"selection": {"rows": [] if at is None else [at], "columns": [], "cells": []}}
    shown = _rows(told)
    st.dataframe(
        shown,
        column_config=_columns(told),
        hide_index=True,
        height="content" if len(told.rows) <= _ROWS else _HEIGHT,
        row_height=_ROW if "why" in shown else None,
        placeholder="–",
        on_select=choose,
        selection_mode=["single-row" if at is None else "single-row-required", "single-cell"],
        key=_TABLE,
        alt=f"The {len(told.rows)} movies of the hybrid's list, each with its place in every model's list.",
    )


def _rows(told: Workbench) -> pd.DataFrame:
    table: dict[str, list[Any]] = {
        "rank": [row.place for row in told.rows],
        "movie": [_title(row, _movie_width(told) // _LETTER - 2) for row in told.rows],
        "score": [row.score if row.stars is None else row.stars for row in told.rows],
    }
    if _adds(told):
        table["split"] = [[said.adds or 0.0 for said in row.said] for row in told.rows]
    for place in range(len(told.voices)):
        table[f"said {place}"] = [_cell(row.said[place]) for row in told.rows]
    if not _adds(told) or any(row.fallback for row in told.rows):
        whys = [f"Fallback: {row.fallback}" if row.fallback else row.reason for row in told.rows]
        table["why"] = [theme.shorten(why, _REASON) for why in whys]
    return pd.DataFrame(table)


def _columns(told: Workbench) -> dict[str, Any]:
    column, adds, n = st.column_config, _adds(told), max(1, len(told.voices))
    stars = told.rows[0].stars is not None
    added = [said.adds or 0.0 for row in told.rows for said in row.said] or [0.0]
    shown: dict[str, Any] = {
        "rank": column.NumberColumn("#", width=34),
        "movie": column.TextColumn("Movie", width=_movie_width(told)),
        "score": column.NumberColumn("Predicted" if stars else "Score", format="%.2f" if stars else "%.3g", width=70),
        "split": column.BarChartColumn(
            "Split",
            width=70,
            y_min=min(0.0, *added),
            y_max=max(0.0, *added),
            help=f"What each adds, in this order: {', '.join(voice.title for voice in told.voices)}.",
        ),
        "why": column.TextColumn("Why", width=260),
    }
    width = max(84, 280 // n) if adds else max(64, 110 // n)
    for place, voice in enumerate(told.voices):
        name = theme.shorten(voice.title, width // _LETTER - 2)
        shown[f"said {place}"] = column.TextColumn(name, width=width, help=f"{voice.title} by itself.")
    return shown


def _movie_width(told: Workbench) -> int:
    """Pixels of the column of titles: less where there is much beside it."""
    return 218 if _adds(told) and len(told.voices) < 4 else 186


def _adds(told: Workbench) -> bool:
    """Whether the hybrid's scores are told as made of what the models say."""
    return any(said.adds is not None for row in told.rows for said in row.said)


def _cell(said: Said) -> str:
    """A place in a model's own list, in brackets where its fallback put the movie there, and what the model adds."""
    place = "–" if said.place is None else f"{said.place:,}" if said.opinion else f"({said.place:,})"
    return place if said.adds is None else f"{place} · {charts.signed(said.adds)}"


def _card(data: str, told: Workbench, row: Row, explain: Callable[[Any], Why | None]) -> None:
    """One movie for a narrow screen."""
    with st.container(border=True, gap="xsmall"):
        number = f"★ {row.stars:.2f}" if row.stars is not None else f"score {charts.amount(row.score)}"
        st.markdown(f"**{row.place} · {plain(_title(row))}** · {plain(number)}")
        if row.fallback:
            st.markdown(f":orange-badge[Fallback] {plain(row.fallback)}")
        st.markdown(_lines(told, row))
        more = st.expander("Why, in full", key=f"why {row.movie.item_id}", on_change="rerun")
        if more.open:
            with more:
                _why(data, explain(row.movie.item_id))


def _lines(told: Workbench, row: Row) -> str:
    """What each model by itself makes of a movie, a line each."""
    return "  \n".join(plain(_line(said, voice)) for said, voice in zip(row.said, told.voices, strict=True))


def _line(said: Said, voice: Voice) -> str:
    place = "in no list" if said.place is None else f"place {said.place:,}"
    stars = "" if said.stars is None else f", ★ {said.stars:.2f}"
    fallback = "" if said.opinion else " by its fallback"
    adds = "" if said.adds is None else f", adds {charts.signed(said.adds)}"
    return f"{voice.title}: {place}{stars}{fallback}{adds}"


def _lists(told: Workbench) -> None:
    """The first movies of every list, side by side."""
    everything, k = (*told.rows, *told.beside), len(told.rows)
    width = max(_NARROWEST, _WIDTH // (1 + len(told.voices)))
    length = width // _LETTER - 2
    columns = {slopes.HYBRID: {row.place: _title(row, length) for row in told.rows}}
    for place, voice in enumerate(told.voices):
        columns[voice.title] = {row.said[place].place: _title(row, length) for row in everything}
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
                        drawn = slopes.curve(worth, one)
                        frame.chart(drawn.figure, drawn.says, key=f"worth of {voice.label}")


def _title(row: Row, length: int = 100) -> str:
    """A movie's title with its year, in about so many letters."""
    return tables.dated(theme.shorten(short_title(row.movie.title), length - len(" (1999)")), row.movie.year)
