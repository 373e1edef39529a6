"""The workbench: whom it is for, which kind of hybrid, made of what. The hybrid lives in the address, as its label."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.ui import address, apart, controls, frame, movies, slopes, state, takeaway
from pages.ui.words import plain
from recengine import registry
from recengine.answers import ModelInfo, StoredPerson, Visitor, Who, Workbench
from recengine.errors import ModelError
from recengine.registry import Parameter

SPEC = "spec"
FIRST_KIND, FIRST_WITHOUT_STARS = "weighted", "mixed"
EVERYTHING = "all"
FEW = ("0", "1", "3", "5", "10", EVERYTHING)
_REFUSED = "refused by the workbench"


@frame.fragment
def bench(data: str) -> None:
    """Choices left, the answer right; whatever changes, only this part of the page runs again."""
    notes = st.container()
    choices, result = st.columns([2, 5], gap="medium")
    with choices:
        with frame.panel("Whom it is for"):
            person = controls.person(data, notes)
            who = _known_of(data, person)
        with frame.panel("The hybrid"):
            hybrid = _hybrid(data, notes)
            made_of = st.container()
        with frame.panel("Filters, length"):
            filters, k = controls.filtered(data), controls.length()
            takeaway.popover(data, hybrid, who, k, filters)
    movie = movies.asked(data, notes)
    refused = st.session_state.pop(_REFUSED, "")
    if refused:
        notes.warning(plain(refused), icon=":material/undo:")
    answer = None
    with result, frame.sentences():
        answer = apart.answer(data, hybrid.label, who, k, filters, movie)
    with made_of:
        _parts(data, hybrid, answer)


def _known_of(data: str, person: Any) -> Who:
    """The person with all of their ratings, or as a visitor with the first few: a cold start."""
    known = st.segmented_control(
        "How many of their ratings are known", FEW, default=EVERYTHING, required=True, key="known",
        bind="query-params",
    )  # fmt: skip
    if known == EVERYTHING:
        return StoredPerson(person)
    st.markdown(":small[Their oldest ratings, as if they came anew: what each model makes of a cold start.]")
    history = state.person(data, person).history[::-1].head(int(known or 0))
    stars = history["rating"].fillna(1.0).astype(float)  # without stars, that it was chosen
    return Visitor(tuple(zip(history["item_id"].tolist(), stars.tolist(), strict=True)))


def kinds() -> dict[str, ModelInfo]:
    """The kinds of hybrids by name."""
    return {name: info for name, info in state.models().items() if info.family == "hybrids"}


def first(data: str, kind: str = "") -> Any:
    """A hybrid of a kind to begin with: its defaults, or those for lists where there are no stars to predict."""
    if state.catalogue(data).scale is not None:
        return state.model(kind or FIRST_KIND)
    kind = kind or FIRST_WITHOUT_STARS
    return state.model(kind, dict(kinds()[kind].ranking))


def _hybrid(data: str, notes: Any) -> Any:
    """The hybrid of the address, its kind to choose, and its plain parameters."""
    hybrid = _of_address(data, notes)
    titles = {name: info.title for name, info in kinds().items()}
    key = "kind of hybrid"

    def change() -> None:
        _keep(data, first(data, st.session_state[key]))

    st.session_state[key] = hybrid.name
    st.selectbox("Kind of hybrid", list(titles), format_func=titles.__getitem__, key=key, on_change=change)
    st.markdown(plain(kinds()[hybrid.name].summary))
    return hybrid


def _of_address(data: str, notes: Any) -> Any:
    """The hybrid that the address names, else the one to begin with, and a note where it names another."""
    asked, instead = address.read(SPEC), first(data)
    if not asked:
        return instead
    try:
        found = state.model(asked)
    except ModelError as error:
        said = str(error)
    else:
        if found.name in kinds():
            return found
        said = f"{found.name} is not made of other models."
    notes.warning(plain(f"{said} This is {instead.title}."), icon=":material/link_off:")
    return instead


def _keep(data: str, hybrid: Any) -> None:
    """Write a hybrid into the address, where it is not the one to begin with."""
    address.write(SPEC, "" if hybrid == first(data) else hybrid.label)


def _change(data: str, label: str, changes: dict[str, Any]) -> None:
    """Keep the hybrid of a label with other parameters; what is not possible is said, and nothing changes."""
    try:
        _keep(data, state.model(label, changes))
    except ModelError as error:
        st.session_state[_REFUSED] = str(error)


def _parts(data: str, hybrid: Any, answer: Workbench | None) -> None:
    """What the hybrid is made of, each part with its weight where it has one, and the hybrid's own parameters."""
    parameters = kinds()[hybrid.name].parameters
    for parameter in parameters:
        if parameter.kind == "model":
            _child(data, hybrid, parameter, None)
        elif parameter.kind == "models":
            _children(data, hybrid, parameter)
    for parameter in parameters:
        if parameter.kind == "numbers":
            _weights(data, hybrid, parameter, answer)
    own = [parameter for parameter in parameters if parameter.kind in controls.PLAIN]
    for parameter in own:
        change = partial(_change, data, hybrid.label)
        _plain(parameter, getattr(hybrid, parameter.name), f"{hybrid.name}.own", change)


