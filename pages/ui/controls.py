"""Widgets: who is asked for, which algorithm and parameters, which movies may appear. All live in the address."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.ui import address, state, tables
from pages.ui.words import plain
from recengine import registry
from recengine.answers import Filters, Found, ModelInfo
from recengine.errors import ModelError, NotFound
from recengine.registry import Parameter

FIRST_MODEL = "item-knn"
LENGTHS = (10, 20, 50)
FEWEST = (0, 5, 10, 20, 50, 100)
FEWEST_AT_FIRST = 20
EVIDENCE, STARS = "Evidence", "Predicted stars"
WORKBENCH = "pages/recommend/workbench.py"
PLAIN = ("int", "float", "bool", "choice")  # kinds of parameters that one widget sets
_SLIDER_STEPS = 1000
_FINE = 100  # a default below this part of the range is typed: it would lie within the first step of a slider


@dataclass(frozen=True)
class Asked:
    """What a list is asked of: a model with the parameters that differ from its defaults, filters, and a length."""

    model: str
    parameters: state.Parameters
    filters: Filters
    k: int


def asked(data: str, notes: Any, *, visitors: bool = False) -> Asked:
    """The algorithm, its parameters, the filters and the length of the list; `visitors` leaves fitting models only."""
    usable = {name: info for name, info in state.models().items() if info.traits.visitors or not visitors}
    info = algorithm(usable, notes, "algorithm for visitors called" if visitors else "algorithm called")
    parameters, filters = tuned(info, for_lists=by_evidence(data, info, visitors=visitors)), filtered(data)
    return Asked(info.name, parameters, filters, length())


def length() -> int:
    """How many movies a list has."""
    k = st.segmented_control(
        "Movies in the list", LENGTHS, default=LENGTHS[0], required=True, key="length", bind="query-params"
    )
    return k or LENGTHS[0]


def titles(
    label: str, key: str, find: Callable[[str], list[Found]], choose: Callable[[Found], None], verb: str, none: str,
    icon: str | None = None,
) -> None:  # fmt: skip
    """Titles as they are typed, found by `find`; a click on one, `verb` in its key, chooses it. `none`: what is said
    where there is no such title. To be called in a fragment: every letter runs it.
    """
    text = st.text_input(
        label, type="search", live="200ms", key=key, placeholder="Type a title", icon=":material/search:"
    )
    if not text:
        return
    found = find(text)
    if not found:
        st.text(none)
    results = st.container(gap=None)
    for movie in found:
        results.button(
            plain(tables.dated(movie.title, movie.year)), key=f"{verb} {movie.item_id}", icon=icon, type="tertiary",
            wrap=True, on_click=choose, args=(movie,),
        )  # fmt: skip


def person(data: str, notes: Any) -> Any:
    """Someone in the data by id, someone with a distinct taste at first."""
    interesting = [str(user_id) for user_id in state.interesting_people(data)]
    asked = address.read("person") or interesting[0]
    row = st.container(horizontal=True, vertical_alignment="bottom")

    def choose(user_id: str) -> None:
        address.write("person", "" if user_id == interesting[0] else user_id)

    st.session_state["person"] = asked
    row.text_input("Person", key="person", width=110, on_change=lambda: choose(st.session_state["person"]))
    place = interesting.index(asked) if asked in interesting else -1
    row.button(
        "Another",
        icon=":material/casino:",
        on_click=choose,
        args=(interesting[(place + 1) % len(interesting)],),
        width="stretch",
        help="Someone whose taste differs from most people's.",
    )
    try:
        state.person(data, asked)
    except NotFound as error:
        near = state.people(data, asked, 5)
        hint = f" Ids that begin so: {', '.join(map(str, near))}." if near else ""
        notes.warning(plain(f"{error}{hint} This is person {interesting[0]}."), icon=":material/person_off:")
        return interesting[0]
    return asked


def algorithm(usable: dict[str, ModelInfo], notes: Any, noun: str = "algorithm called") -> ModelInfo:
    """The family, then the algorithm within it. The address holds the algorithm, which decides the family."""
    titles = {name: info.title for name, info in usable.items()}
    first = FIRST_MODEL if FIRST_MODEL in usable else next(iter(usable))
    info = usable[address.chosen("model", titles, first, notes, noun)]
    families = list(dict.fromkeys(info.family for info in usable.values()))

    def to_first_of_family() -> None:
        family = st.session_state["family"]
        address.write("model", next(name for name, info in usable.items() if info.family == family))

    st.session_state["family"] = info.family
    st.segmented_control(
        "Algorithm family", families, format_func=str.capitalize, required=True, key="family",
        on_change=to_first_of_family,
    )  # fmt: skip
    within = {name: title for name, title in titles.items() if usable[name].family == info.family}
    address.select("Algorithm", "model", within, info.name, first)
    st.markdown(plain(info.summary))
    return info


def by_evidence(data: str, info: ModelInfo, *, visitors: bool) -> bool:
    """Whether a model that can do both ranks by evidence, as for visitors at first, or by predicted stars."""
    if not (info.ranking and info.traits.ratings and state.catalogue(data).scale):
        return bool(info.ranking)
    ranked = st.segmented_control(
        "Ranked by", (EVIDENCE, STARS), default=EVIDENCE if visitors else STARS, required=True,
        key="list.by" if visitors else "by", bind="query-params",
    )  # fmt: skip
    return ranked == EVIDENCE


def tuned(info: ModelInfo, *, for_lists: bool, only: Collection[str] = (), page: str = "") -> state.Parameters:
    """Widgets made from a model's parameters; those that differ from the model's defaults, sorted by name.

    `for_lists` starts from the parameters under which the model ranks well. They have keys of their own, since one
    key with two defaults would carry the one page's into the other. `only`: those that can be changed here.
    `page`: begins the keys on a page that links to another with parameters; of one key of both, the link's is dropped.
    """
    first = {parameter.name: parameter.default for parameter in info.parameters}
    start = {**first, **(dict(info.ranking) if for_lists else {})}
    shown = {p.name: p for p in info.parameters if p.kind in PLAIN and (not only or p.name in only)}
    keys = {name: f"{page}{'list.' if for_lists and info.ranking else ''}{info.name}.{name}" for name in shown}

    def reset() -> None:
        for name, key in keys.items():
            st.session_state[key] = start[name]

    with st.popover("Parameters", icon=":material/tune:", width="stretch", disabled=not info.parameters):
        widgets = {
            name: widget(replace(p, default=start[name]), keys[name], bind="query-params") for name, p in shown.items()
        }
        values = {**start, **widgets}
        st.button(
            "Back to the defaults", icon=":material/undo:", on_click=reset, disabled=values == start, width="stretch"
        )
        if info.family == "hybrids" and not only:
            _made_of(info, values)
    return tuple(sorted((name, value) for name, value in values.items() if value != first[name]))


def _made_of(info: ModelInfo, values: dict[str, Any]) -> None:
    """The models that a hybrid is made of, as text, and the way to where they are chosen."""
    with suppress(ModelError):  # which is said where the list would be
        hybrid = state.model(info.name, values)
        st.markdown(f"Made of: {plain(', '.join(child.label for child in registry.children(hybrid)))}.")
        address.link(WORKBENCH, "Choose what it is made of", spec=hybrid.label)


def filtered(data: str) -> Filters:
    """Which movies may be recommended."""
    about = state.catalogue(data)
    first, last = about.years or (None, None)
    bounds: tuple[int | None, int | None] = (None, None)
    with st.popover("Filters", icon=":material/filter_alt:", width="stretch"):
        _forget_unless("genres", set(about.genres).issuperset)
        genres = st.multiselect(
            "Genres", about.genres, key="genres", bind="query-params", placeholder="Any genre",
            help="A movie of any one of these.",
        )  # fmt: skip
        if first is not None and last is not None and first < last:
            all_before, all_now = st.session_state.get("all years"), (first, last)
            st.session_state["all years"] = all_now
            _forget_unless("years", lambda kept: first <= min(kept) <= max(kept) <= last and kept != all_before)
            years = st.slider("Years", first, last, all_now, key="years", bind="query-params")
            bounds = (None, None) if years == all_now else years
        fewest = st.select_slider(
            "Rated by at least", FEWEST, FEWEST_AT_FIRST, key="fewest", bind="query-params",
            help="Few ratings make a prediction a gamble, and many make the list a hit parade.",
        )  # fmt: skip
    return Filters(tuple(sorted(genres)), *bounds, min_ratings=int(fewest))


def _forget_unless(key: str, fits: Callable[[Any], bool]) -> None:
    """Drop a choice made for other data that these do not have."""
    if key in st.session_state and not fits(st.session_state[key]):
        del st.session_state[key]


def spoken(name: str) -> str:
    """The name of a parameter as a label.

    >>> spoken("item_damping"), spoken("k")
    ('Item damping', 'k')
    """
    return name.replace("_", " ").capitalize() if len(name) > 1 else name


def widget(parameter: Parameter, key: str, **how: Any) -> Any:
    """The widget of one plain parameter: a switch, a list, a slider, or a field where the range is too wide.

    `how` its value is kept: bound to the address, or by a callback.
    """
    label = spoken(parameter.name)
    common: dict[str, Any] = {"key": key, "help": plain(parameter.help), **how}
    if parameter.kind == "bool":
        return st.toggle(label, parameter.default, **common)
    if parameter.kind == "choice":
        return st.selectbox(label, parameter.choices, parameter.choices.index(parameter.default), **common)
    number = int if parameter.kind == "int" else float
    low = None if parameter.low is None else number(parameter.low)
    high = None if parameter.high is None else number(parameter.high)
    if low is None or high is None or high - low > _SLIDER_STEPS:
        return st.number_input(label, low, high, number(parameter.default), **common)
    if parameter.kind == "float" and 0 < parameter.default < high / _FINE:
        # Such as a learning rate: the steps of a slider would be larger than the value.
        return st.number_input(label, low, high, parameter.default, step=parameter.default / 10, format="%g", **common)
    shape = None if parameter.kind == "int" else "%g"
    return st.slider(label, low, high, number(parameter.default), format=shape, **common)
