"""Choices that live in the address, and only there: what a widget shows is read from it, a change is written to it.

For choices whose names and titles differ. Streamlit's own `bind="query-params"` would write the title.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import theme
from pages.ui.words import plain

_LONGEST_NOTE = 200
_CARRIED = ("data", "model", "rated", "person", "movie", "spec", "network")


def carry(page: str) -> None:
    """Put back what was chosen after a change of page, for which the browser empties the address."""
    kept = st.session_state.get("carried", {})
    if page != st.session_state.get("page on show"):
        for name in kept.keys() - set(st.query_params):
            st.query_params[name] = kept[name]
        st.session_state["came with"] = _pairs()
    st.session_state["page on show"] = page
    _remember()


def say_dropped() -> None:
    """After the first full look at a page: a note on what the widgets could not use and took out of the address."""
    now = _pairs()
    dropped = [f"{name}={value}" for name, value in st.session_state.pop("came with", []) if (name, value) not in now]
    if dropped:
        said = f"Left out of the address (unknown here, or so anyway): {', '.join(dropped)}"
        st.toast(plain(theme.shorten(said, _LONGEST_NOTE)), icon=":material/link_off:", duration="long")


def read(name: str) -> str:
    """What the address says, "" when it says nothing."""
    return str(st.query_params.get(name, ""))


def write(name: str, value: str) -> None:
    """Put a value into the address; an empty one leaves it."""
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
    _remember()


def chosen(name: str, titles: Mapping[str, str], first: str, notes: Any, noun: str) -> str:
    """The choice in the address: one of `titles`, else `first`, and a note where the address asks for another."""
    asked = read(name)
    if asked and asked not in titles:
        notes.warning(plain(f"There is no {noun} {asked}: this is {titles[first]}."), icon=":material/link_off:")
    return asked if asked in titles else first


def select(label: str, name: str, titles: Mapping[str, str], now: str, first: str) -> None:
    """A list to choose from; the choice is what `chosen` reads on the run that follows."""
    key = f"{name} in the address"

    def change() -> None:
        picked = st.session_state[key]
        write(name, "" if picked == first else picked)

    st.session_state[key] = now
    st.selectbox(label, list(titles), format_func=titles.__getitem__, key=key, on_change=change)


def link(page: str, label: str, **choices: str) -> None:
    """A link to another page on the same data, with choices of its own."""
    st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=_with_data(choices))


def go(page: str, **choices: str) -> None:
    """To another page on the same data, from a callback."""
    st.switch_page(page, query_params=_with_data(choices))


def _with_data(choices: dict[str, str]) -> dict[str, str]:
    return {**({"data": read("data")} if read("data") else {}), **choices}


def _remember() -> None:
    """Keep what a change of page shall carry over."""
    st.session_state["carried"] = {name: st.query_params[name] for name in _CARRIED if name in st.query_params}


def _pairs() -> list[tuple[str, str]]:
    """Every name in the address with each of its values."""
    return [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
