"""Evaluation of models that use the day: told that of each test rating, and nothing else."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from recengine import trial
from recengine.data import split
from recengine.evaluate import evaluate
from recengine.explain import Explanation
from recengine.metrics import parse
from recengine.model import Context, Fitted, Recommender, Traits
from recengine.models.baseline import Bias
from recengine.trial import Truth, ask

DAY = 86400
NAN = np.nan


class Calendar(Recommender):
    """Predicts the day it is asked on, and has no opinion where no day is said."""

    name: ClassVar[str] = "calendar"
    title: ClassVar[str] = "Calendar"
    family: ClassVar = "baselines"

    told: bool = True

    @property
    def traits(self):
        return Traits(ratings=True, personal=False, day=self.told)

    def fit(self, train, context=Context()):
        return FittedCalendar(model=self, scale=None, n_items=train.n_items, asked=[])


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedCalendar(Fitted):
    """`asked`: the queries it was asked, in order."""

    n_items: int
    asked: list

    def score(self, query):
        self.asked.append(query)
        day = np.full(len(query), NAN) if query.time is None else query.time / DAY
        return np.tile(day[:, None], self.n_items).astype(np.float32)

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]

    def fallback(self, query):
        return np.zeros((len(query), self.n_items), np.float32)

    def explain(self, query, item):
        return Explanation(0.0, 0.0, "nothing", (), exact=True)


@pytest.fixture
def dated(make_dataset):
    """Three people's ratings with their days: four of person 0 are tested, on days 7, 3, 7, 3, and one of person 2."""
    dataset = make_dataset([[4, 5, 2, 3, 1], [3, 1, NAN, 4, NAN], [1, NAN, NAN, NAN, 5]])
    ratings = dataset.interactions
    days = {(0, 0): 7, (0, 1): 3, (0, 2): 7, (0, 3): 3, (2, 4): -2}
    pairs = list(zip(ratings.user.tolist(), ratings.item.tolist(), strict=True))
    # Any second of the day: the model is told the day and no more.
    time = np.array([days.get(pair, 1) * DAY + 1 + 17 * number for number, pair in enumerate(pairs)])
    dataset = dataset.with_interactions(replace(ratings, time=time))
    return split.canonical(dataset, "u1", np.array([pair in days for pair in pairs]))


def answers(cut, model, *metrics):
    fitted = model.fit(cut.train)
    truth = Truth.of(cut.test, None)
    return fitted, ask(fitted, cut.train, truth, [parse(name) for name in metrics], lambda fraction, message: None)


def test_each_test_rating_is_asked_for_on_its_day(dated):
    fitted, told = answers(dated[0], Calendar(), "rmse")
    assert told.predicted.tolist() == [7, 3, 7, 3, -2]
    assert not told.predicted_by_fallback.any()
    (query,) = fitted.asked
    assert list(zip(query.user.tolist(), query.time.tolist(), strict=True)) == [
        (0, 3 * DAY),
        (0, 7 * DAY),
        (2, -2 * DAY),
    ]
    seen = dated[0].train.interactions.matrix
    assert np.array_equal(query.history.toarray(), seen[query.user].toarray())


def test_blocks_of_people_change_nothing(dated, monkeypatch):
    _, whole = answers(dated[0], Calendar(), "rmse")
    monkeypatch.setattr(trial, "_BLOCK_CELLS", 5)
    fitted, parts = answers(dated[0], Calendar(), "rmse")
    assert len(fitted.asked) == 2
    assert np.array_equal(whole.predicted, parts.predicted)


def test_lists_are_asked_for_without_a_day(dated):
    fitted, _ = answers(dated[0], Calendar(), "ndcg@2")
    assert [query.time for query in fitted.asked] == [None]


def test_other_models_are_asked_once_a_person_and_told_no_day(dated):
    fitted, told = answers(dated[0], Calendar(told=False), "rmse")
    assert told.predicted_by_fallback.all()
    asked = fitted.asked[0]
    assert (asked.user.tolist(), asked.time) == ([0, 2], None)


def test_without_times_there_is_no_day_to_tell(dated):
    cut = dated[0]
    timeless = replace(
        cut,
        train=cut.train.with_interactions(replace(cut.train.interactions, time=None)),
        test=replace(cut.test, time=None),
    )
    _, told = answers(timeless, Calendar(), "rmse")
    assert told.predicted_by_fallback.all()
    assert evaluate([timeless], [Calendar()], ["rmse"]).warning == timeless.warning


def test_the_warning_names_who_was_told_the_day(dated):
    models = [Bias(), Calendar(), Calendar(told=False)]
    made = evaluate(dated, models, ["rmse", "ndcg@2"])
    said = made.warning.removeprefix(f"{dated[0].warning} ")
    assert said == (
        "calendar uses the day of each test rating, which live use would know but other models were not told: "
        "compare with care."
    )
    assert evaluate([replace(dated[0], warning=None)], models, ["mae"]).warning == said
    for others, metrics in [([Bias(), Calendar(told=False)], ["rmse"]), ([Calendar()], ["ndcg@2"])]:
        assert evaluate(dated, others, metrics).warning == dated[0].warning


def test_a_model_that_uses_the_day_leaves_the_others_as_they_were(dated):
    alone = evaluate(dated, [Bias()], ["rmse", "ndcg@2"]).per_person
    beside = evaluate(dated, [Calendar(), Bias()], ["rmse", "ndcg@2"]).per_person
    kept = beside[beside["model"] == "bias"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, kept)
