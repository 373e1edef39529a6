"""A ranked list and, below it, why one of its movies stands where it stands: the answer of both Recommend pages."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui import address, charts, frame, networks, state, tables
from pages.ui.controls import Asked
from pages.ui.words import plain
from recengine.answers import Recommended, Who, Why
from recengine.wording import short_title

_ROWS = 10  # of a longer list the table shows so many at a time, so that the reason below stays in sight
_ROW = 62  # pixels: three lines of text
_GIVES_BACK = "autorec"  # the model that gives back the ratings it is given
_EVIDENCE = (
    "Ranked by evidence, not by predicted stars: movies liked by the same people come first. The score adds up stars "
    "times similarity, so a low rating adds less and takes nothing away. For predicted stars, change *Ranked by*."
)


@frame.fragment
def answer(data: str, asked: Asked, who: Who) -> None:
    """The list of best unseen movies, as a table or as cards on a narrow screen, with the reason for each."""
    model = state.models()[asked.model]
    with frame.waiting(model.title) as progress, st.skeleton(height=420):
        told = state.recommend(data, asked.model, asked.parameters, who, asked.k, asked.filters, progress)
    found = told.items
    if not found:
        nothing()
        return
    if model.traits.ratings and found[0].stars is None:
        st.markdown(f":small[{_EVIDENCE}]")
    if frame.narrow():
        for item in found:
            _card(data, asked, who, item)
        _notes(told.notes)
    else:
        chosen = _table(data, found, f"{data} {asked} {who}")
        _notes(told.notes)
        with st.container(border=True):
            st.header(f"Why {plain(chosen.title)}?", anchor=False)
            _why(data, asked, who, chosen)
    if asked.model == _GIVES_BACK:
        _given_back(data, asked, who)


def _given_back(data: str, asked: Asked, who: Who) -> None:
    """The ratings that went into the network, beside those that come out."""
    told = state.given_back(data, asked.model, asked.parameters, who)
    if not told:
        return
    with st.expander("What the network gives back"):
        st.markdown(
            "The network was given these ratings, and gives back what fits into the few numbers that it keeps. So this "
            "shows what it takes in of a taste, and not how well it predicts."
        )
        drawn = networks.given_back(told, narrow=frame.narrow())
        frame.chart(drawn.figure, drawn.says, key="given back")
        st.dataframe(
            tables.given_back(told, narrow=frame.narrow()),
            column_config=tables.given_back_columns(narrow=frame.narrow()), hide_index=True,
            alt="Every rating beside the one that the network gives back, the largest differences first.",
        )  # fmt: skip


def nothing() -> None:
    """What is said instead of an empty list."""
    st.info(
        "No movie passes these filters that the person does not know: allow more genres, more years or fewer ratings.",
        icon=":material/filter_alt_off:",
    )


def _table(data: str, found: tuple[Recommended, ...], key: str) -> Recommended:
    """The list as a table; the movie that is chosen in it, the first at first."""
    about = state.catalogue(data)

    def whole_row() -> None:
        cells = st.session_state[key].selection.cells
        if cells:
            st.session_state[key] = {"selection": {"rows": [cells[0][0]], "columns": [], "cells": []}}

    event = st.dataframe(
        tables.ranked(found),
        column_config=tables.ranked_columns(found, about.scale, about.n_people),
        hide_index=True,
        height="content" if len(found) <= _ROWS else int((_ROWS + 1.1) * _ROW),  # cuts a row: there is more
        row_height=_ROW,
        placeholder="–",
        on_select=whole_row,
        selection_mode=["single-row-required", "single-cell"],
        key=key,
        alt=f"The {len(found)} movies recommended, best first, each with the reason.",
    )
    return found[event.selection.rows[0]]


def _notes(notes: tuple[str, ...]) -> None:
    """What must be known of the model behind the list."""
    for note in notes:
        st.markdown(f":small[{plain(note)}]")


def _card(data: str, asked: Asked, who: Who, item: Recommended) -> None:
    """One movie for a narrow screen."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{item.rank} · {plain(tables.dated(short_title(item.title), item.year))}**")
        st.text(" · ".join(item.genres))
        st.markdown(f"**{plain(tables.score(item))}** · {plain(item.reason)}")
        more = st.expander("Why, in full", key=f"why {item.item_id}", on_change="rerun")
        if more.open:
            with more:
                _why(data, asked, who, item)


def _why(data: str, asked: Asked, who: Who, item: Recommended) -> None:
    """One movie's score taken apart: a staircase, what it owes to one rating, and the parts as a table."""
    explained(data, state.explain(data, asked.model, asked.parameters, who, item.item_id, asked.filters))


def explained(data: str, told: Why) -> None:
    """A score taken apart: a staircase, the parts as a table, the way to the movie."""
    if told.fallback:
        st.badge("Fallback", icon=":material/alt_route:", color="orange")
        st.text(f"{told.fallback[0].upper()}{told.fallback[1:]}.")
    remarks = [part for part in told.parts if part.kind == "effect" and not part.weight]
    for part in remarks:
        st.text(f"{part.what[0].upper()}{part.what[1:]}.")
    steps = replace(told, parts=tuple(part for part in told.parts if part not in remarks))
    if not steps.parts:
        st.text(f"{charts.amount(told.score)}: {told.base_name}, and nothing else.")
        return
    drawn = charts.why(steps, state.catalogue(data).scale, narrow=frame.narrow())
    frame.chart(drawn.figure, drawn.says)
    if told.looked_at:
        looked = networks.attention(told.looked_at, narrow=frame.narrow())
        frame.chart(looked.figure, looked.says, key=f"attention for {told.item_id}")
    with st.expander("The parts as a table"):
        st.dataframe(
            tables.parts(told.parts), column_config=tables.parts_columns(narrow=frame.narrow()), hide_index=True,
            alt=f"Everything that adds to the score of {told.title}.",
        )  # fmt: skip
    address.link("pages/explore/movies.py", "More about this movie", movie=str(told.item_id))