def _plain(parameter: Parameter, value: Any, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    key = f"{path}.{parameter.name}"
    st.session_state[key] = value
    controls.widget(parameter, key, on_change=lambda: change({parameter.name: st.session_state[key]}))


def _children(data: str, hybrid: Any, parameter: Parameter) -> None:
    """The models of a list, each to be changed or taken out, and a way to add one."""
    children = getattr(hybrid, parameter.name)
    for place in range(len(children)):
        _child(data, hybrid, parameter, place)
    labels = [child.label for child in children]
    more, _ = _permitted(hybrid, lambda name: _listed(hybrid, parameter, [*labels, name], [*range(len(labels)), None]))
    key = f"add to {hybrid.name}.{parameter.name}"

    def add() -> None:
        name, st.session_state[key] = st.session_state[key], None
        if name is not None:
            _change(data, hybrid.label, _listed(hybrid, parameter, [*labels, name], [*range(len(labels)), None]))

    if more:
        st.selectbox(
            "Add a model", more, index=None, format_func=_title, key=key, on_change=add,
            placeholder="Another model", label_visibility="collapsed",
        )  # fmt: skip


def _listed(hybrid: Any, parameter: Parameter, labels: list[str], was: list[int | None]) -> dict[str, Any]:
    """Other models for a list, the numbers that go with them moving along; a new one gets their mean.

    `was`: the place that each model had before.
    """
    changes: dict[str, Any] = {parameter.name: labels}
    for numbers in kinds()[hybrid.name].parameters:
        given = getattr(hybrid, numbers.name)
        if numbers.kind == "numbers" and given:
            mean = sum(given) / len(given)
            changes[numbers.name] = [mean if place is None else given[place] for place in was]
    return changes


def _permitted(hybrid: Any, changes: Callable[[str], dict[str, Any]]) -> tuple[list[str], str]:
    """The models by which a change of the hybrid is possible, and one sentence on the first that is not."""
    possible, why = [], ""
    for name in state.models():
        try:
            state.model(hybrid.label, changes(name))
        except ModelError as error:
            why = why or str(error)
        else:
            possible.append(name)
    return possible, why


def _child(data: str, hybrid: Any, parameter: Parameter, place: int | None) -> None:
    """One model the hybrid is made of: which it is, its parameters, and a way to take it out of a list."""
    held = getattr(hybrid, parameter.name)
    child, path = held if place is None else held[place], f"{hybrid.name}.{parameter.name}.{place}"
    labels = [] if place is None else [other.label for other in held]
    key = f"{path} model"

    def changes(label: str) -> dict[str, Any]:
        if place is None:
            return {parameter.name: label}
        return {parameter.name: [*labels[:place], label, *labels[place + 1 :]]}

    def pick() -> None:
        _change(data, hybrid.label, changes(st.session_state[key]))

    def tune(told: dict[str, Any]) -> None:
        try:
            _change(data, hybrid.label, changes(state.model(child.label, told).label))
        except ModelError as error:
            st.session_state[_REFUSED] = str(error)

    possible, why = _permitted(hybrid, changes)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    st.session_state[key] = child.name
    name = controls.spoken(parameter.name) if place is None else f"Model {place + 1}"
    helped = plain(" ".join(filter(None, (f"{parameter.help}.", why and f"Not every model is offered: {why}"))))
    row.selectbox(
        name, [option for option in state.models() if option in possible or option == child.name], key=key,
        format_func=_title, on_change=pick, help=helped,
    )  # fmt: skip
    info = state.models()[child.name]
    with row.popover("", icon=":material/tune:", help=f"More of {info.title}"):
        st.markdown(f"**{plain(info.title)}** · {plain(info.summary)}")
        if registry.children(child):
            st.markdown(f"Made of: {plain(', '.join(part.label for part in registry.children(child)))}.")
        for own in info.parameters:
            if own.kind in controls.PLAIN:
                _plain(own, getattr(child, own.name), f"{path}.{child.name}", tune)
        if place is not None:
            fewer = partial(_without, hybrid, parameter, place)
            st.button(
                "Take it out", icon=":material/close:", key=f"{path} out", width="stretch",
                disabled=not _can(hybrid, fewer()), on_click=lambda: _change(data, hybrid.label, fewer()),
            )  # fmt: skip


def _without(hybrid: Any, parameter: Parameter, place: int) -> dict[str, Any]:
    labels = [child.label for child in getattr(hybrid, parameter.name)]
    kept = [other for other in range(len(labels)) if other != place]
    return _listed(hybrid, parameter, [labels[other] for other in kept], [*kept])


def _can(hybrid: Any, changes: dict[str, Any]) -> bool:
    try:
        state.model(hybrid.label, changes)
    except ModelError:
        return False
    return True


def _title(name: str) -> str:
    return state.models()[name].title


def _weights(data: str, hybrid: Any, parameter: Parameter, answer: Workbench | None) -> None:
    """A slider for each model's weight; they start where the hybrid has them, given, equal or learned."""
    told, learned = registry.children(hybrid), bool(getattr(hybrid, "learned", False))
    given, found = getattr(hybrid, parameter.name), answer.weights if answer else ()
    now = (found if learned else given) or found or (1 / len(told),) * len(told)
    size = max(1.0, *map(abs, now))  # weights count by their proportions alone
    keys = [f"{hybrid.name}.{parameter.name}.{place}" for place in range(len(told))]

    def slide() -> None:
        values = [round(st.session_state[key], 2) for key in keys]
        _change(data, hybrid.label, {parameter.name: values, **({"learned": False} if learned else {})})

    titles = [voice.title for voice in answer.voices] if answer else [child.title for child in told]
    for key, title, value in zip(keys, titles, now, strict=True):
        st.session_state[key] = round(value / size, 2)
        st.slider(
            f"Weight of {title}", 0.0 if min(now) >= 0 else -1.0, 1.0, step=0.01, key=key, on_change=slide,
            help="Weights count by their proportions.",
        )  # fmt: skip
    shares = ", ".join(f"{title} {slopes.share(value / sum(now))}" for title, value in zip(titles, now, strict=True))
    st.markdown(f":small[{'Learned shares' if learned else 'Shares'}: {plain(shares)}.]")
