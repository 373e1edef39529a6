"""One model on one split: fitted, asked for predictions and lists, and what these are worth to each person."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recengine import registry
from recengine.data.dataset import Bool, Dataset, Float32, Int32, Int64, Interactions, Query
from recengine.errors import ModelError
from recengine.metrics import RANKING, Float64, Metric, coverage, diversity, novelty
from recengine.model import Context, Fitted, Recommender

Fit = Callable[[Recommender, Dataset, Context], tuple[Fitted, float]]  # a fitted model, the seconds its fit took

_DAY = 86400  # seconds
_BLOCK_CELLS = 4_000_000  # scores held at once: 16 MB, several times
_warm: set[type[Recommender]] = set()  # kinds of model whose kernels this process has built


@dataclass(frozen=True, eq=False)
class Truth:
    """The ratings held back, sorted by person.

    `people`: int32 `(p,)`, positions of those who have any, ascending. `row`: int64 `(m,)`, a rating's place in
    `people`; `item`, `value`: `(m,)`. `relevant`: int64 `(p,)`, relevant items a person, and `key`: place · n_items +
    item of each of those. `time`: int64 `(m,)`, Unix seconds, or None where the data carry no time.
    """

    people: Int32
    row: Int64
    item: Int32
    value: Float32
    relevant: Int64
    key: Int64
    n_items: int
    time: Int64 | None

    @classmethod
    def of(cls, test: Interactions, relevant_from: float | None) -> Truth:
        """The truth of a test; an item is relevant when its rating is at least `relevant_from` (None: always)."""
        order = np.lexsort((test.item, test.user))
        people, row = np.unique(test.user[order], return_inverse=True)
        item, value = test.item[order], test.value[order]
        counts = np.ones(len(value), np.bool_) if relevant_from is None else value >= relevant_from
        key = row[counts] * test.n_items + item[counts]
        relevant = np.bincount(row[counts], minlength=len(people))
        when = None if test.time is None else test.time[order]
        return cls(people, row, item, value, relevant, key, test.n_items, when)

    def hits(self, item: Int32) -> Bool:
        """Whether each listed item `(p, k)` is relevant to its person; −1 never is."""
        listed = np.arange(len(item))[:, None] * self.n_items + item
        return np.isin(listed, self.key) & (item >= 0)


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said: a rating for each test rating `(m,)` and a list for each person `(p, k)`.

    Where none were needed, the arrays are empty. `predicted_by_fallback`, `listed_by_fallback`: where the model had
    no opinion and its fallback spoke. `seconds`: what the answers took.
    """

    predicted: Float32
    predicted_by_fallback: Bool
    item: Int32
    listed_by_fallback: Bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of one model on one split.

    `rows`: columns metric, user (position), value and weight, one row a metric and person who has it.
    `coverage`: the metrics of all lists together, by name. `notes`: what must be known of the fitted model.
    """

    rows: pd.DataFrame
    coverage: dict[str, float]
    answers: Answers
    fit_seconds: float
    notes: tuple[str, ...]


def run(
    model: Recommender, train: Dataset, truth: Truth, wanted: Sequence[Metric], context: Context, fit: Fit | None
) -> Trial:
    """Fit (here, unless `fit` does it), ask and judge; the first half of the progress is the fit's."""
    doing = f"Fitting {model.title}"
    context.step(0.0, doing)
    warm(model, train)
    fitted, seconds = (fit or _fit)(model, train, context.part(0.0, 0.5, f"{doing}: "))
    answers = ask(fitted, train, truth, wanted, context.part(0.5, 0.5).step)
    judged = [(metric.name, *worth(metric, truth, answers, train)) for metric in wanted if metric.base != "coverage"]
    rows = pd.DataFrame(
        {
            "metric": np.repeat(np.array([name for name, _, _ in judged], np.str_), len(truth.people)),
            "user": np.tile(truth.people, len(judged)),
            "value": np.concatenate([np.empty(0), *(value for _, value, _ in judged)]),
            "weight": np.concatenate([np.empty(0), *(weight for _, _, weight in judged)]),
        }
    )
    covered = {m.name: coverage(answers.item[:, : m.k], truth.n_items) for m in wanted if m.base == "coverage"}
    return Trial(rows[np.isfinite(rows["value"])], covered, answers, seconds, fitted.notes)


def _fit(model: Recommender, train: Dataset, context: Context) -> tuple[Fitted, float]:
    began = time.perf_counter()
    return model.fit(train, context), time.perf_counter() - began


