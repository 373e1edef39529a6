"""The pages' one door to the lab, and the only place that caches for Streamlit.

Answers are cached for all visitors of the server, bounded in number, and shared: pages read them and never change
them. Arguments are plain values, so that a choice on the page is its own cache key.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

import streamlit as st

from recengine.answers import (
    Catalogue,
    Filters,
    Found,
    GivenBack,
    Job,
    ModelInfo,
    Recommendations,
    Run,
    Similar,
    Weighing,
    Who,
    Why,
    Workbench,
)
from recengine.bootstrap import Interval
from recengine.describe import Description
from recengine.evaluate import Evaluation
from recengine.lab import Lab, Progress
from recengine.profile import ItemProfile, Person, UserProfile

Parameters = tuple[tuple[str, Any], ...]  # sorted (name, value) pairs of a model's hyperparameters


@st.cache_resource(show_spinner=False)
def lab() -> Lab:
    """The lab of this server."""
    return Lab()


@st.cache_resource(show_spinner=False)
def models() -> dict[str, ModelInfo]:
    """Every model by name, in the registry's order."""
    return {info.name: info for info in lab().models()}


@st.cache_resource(show_spinner=False, ttl="10s", max_entries=1)
def source_titles() -> dict[str, str]:
    """The data that can be chosen by name, each with its title; those not here yet would be downloaded."""
    return {s.name: s.title if s.here else f"{s.title} (download)" for s in lab().sources()}


@st.cache_resource(show_spinner=False, max_entries=16)
def catalogue(data: str) -> Catalogue:
    """What filters and headings need to know about the data."""
    return lab().catalogue(data)


@st.cache_resource(show_spinner=False, max_entries=16)
def description(data: str) -> Description:
    """What is in the data."""
    return lab().describe(data)


@st.cache_resource(show_spinner=False, max_entries=16)
def splits(data: str) -> tuple[str, ...]:
    """Names of the splits these data can be cut into."""
    return lab().splits(data)


@st.cache_resource(show_spinner=False, max_entries=16)
def interesting_people(data: str) -> list[Any]:
    """Ids of people worth showing."""
    return lab().interesting_people(data)


@st.cache_resource(show_spinner=False, max_entries=500)
def person(data: str, user_id: Any) -> Person:
    """A person's ratings and taste."""
    return lab().person(data, user_id)


@st.cache_resource(show_spinner=False, max_entries=500)
def user_profile(data: str, user_id: Any) -> UserProfile:
    """A person by stars, by habits and by features."""
    return lab().user_profile(data, user_id)


@st.cache_resource(show_spinner=False, max_entries=500)
def item_profile(data: str, item_id: Any) -> ItemProfile:
    """A movie by its ratings and by its features."""
    return lab().item_profile(data, item_id)


@st.cache_resource(show_spinner=False, max_entries=1000)
def people(data: str, text: str, limit: int) -> list[Any]:
    """Ids of people that begin with what was typed."""
    return lab().people(data, text, limit)


@st.cache_resource(show_spinner=False, max_entries=1000)
def search(data: str, text: str, limit: int) -> list[Found]:
    """Movies whose title matches what was typed so far."""
    return lab().search(data, text, limit)


@st.cache_resource(show_spinner=False, max_entries=1000)
def card(data: str, reference: str) -> Found:
    """A movie by id or title."""
    return lab().movie(data, reference)


@st.cache_resource(show_spinner=False, max_entries=1000)
def similar(
    data: str, item_id: Any, k: int, model: str, parameters: Parameters, _progress: Progress | None = None
) -> list[Similar]:
    """The movies nearest to one, by the similarity of a model."""
    return lab().similar(data, item_id, k, model=lab().model(model, dict(parameters)), progress=_progress)


@st.cache_resource(show_spinner=False, max_entries=1000)
def recommend(
    data: str,
    model: str,
    parameters: Parameters,
    who: Who,
    k: int,
    filters: Filters,
    _progress: Progress | None = None,
) -> Recommendations:
    """The best unseen movies, each with its reason."""
    chosen = lab().model(model, dict(parameters))
    return lab().recommend(data, chosen, who, k, filters, progress=_progress)


@st.cache_resource(show_spinner=False, max_entries=1000)
def explain(data: str, model: str, parameters: Parameters, who: Who, item_id: Any, filters: Filters) -> Why:
    """Why a movie gets its score, in full."""
    return lab().explain(data, lab().model(model, dict(parameters)), who, item_id, filters)


@st.cache_resource(show_spinner=False, max_entries=500)
def given_back(data: str, model: str, parameters: Parameters, who: Who) -> tuple[GivenBack, ...]:
    """A person's ratings beside what an autoencoder makes of them."""
    return lab().given_back(data, lab().model(model, dict(parameters)), who)


def model(what: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """A model by its name or label, with parameters. Raises `ModelError` where there is none such."""
    return lab().model(what, parameters)


@st.cache_resource(show_spinner=False, max_entries=1000)
def taken_apart(
    data: str, model: str, who: Who, k: int, filters: Filters, item_id: Any, _progress: Progress | None = None
) -> Workbench:
    """A hybrid, by its label, beside what it is made of, and why one movie of its list (None: the first) is there."""
    return lab().workbench(data, lab().model(model), who, k, filters, item=item_id, progress=_progress)


@st.cache_resource(show_spinner=False, max_entries=500)
def weighing(data: str, model: str, _progress: Progress | None = None) -> Weighing:
    """What the weights of a hybrid, by its label, are worth on training ratings held back."""
    return lab().weighing(data, lab().model(model), progress=_progress)


@st.cache_resource(show_spinner=False, max_entries=100)
def evaluation(
    data: str,
    split: str,
    chosen: tuple[tuple[str, Parameters], ...],
    metrics: tuple[str, ...],
    seed: int,
    _progress: Progress | None = None,
) -> Evaluation:
    """Errors and ranking quality of several models on a split, with intervals."""
    wanted = [lab().model(name, dict(parameters)) for name, parameters in chosen]
    return lab().evaluate(data, split, wanted, metrics, seed=seed, progress=_progress)


@st.cache_resource(show_spinner=False, max_entries=2000)
def difference(
    data: str,
    split: str,
    chosen: tuple[tuple[str, Parameters], ...],
    metrics: tuple[str, ...],
    seed: int,
    *,
    metric: str,
    a: str,
    b: str,
) -> Interval:
    """How much larger a metric is for model `a` than for `b` (labels), over the same resampled people."""
    return lab().difference(evaluation(data, split, chosen, metrics, seed), metric, a, b)


def train(data: str, model: str, seed: int) -> Job:
    """The job that fits a model, by its label, begun unless somebody else began it."""
    return lab().train(data, lab().model(model), seed=seed)


def jobs() -> tuple[Job, ...]:
    """Everybody's jobs on this server, as asked for; never cached, since they go on."""
    return lab().jobs()


def cancel(key: str) -> None:
    """End a job for everyone."""
    lab().cancel(key)


def runs(data: str) -> tuple[Run, ...]:
    """The networks in the store that learned from these data, the newest first."""
    return lab().runs(data)


def aside(show: Progress) -> Progress:
    """Progress that may draw while a cached function runs, without becoming part of what is cached."""
    context = copy_context()
    return lambda fraction, message: context.run(show, fraction, message)
