"""The page on a movie: which one, what is known of it, and what is close to it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import address, controls, frame, profiles, state, tables
from pages.ui.distributions import Card
from pages.ui.overview import counted
from pages.ui.words import plain
from recengine.answers import Found, Similar
from recengine.describe import percent
from recengine.errors import NotFound

_FOUND = 6
_COMPARED = ("similarity", "shrinkage", "min_support")
_ON_SHOW = "movie on show"
_MODEL = "item-knn"  # the one that compares movies


def choose(data: str, notes: Any) -> Found:
    """The movie of the address; the most rated one where it says nothing, and a note where in vain."""
    asked = _reference(data)
    try:
        movie = state.card(data, asked)
    except NotFound as error:
        movie = (state.search(data, address.read("movie"), 1) or state.search(data, "", 1))[0]
        if asked:
            notes.warning(plain(f"{error} This is {name(movie)}."), icon=":material/link_off:")
    _follow(data, asked, movie)
    return movie


def asked(data: str, notes: Any) -> Found | None:
    """The movie of the address; None where it says nothing, and a note where in vain."""
    named, movie = _reference(data), None
    if named:
        try:
            movie = state.card(data, named)
        except NotFound as error:
            notes.warning(plain(str(error)), icon=":material/link_off:")
    _follow(data, named, movie)
    return movie


def _reference(data: str) -> str:
    """The movie of the address, by id or by title.

    Where the data changed under it, its title there: an id names another movie in other data.
    """
    named = address.read("movie")
    before, shown, title = st.session_state.get(_ON_SHOW, (data, "", ""))
    return title if named and named == shown and before != data else named


def _follow(data: str, asked: str, movie: Found | None) -> None:
    """Note which movie is on show, for a change of data; where the data changed, name it as they do."""
    if asked != address.read("movie"):
        address.write("movie", str(movie.item_id) if movie else "")
    st.session_state[_ON_SHOW] = data, address.read("movie"), name(movie) if movie else ""


@frame.fragment
def search(data: str, label: str = "Find a movie") -> None:
    """Titles as they are typed; a click shows the movie."""

    def find(text: str) -> list[Found]:
        return state.search(data, text, _FOUND)

    controls.titles(label, "find movie", find, _show, "show", "No title is like this.")


def portrait(data: str, movie: Found) -> None:
    """A movie at a glance: what it is, and its numbers."""
    about = state.item_profile(data, movie.item_id).movie
    kind = [("Genres", ", ".join(about.genres)), ("Directed by", ", ".join(about.directors))]
    known = [f"{label}: {plain(value)}" for label, value in kind if value]
    place = f"No. {about.rank:,} of {about.n_movies:,} by number of ratings"
    st.markdown("  \n".join([*(known or ["Neither genres nor directors are known."]), place]))
    with st.grid(2, min_column_width=72):
        st.metric("Ratings", f"{about.n_ratings:,}")
        if about.mean is not None:
            st.metric("Mean", f"{about.mean:.1f}")


def cards(data: str, movie: Found) -> list[Card]:
    """What can be drawn of a movie: how it is rated, and what the content model sees in it."""
    profile, everyone = state.item_profile(data, movie.item_id), state.description(data)
    about, found = profile.movie, []
    if about.mean is not None:
        said = f"The mean of its {counted(about.n_ratings, 'rating', 'ratings')} is {about.mean:.2f}, "
        said += f"that of all ratings {everyone.mean or 0:.2f}."
        often = about.histogram.loc[about.histogram["count"].idxmax()]
        said += f" Most frequent is {often['value']:g}, {percent(often['count'] / about.n_ratings)} of them."
        found.append(profiles.ratings("How do people rate it?", about.histogram, everyone.histogram, said))
    if not profile.features.empty:
        says = f"“{profile.features.iloc[0]['feature']}” tells it apart most: strong where few movies share a feature."
        question = "What does the content model see in it?"
        found.append(profiles.features(question, profile.features, "weight in what it is →", says, judged=False))
    return found


def compared() -> state.Parameters:
    """How two movies are compared: the parameters of the model that does so, as for ranked lists."""
    return controls.tuned(state.models()[_MODEL], for_lists=True, only=_COMPARED)


@frame.fragment
def near(data: str, movie: Found, parameters: state.Parameters, k: int) -> None:
    """The nearest movies, as a table or as cards on a narrow screen, each with a way to it."""
    with frame.waiting(state.models()[_MODEL].title) as progress, st.skeleton(height=380):
        found = state.similar(data, movie.item_id, k, _MODEL, parameters, progress)
    if not found:
        st.text("No movie shares enough of its people to be called close.")
        return
    _cards(found) if frame.narrow() else _table(found, f"near {movie.item_id} in {data}")
    said = "Close is what the same people rated alike. Few people in common make a similarity a matter of chance: "
    st.markdown(f":small[{said}shrinkage holds such pairs back.]")


def name(movie: Found | Similar) -> str:
    """A movie's title with its year."""
    return tables.dated(movie.title, movie.year)


def _table(found: list[Similar], key: str) -> None:
    def go() -> None:
        _show(found[st.session_state[key].row])

    st.dataframe(
        tables.near(found),
        column_config=tables.near_columns(go, key),
        hide_index=True,
        height="content",
        alt="The movies nearest to it, the nearest first.",
    )


def _cards(found: list[Similar]) -> None:
    for movie in found:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{movie.rank} · {plain(name(movie))}**")
            st.text(" · ".join(movie.genres))
            common = counted(movie.common, "person", "people")
            st.markdown(f"**similarity {movie.similarity:.2f}** · {common} in common")
            address.link("pages/explore/movies.py", "Show it", movie=str(movie.item_id))


def _show(movie: Found | Similar) -> None:
    st.session_state["find movie"] = ""
    address.write("movie", str(movie.item_id))
    st.rerun()  # the whole page