def warm(model: Recommender, train: Dataset) -> None:
    """Build the kernels of a model and of its children on few ratings, so that no seconds measured are a compiler's."""
    if not _kinds(model) <= _warm:
        few = train.with_interactions(train.interactions.take(np.arange(min(20, len(train.interactions)))))
        fitted, query = model.fit(few), Query.of_users(few, few.interactions.user[:1])
        fitted.recommend(query)
        fitted.predict(query, [0], [0])
        _warm.update(_kinds(model))


def _kinds(model: Recommender) -> set[type[Recommender]]:
    """The kinds of a model and of all that it is made of."""
    return {type(model)}.union(*map(_kinds, registry.children(model)))


def ask(
    fitted: Fitted, train: Dataset, truth: Truth, wanted: Sequence[Metric], step: Callable[[float, str], None]
) -> Answers:
    """Put the questions that the metrics need, in blocks of people of bounded memory.

    A model that uses the day is asked for a rating as of the day it was given; lists are asked for without a time.
    Raises `ModelError` for a predicted rating that is no number, as of a fit that diverged.
    """
    k = max((metric.k or 0 for metric in wanted), default=0)
    ratings = any(metric.kind == "rating" for metric in wanted)
    m, p = len(truth.row) if ratings else 0, len(truth.people)
    predicted, predicted_by_fallback = np.empty(m, np.float32), np.empty(m, np.bool_)
    item, listed_by_fallback = np.empty((p, k), np.int32), np.empty((p, k), np.bool_)
    by_day = ratings and uses_day(fitted.model, truth)
    seconds, size = 0.0, max(1, _BLOCK_CELLS // max(1, truth.n_items))
    for start in range(0, p, size):
        step(start / p, f"Measuring {fitted.model.title}")
        people = slice(start, start + size)
        query = Query.of_users(train, truth.people[people])
        own = slice(*np.searchsorted(truth.row, [start, start + size]))
        dated, row = _by_day(train, truth, own) if by_day else (query, truth.row[own] - start)
        began = time.perf_counter()
        if ratings:
            prediction = fitted.predict(dated, row, truth.item[own])
            if not np.isfinite(prediction.value).all():
                raise ModelError(f"{fitted.model.title} predicts ratings that are no numbers: choose other parameters.")
            predicted[own], predicted_by_fallback[own] = prediction.value, prediction.fallback
        if k:
            ranking = fitted.recommend(query, k)
            item[people], listed_by_fallback[people] = ranking.item, ranking.fallback
        seconds += time.perf_counter() - began
    return Answers(predicted, predicted_by_fallback, item, listed_by_fallback, seconds)


def uses_day(model: Recommender, truth: Truth) -> bool:
    """Whether this model is asked for these ratings as of the day of each."""
    return model.traits.ratings and model.traits.day and truth.time is not None


def _by_day(train: Dataset, truth: Truth, own: slice) -> tuple[Query, Int64]:
    """One query a person and day of the test ratings `own`, asked at 0:00 UTC, and the query that each belongs to."""
    assert truth.time is not None
    day, of_day = np.unique(truth.time[own] // _DAY, return_inverse=True)
    asked, of_query = np.unique(truth.row[own] * len(day) + of_day, return_inverse=True)
    row, of_day = np.divmod(asked, len(day))
    return Query.of_users(train, truth.people[row], day[of_day] * _DAY), of_query


def worth(metric: Metric, truth: Truth, answers: Answers, train: Dataset) -> tuple[Float64, Float64]:
    """A metric (any but coverage) for each person and its weight in the whole, `(p,)`; NaN where a person has none.

    A person's own RMSE or MAE weighs the number of ratings it is made of, anything else 1.
    """
    p = len(truth.people)
    if metric.kind == "rating":
        error = answers.predicted.astype(np.float64) - truth.value
        n = np.bincount(truth.row, minlength=p).astype(np.float64)
        if metric.base == "rmse":
            return np.sqrt(np.bincount(truth.row, error**2, p) / n), n
        return np.bincount(truth.row, np.abs(error), p) / n, n
    item = answers.item[:, : metric.k]
    if metric.kind == "ranking":
        return RANKING[metric.base](truth.hits(item), truth.relevant), np.ones(p)
    if metric.base == "novelty":
        n_people = int(np.count_nonzero(train.interactions.user_count))
        return novelty(item, train.interactions.item_count, n_people), np.ones(p)
    return diversity(item, train.features), np.ones(p)
