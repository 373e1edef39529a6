"""What every page stands in: navigation, the data in use, errors as one sentence, and words that are data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.ui import address, state
from pages.ui.words import plain
from recengine.errors import RecengineError
from recengine.lab import Progress

if TYPE_CHECKING:
    from pages.ui.distributions import Card

P = ParamSpec("P")
R = TypeVar("R")

FIRST_DATA = "demo"
_MOMENT = 0.3  # seconds in which a bar would only flicker

# A ranked list, one of it playing.
MARK = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect x="2" y="3" width="28" height="7" rx="3.5" fill="#F2B441"/>
<rect x="2" y="13" width="20" height="7" rx="3.5" fill="#C98F2B"/>
<rect x="2" y="23" width="12" height="7" rx="3.5" fill="#8F6A2B"/>
<path d="M26 15 L31 21.5 L26 28 Z" fill="#F2B441"/>
</svg>"""


def show() -> None:
    """The frame, and in it the page that the address asks for."""
    st.set_page_config(page_title="recengine", page_icon=MARK, layout="wide", initial_sidebar_state=266)
    page = navigation()
    address.carry(page.url_path)
    measure_screen()
    with sentences():
        if choose_data():
            page.run()
    address.say_dropped()


def navigation() -> StreamlitPage:
    """The page that the address asks for; its section and title stand in the sidebar."""
    st.logo(MARK, size="large")
    return st.navigation(
        {
            "Recommend": [
                st.Page(
                    "pages/recommend/person.py",
                    title="For a person",
                    icon=":material/person_search:",
                    help="What someone in the data should watch next, under any algorithm, with the reason for each.",
                    default=True,
                ),
                st.Page(
                    "pages/recommend/movies.py",
                    title="From movies you like",
                    icon=":material/movie:",
                    help="Rate a few movies and see at once what every algorithm makes of them.",
                ),
                st.Page(
                    "pages/recommend/workbench.py",
                    title="Hybrid workbench",
                    icon=":material/join_inner:",
                    help="Let several algorithms decide together, and see whose word counts for which movie.",
                ),
            ],
            "Explore": [
                st.Page(
                    "pages/explore/data.py",
                    title="The data",
                    icon=":material/database:",
                    help="Who rated what, how often, how high, and what to beware of.",
                ),
                st.Page(
                    "pages/explore/people.py",
                    title="People",
                    icon=":material/face:",
                    help="What someone in the data likes, how strictly they rate, what they watch and when.",
                ),
                st.Page(
                    "pages/explore/movies.py",
                    title="Movies",
                    icon=":material/theaters:",
                    url_path="movie",  # "movies" is that of the movies one likes
                    help="What is known of a movie, how people rate it, and which movies are close to it.",
                ),
            ],
            "Compare": [
                st.Page(
                    "pages/compare/accuracy.py",
                    title="Accuracy",
                    icon=":material/query_stats:",
                    help="How far the predictions of several algorithms are from the truth, with honest intervals.",
                ),
                st.Page(
                    "pages/compare/training.py",
                    title="Training",
                    icon=":material/model_training:",
                    help="Train a network, watch it learn, and compare what earlier trainings came to.",
                ),
            ],
        }
    )


def choose_data() -> bool:
    """The picker of the ratings in use, and whose they are, in the sidebar; where they are not here, the way back."""
    titles = state.source_titles()
    with st.sidebar:
        chosen = address.chosen("data", titles, FIRST_DATA, st.container(), "data set called")
        address.select("Ratings", "data", titles, chosen, FIRST_DATA)
        about = st.container()
    try:
        with st.spinner(f"Reading {titles[chosen]} …", show_time=True):
            about.caption(plain(state.catalogue(chosen).about))
    except RecengineError as error:
        st.title("These ratings are not here", anchor=False)
        st.error(plain(str(error)), icon=":material/error:")
        st.button(f"Back to {titles[FIRST_DATA]}", icon=":material/undo:", on_click=address.write, args=("data", ""))
        return False
    return True


def data() -> str:
    """The name of the data in use on every page."""
    asked = address.read("data")
    return asked if asked in state.source_titles() else FIRST_DATA


@contextmanager
def sentences() -> Iterator[None]:
    """Show an error that a person can mend as its one sentence, and leave the rest of the page alone."""
    try:
        yield
    except RecengineError as error:
        st.error(plain(str(error)), icon=":material/error:")


def fragment(function: Callable[P, R], every: float | None = None) -> Callable[P, R | None]:
    """`st.fragment` for a part of a page, with errors as sentences: it may run again without the page around it.

    `every`: seconds after which it does so by itself.
    """

    @partial(st.fragment, run_every=every)
    @wraps(function)
    def part(*args: P.args, **kwargs: P.kwargs) -> R | None:
        with sentences():
            return function(*args, **kwargs)
        return None

    return part


_SCREEN = st.components.v2.component(
    "screen",
    js="""
export default function ({ setStateValue }) {
  const narrow = window.matchMedia("(max-width: 1100px)")
  const tell = () => setStateValue("narrow", narrow.matches)
  if (narrow.matches) tell()
  narrow.addEventListener("change", tell)
  return () => narrow.removeEventListener("change", tell)
}
""",
)


def measure_screen() -> None:
    """Learn in the browser whether the screen is narrow; only a change costs a second run of the page."""
    _SCREEN(key="screen", on_narrow_change=lambda: None, height=1)


def narrow() -> bool:
    """Whether lists are drawn as cards: on a phone from the first look, else once the screen is known to be narrow."""
    measured = st.session_state.get("screen", {}).get("narrow")
    return "Mobi" in st.context.headers.get("User-Agent", "") if measured is None else bool(measured)


@contextmanager
def panel(title: str) -> Iterator[None]:
    """A group of choices: in a frame, or on a narrow screen folded under its title, so that the answer is near."""
    with st.expander(title) if narrow() else st.container(border=True):
        yield


@contextmanager
def waiting(who: str = "") -> Iterator[Progress]:
    """Where work takes longer than a moment, a bar with what is reported of it (by whom), gone at its end.

    The bar is drawn from within the work, so where the reader chooses anew or leaves, the work ends there.
    """
    place, start = st.empty(), perf_counter()

    def show(fraction: float, message: str) -> None:
        if perf_counter() - start >= _MOMENT:
            said = f"{who}: {message if fraction < 1 else 'has learned, now answers'}" if who else message
            place.progress(min(1.0, max(0.0, fraction)), f"{plain(said)} …")

    try:
        yield state.aside(show)
    finally:
        place.empty()


def cards(shown: Iterable[Card]) -> Any:
    """Pictures side by side, each under its question; the grid they stand in."""
    grid = st.grid(2, min_column_width=340, border=True)
    for card in shown:
        with grid.cell(column_span="all" if card.wide else 1):
            st.header(card.question, anchor=False)
            chart(card.figure, card.says)
    return grid


def chart(figure: Any, says: str, *, key: str | None = None) -> None:
    """A figure, and under it what it says in words (also its name for a screen reader)."""
    st.plotly_chart(figure, theme="streamlit", width="stretch", config={"displayModeBar": False}, key=key, alt=says)
    st.markdown(plain(says))
