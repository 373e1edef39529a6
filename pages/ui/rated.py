"""The movies a visitor says they like: they live in the address (`rated=1:5,318:4.5`, oldest first), nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from pages.ui import address, controls, frame, state, tables
from pages.ui.words import plain
from recengine.answers import Found
from recengine.errors import NotFound

_PARAMETER = "rated"
_CHOSEN = "movie to move"
_FOUND = 6
_MOST_STEPS = 20
_SHELVES = {
    "Animation": ("Toy Story (1995)", "Finding Nemo (2003)", "Shrek (2001)", "Spirited Away"),
    "Crime": ("Pulp Fiction (1994)", "Fargo (1996)", "The Godfather (1972)", "Heat (1995)"),
    "Old Hollywood": ("Casablanca (1942)", "Vertigo (1958)", "Some Like It Hot (1959)", "Singin' in the Rain (1952)"),
    "Science fiction": ("Blade Runner (1982)", "Alien (1979)", "The Matrix (1999)", "Twelve Monkeys"),
}
_FEWEST_ON_A_SHELF = 2
_FEW, _FEW_LINES, _SHELF_HEIGHT = 8, 24, 600  # movies of two rows, and of one, that have room; pixels


@dataclass(frozen=True)
class Rated:
    """A movie and how a visitor rates it."""

    movie: Found
    value: float


def rated(data: str, notes: Any) -> tuple[Rated, ...]:
    """The rated movies of the address, oldest first; what cannot be read is left out with a note."""
    steps, kept = scale_steps(state.catalogue(data).scale), {}
    dropped = _follow(data, steps)
    for reference, value in _pairs(address.read(_PARAMETER)):
        try:
            movie = state.card(data, reference)
        except NotFound:
            dropped.append(reference)
            continue
        if value not in steps:
            dropped.append(f"{reference}:{value}")
            continue
        kept[movie.item_id] = Rated(movie, value)
    st.session_state["rated on"] = data, address.read(_PARAMETER)
    if dropped:
        notes.warning(
            plain(f"Left out, as these data have no such movie or rating: {', '.join(dropped)}."),
            icon=":material/link_off:",
        )
    return tuple(kept.values())


def keep(ratings: Iterable[tuple[Any, float]]) -> None:
    """Write ratings into the address."""
    address.write(_PARAMETER, _text(ratings))


def as_liked(data: str, movie: Found) -> str:
    """What the address says where one movie is liked."""
    return _text([(movie.item_id, liked(scale_steps(state.catalogue(data).scale)))])


@frame.fragment
def search(data: str, ratings: tuple[Rated, ...]) -> None:
    """Titles as they are typed; a click adds the movie as liked, to be changed below."""
    known = {one.movie.item_id for one in ratings}

    def find(text: str) -> list[Found]:
        found = state.search(data, text, _FOUND + len(known))
        return [movie for movie in found if movie.item_id not in known][:_FOUND]

    add = partial(_add, data, ratings)
    controls.titles("Add a movie", "find", find, add, "add", "No other title is like this.", ":material/add:")


def shelf(data: str, ratings: tuple[Rated, ...]) -> None:
    """The rated movies, each with its stars to change and a way to take it out."""
    steps, board = scale_steps(state.catalogue(data).scale), _board(ratings, _FEW)
    for place, one in enumerate(ratings):
        with board.container(gap="xsmall"):
            st.text(_name(one))
            _change(ratings, place, steps, f"remove {one.movie.item_id}")


def in_order(data: str, ratings: tuple[Rated, ...]) -> None:
    """The rated movies from the oldest to the latest; the chosen one can move, get other stars, and be taken out.

    One pair of buttons for all, so that they stay under the pointer and in the keyboard's focus as a movie moves on.
    """
    if not ratings:
        return
    ids = [one.movie.item_id for one in ratings]
    before = st.session_state.get(_CHOSEN)
    st.session_state[_CHOSEN] = before if before in ids else ids[-1]  # whose place counts most
    names = {one.movie.item_id: f"{place} · {_name(one)}" for place, one in enumerate(ratings, start=1)}
    chosen = _board(ratings, _FEW_LINES).radio(
        "Watched in this order", ids, format_func=lambda item_id: plain(names[item_id]), key=_CHOSEN,
        help="The oldest first, the latest last. This algorithm asks what comes next.",
    )  # fmt: skip
    place = ids.index(chosen)
    row = st.container(horizontal=True)
    for label, icon, first in (("Earlier", "arrow_upward", place - 1), ("Later", "arrow_downward", place)):
        possible = 0 <= first < len(ratings) - 1
        row.button(label, icon=f":material/{icon}:", disabled=not possible, on_click=_swap, args=(ratings, first))
    _change(ratings, place, scale_steps(state.catalogue(data).scale), "remove the chosen")


def examples(data: str) -> None:
    """A shelf of well-known movies to begin with, one button each."""
    good = liked(scale_steps(state.catalogue(data).scale))
    shelves = {
        name: found for name, titles in _SHELVES.items() if len(found := _existing(data, titles)) >= _FEWEST_ON_A_SHELF
    }
    if not shelves:
        shelves = {"What most people rated": state.search(data, "", 3)}
    with st.grid(2, min_column_width=240):
        for name, movies in shelves.items():
            with st.container(border=True, height="stretch"):
                st.header(name, anchor=False)
                st.text("\n".join(tables.dated(movie.title, movie.year) for movie in movies))
                st.space("stretch")
                st.button(
                    "I like these", key=f"shelf {name}", icon=":material/thumb_up:", on_click=keep,
                    args=([(movie.item_id, good) for movie in movies],),
                )  # fmt: skip


def scale_steps(scale: tuple[float, float] | None) -> tuple[float, ...]:
    """The ratings that can be given: halves where the scale begins with one, at most 20; 1 alone without stars.

    >>> scale_steps((1.0, 5.0)), scale_steps((0.5, 1.5)), scale_steps(None)
    ((1.0, 2.0, 3.0, 4.0, 5.0), (0.5, 1.0, 1.5), (1.0,))
    """
    if scale is None:
        return (1.0,)
    low, high = scale
    step = 1.0 if low.is_integer() else 0.5
    while (high - low) / step >= _MOST_STEPS:
        step *= 5
    return tuple(low + step * i for i in range(int((high - low) / step) + 1))


def liked(steps: tuple[float, ...]) -> float:
    """The rating of a movie that is liked: four fifths of the scale, so that the list is not all at its end.

    >>> liked((0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)), liked((1.0,))
    (4.0, 1.0)
    """
    return max((step for step in steps if step <= 0.8 * max(steps)), default=max(steps))


def stars(value: float) -> str:
    """A rating as stars.

    >>> stars(4.5), stars(3.0), stars(60.0)
    ('★★★★½', '★★★', '60')
    """
    if value > 10:
        return f"{value:g}"
    return "★" * int(value) + ("½" if value % 1 else "")


def _board(ratings: tuple[Rated, ...], few: int) -> Any:
    """Where a list of movies stands; more than a few scroll, so that the algorithm stays in sight."""
    return st.container(height=_SHELF_HEIGHT if len(ratings) > few else "content", border=False)


def _change(ratings: tuple[Rated, ...], place: int, steps: tuple[float, ...], key: str) -> None:
    """The stars of the movie at a place, where there are several to give, and the way out: a button of that key."""
    one, others = ratings[place], (ratings[:place], ratings[place + 1 :])
    row = st.container(horizontal=True, vertical_alignment="center")
    if len(steps) > 1:
        _stars(row, one, others, steps)
    row.button(
        "Remove", key=key, icon=":material/close:", on_click=_keep_all,
        args=([*others[0], *others[1]],),
    )  # fmt: skip


def _swap(ratings: tuple[Rated, ...], first: int) -> None:
    """The movie at a place and the one after it change places."""
    _keep_all([*ratings[:first], ratings[first + 1], ratings[first], *ratings[first + 2 :]])


def _name(one: Rated) -> str:
    return tables.dated(one.movie.title, one.movie.year)


def _stars(place: Any, one: Rated, others: tuple[tuple[Rated, ...], ...], steps: tuple[float, ...]) -> None:
    key = f"stars {one.movie.item_id}"

    def change() -> None:
        _keep_all([*others[0], Rated(one.movie, st.session_state[key]), *others[1]])

    st.session_state[key] = one.value
    place.selectbox(
        f"Your rating of {one.movie.title}", steps[::-1], format_func=stars, key=key, on_change=change,
        label_visibility="collapsed",
    )  # fmt: skip


def _add(data: str, ratings: tuple[Rated, ...], movie: Found) -> None:
    st.session_state["find"], st.session_state[_CHOSEN] = "", movie.item_id
    _keep_all([*ratings, Rated(movie, liked(scale_steps(state.catalogue(data).scale)))])
    st.rerun()  # the whole page: the list follows


def _keep_all(ratings: list[Rated]) -> None:
    keep([(one.movie.item_id, one.value) for one in ratings])


def _follow(data: str, steps: tuple[float, ...]) -> list[str]:
    """Where the data changed under the same ratings, the same titles there, at the nearest rating; those missing.

    An id names another movie in other data.
    """
    before, text = st.session_state.get("rated on", (data, ""))
    if before == data or text != address.read(_PARAMETER):
        return []
    found, missing = [], []
    for reference, value in _pairs(text):
        try:
            movie = state.card(before, reference)
        except NotFound:
            continue
        title = tables.dated(movie.title, movie.year)
        try:
            found.append((state.card(data, title).item_id, min(steps, key=lambda step: abs(step - value))))
        except NotFound:
            missing.append(title)
    keep(found)
    return missing


def _text(ratings: Iterable[tuple[Any, float]]) -> str:
    return ",".join(f"{quote(str(item_id), safe='')}:{value:g}" for item_id, value in ratings)


def _pairs(text: str) -> Iterator[tuple[str, float]]:
    """References and ratings as written; a rating that is no number is NaN, which no scale has."""
    for piece in filter(None, text.split(",")):
        reference, _, value = piece.rpartition(":")
        try:
            yield unquote(reference), float(value)
        except ValueError:
            yield unquote(piece), float("nan")


def _existing(data: str, titles: tuple[str, ...]) -> list[Found]:
    """The movies of these titles that the data have."""
    best = [(title, state.search(data, title, 1)) for title in titles]
    return [found[0] for title, found in best if found and found[0].title.startswith(title)]
