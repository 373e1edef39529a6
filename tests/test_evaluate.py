"""Evaluation: worked by hand on made-up models, and its laws."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from recengine import bootstrap, trial
from recengine.bootstrap import Interval
from recengine.data import split
from recengine.data.dataset import Query
from recengine.data.split import Split
from recengine.errors import Cancelled, DataError, ModelError, NotFound
from recengine.evaluate import difference, evaluate
from recengine.explain import Explanation
from recengine.metrics import RANKING
from recengine.model import Context, Fitted, Recommender, Traits
from recengine.models.baseline import Bias, GlobalMean, Popularity, Random

NAN = math.nan


class Written(Recommender):
    """Scores written down, a row a person; None is no opinion, where 3 stands in."""

    name: ClassVar[str] = "written"
    title: ClassVar[str] = "Written down"
    family: ClassVar = "baselines"
    traits: ClassVar[Traits] = Traits(ratings=True, personal=True)

    rows: tuple[tuple[float | None, ...], ...]
    diverges: bool = False

    def fit(self, train, context=Context()):
        context.step(0.5, "Copying")
        table = np.array(self.rows, np.float32)
        return FittedWritten(model=self, scale=train.scale, table=table)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedWritten(Fitted):
    table: np.ndarray

    def score(self, query):
        return self.table[query.user]

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]

    def fallback(self, query):
        return np.full(self.score(query).shape, NAN if self.model.diverges else 3, np.float32)

    def explain(self, query, item):
        return Explanation(0.0, 0.0, "nothing", (), exact=True)


class OnlyRanks(Popularity):
    """A model without ratings under a name of its own."""

    name: ClassVar[str] = "only-ranks"
    title: ClassVar[str] = "Only ranks"


RATINGS = [
    [4, 5, 2, NAN, NAN],
    [3, 1, NAN, 4, NAN],
    [1, NAN, NAN, NAN, 5],
]
TESTED = [(0, 1), (0, 2), (1, 3), (2, 0)]
SCORES = (
    (3, 4, 3, 1, 2),
    (3, 3, 2, 2, 5),
    (None, 1, 2, 4, 3),
)


@pytest.fixture
def tiny(make_dataset):
    features = [[1, 0], [1, 0], [0, 1], [1, 1], [0, 1]]
    dataset = make_dataset(RATINGS, features=features)
    rows = zip(dataset.interactions.user, dataset.interactions.item, strict=True)
    mask = np.array([pair in TESTED for pair in rows])
    return split.canonical(dataset, "u1", mask)


@pytest.fixture
def folds(make_dataset):
    """Three folds of a larger table, with people of all sizes."""
    rng = np.random.default_rng(1)
    table = np.where(rng.random((40, 12)) < 0.5, rng.integers(1, 6, (40, 12)), NAN)
    return split.kfold(make_dataset(table, features=rng.random((12, 4)) < 0.4), folds=3, seed=2)


def values(result) -> dict[str, float]:
    return {name: interval.value for name, interval in result.metrics.items()}


# By hand


def test_a_worked_example(tiny):
    names = ["rmse", "mae", "ndcg@2", "precision@2", "recall@2", "coverage@2", "novelty@2", "diversity@2", "hit@1"]
    (result,) = evaluate(tiny, [Written(rows=SCORES)], names).results
    # Errors −1, +1 | −2 | +2 (the fallback). Lists of unseen movies: [1, 2], [4, 2] (a tie by position), [3, 2].
    # Training raters of items 0..4: 2, 1, 0, 0, 1 of 3 people; nobody counts as one.
    expected = {
        "rmse": math.sqrt(10 / 4),
        "mae": 6 / 4,
        "ndcg@2": 1 / 3,
        "precision@2": 1 / 3,
        "recall@2": 1 / 3,
        "coverage@2": 4 / 5,
        "novelty@2": math.log2(3),
        "diversity@2": (1 + 0 + 1 - math.sqrt(0.5)) / 3,
        "hit@1": 1 / 3,
    }
    assert values(result) == pytest.approx(expected, abs=1e-6)
    assert list(result.metrics) == names
    assert (result.n_ratings, result.n_people, result.excluded_people) == (4, 3, 0)
    assert result.fallback_share == 1 / 4
    assert result.list_fallback_share == 0


def test_per_person_of_the_worked_example(tiny):
    table = evaluate(tiny, [Written(rows=SCORES)], ["rmse", "ndcg@2"]).per_person
    assert list(table.columns) == ["model", "metric", "fold", "user", "value", "weight"]
    rmse = table[table["metric"] == "rmse"]
    assert rmse["user"].tolist() == [0, 1, 2]
    assert rmse["value"].tolist() == [1, 2, 2]
    assert rmse["weight"].tolist() == [2, 1, 1]
    ndcg = table[table["metric"] == "ndcg@2"]
    assert ndcg["value"].tolist() == [1, 0, 0]
    assert ndcg["weight"].tolist() == [1, 1, 1]


def test_a_threshold_of_relevance_excludes_who_likes_nothing(tiny):
    (result,) = evaluate(tiny, [Written(rows=SCORES)], ["ndcg@2", "rmse", "novelty@2"], relevant_from=4).results
    assert result.excluded_people == 1
    assert result.metrics["ndcg@2"].value == pytest.approx(1 / 2)
    assert result.metrics["rmse"].value == pytest.approx(math.sqrt(2.5))
    assert result.metrics["novelty@2"].value == pytest.approx(math.log2(3))


def test_lists_shorter_than_k_still_divide_by_k(tiny):
    (result,) = evaluate(tiny, [Written(rows=SCORES)], ["precision@5", "recall@5", "coverage@5"]).results
    assert values(result) == pytest.approx({"precision@5": (2 + 1 + 1) / 15, "recall@5": 1, "coverage@5": 1})


def test_what_it_carries_to_be_repeated(tiny):
    made = evaluate(tiny, [Written(rows=SCORES)], ["rmse"], context=Context(seed=5))
    assert (made.dataset, made.split, made.seed) == ("made", "u1", 5)
    assert made.fingerprint == tiny[0].fingerprint
    assert made.protocol == tiny[0].protocol
    assert made.warning == tiny[0].warning
    assert set(made.versions) == {"python", "recengine", "numpy", "scipy", "numba"}


# Against plain loops


def test_folds_against_a_loop_over_people(folds):
    names = ["rmse", "mae", *(f"{base}@3" for base in RANKING)]
    (result,) = evaluate(folds, [Bias()], names, relevant_from=3).results
    of_folds = {name: [] for name in names}
    for part in folds:
        for name, value in one_by_one(part, Bias().fit(part.train), relevant_from=3).items():
            of_folds[name].append(value)
    assert values(result) == pytest.approx({name: np.mean(found) for name, found in of_folds.items()}, rel=1e-5)


def one_by_one(part: Split, fitted: Fitted, relevant_from: float) -> dict[str, float]:
    """Errors of all ratings and ranking metrics of each person, spelled out."""
    errors, ranked = [], {f"{base}@3": [] for base in RANKING}
    for person in sorted(set(part.test.user.tolist())):
        query = Query.of_users(part.train, [person])
        own = [(i, v) for u, i, v in zip(part.test.user, part.test.item, part.test.value, strict=True) if u == person]
        scores = np.clip(fitted.score(query)[0], 1, 5)
        errors += [float(scores[item]) - float(value) for item, value in own]
        liked = {int(item) for item, value in own if value >= relevant_from}
        seen = set(query.history.indices.tolist())
        raw = fitted.score(query)[0]
        best = [item for item in np.argsort(-raw, kind="stable").tolist() if item not in seen][:3]
        hit = np.array([[item in liked for item in best] + [False] * (3 - len(best))])
        for base in RANKING if liked else ():
            ranked[f"{base}@3"].append(float(RANKING[base](hit, np.array([len(liked)]))[0]))
    found = {name: float(np.mean(value)) for name, value in ranked.items()}
    return {"rmse": math.sqrt(np.mean(np.square(errors))), "mae": float(np.mean(np.abs(errors))), **found}


def test_blocks_of_people_change_nothing(folds, monkeypatch):
    names = ["rmse", "ndcg@3", "coverage@3", "novelty@3", "diversity@3"]
    whole = evaluate(folds, [Bias(), Random()], names)
    monkeypatch.setattr(trial, "_BLOCK_CELLS", 40)
    monkeypatch.setattr(bootstrap, "_BLOCK_CELLS", 100)
    parts = evaluate(folds, [Bias(), Random()], names)
    pd.testing.assert_frame_equal(whole.per_person, parts.per_person)
    for one, other in zip(whole.results, parts.results, strict=True):
        assert list(one.metrics) == list(other.metrics)
        for name, interval in one.metrics.items():
            assert other.metrics[name] == interval_about(interval)


def interval_about(told: Interval) -> Interval:
    return Interval(*(None if number is None else pytest.approx(number, rel=1e-12) for number in vars(told).values()))


def test_the_table_of_persons_holds_the_metric(folds):
    made = evaluate(folds, [Bias()], ["rmse", "mae", "map@4"])
    for name, rows in made.per_person.groupby("metric"):
        of_fold = []
        for _, fold in rows.groupby("fold"):
            power = 2 if name == "rmse" else 1
            of_fold.append(np.average(fold["value"] ** power, weights=fold["weight"]) ** (1 / power))
        assert made.results[0].metrics[name].value == pytest.approx(np.mean(of_fold))


# Uncertainty


def test_a_seed_gives_the_same_interval_again_and_another_seed_another(folds):
    first, again, other = (
        evaluate(folds, [Bias()], ["rmse"], context=Context(seed=seed)).results[0].metrics["rmse"] for seed in (0, 0, 1)
    )
    assert first == again
    assert first.value == other.value
    assert first.low != other.low


def test_intervals_hold_their_value(folds):
    for result in evaluate(folds, [Bias(), Random()], ["rmse", "ndcg@3", "novelty@3", "diversity@3"]).results:
        for told in result.metrics.values():
            assert told.low < told.value < told.high


def test_one_person_or_no_resample_leaves_no_interval(tiny, make_dataset):
    alone = split.random_holdout(make_dataset([[1, 2, 3, 4, 5, NAN]]), fraction=0.4)
    told = evaluate(alone, [GlobalMean()], ["rmse", "ndcg@1"]).results[0].metrics
    assert told["rmse"].low is told["rmse"].high is told["ndcg@1"].low is None
    told = evaluate(tiny, [GlobalMean()], ["rmse"], resamples=0).results[0].metrics
    assert told["rmse"].low is None
    assert told["rmse"].value > 0


def test_coverage_has_a_value_and_no_interval(folds):
    assert evaluate(folds, [Bias()], ["coverage@2"]).results[0].metrics["coverage@2"].low is None


def test_without_features_diversity_is_undefined(make_dataset):
    part = split.random_holdout(make_dataset(RATINGS), fraction=0.3)
    told = evaluate(part, [Bias()], ["diversity@3", "rmse"]).results[0].metrics["diversity@3"]
    assert math.isnan(told.value)
    assert told.low is told.high is None


def test_differences_are_paired(folds):
    names = ["rmse", "ndcg@3", "coverage@3"]
    made = evaluate(folds, [Bias(), Bias(user_damping=6), GlobalMean()], names)
    one, other = made.results[0], made.results[1]
    told = difference(made, "RMSE", one.label, other.label)
    assert told.value == pytest.approx(one.metrics["rmse"].value - other.metrics["rmse"].value)
    assert told.low < told.value < told.high
    # Two nearly equal models are hard for the same people, so their difference is far surer than either.
    assert told.high - told.low < 0.2 * (one.metrics["rmse"].high - one.metrics["rmse"].low)
    back = difference(made, "rmse", other.label, one.label)
    assert (back.low, back.high) == pytest.approx((-told.high, -told.low))
    assert difference(made, "rmse", one.label, one.label) == Interval(0.0, 0.0, 0.0)
    covered = difference(made, "coverage@3", one.label, "global-mean")
    assert covered.low is None
    assert covered.value == one.metrics["coverage@3"].value - made.result("global-mean").metrics["coverage@3"].value


def test_a_difference_that_was_not_measured(folds, one_sentence):
    made = evaluate(folds, [Bias(), OnlyRanks()], ["rmse", "ndcg@3"])
    for metric, a, b in [("mae", "bias", "bias"), ("rmse", "bias", "only-ranks"), ("rmse", "bias", "svd")]:
        with pytest.raises(NotFound, match="choose one of") as error:
            difference(made, metric, a, b)
        assert one_sentence(str(error.value))


# Which model can be asked what


def test_a_model_without_ratings_goes_without_rating_errors(tiny):
    made = evaluate(tiny, [OnlyRanks(), Bias()], ["rmse", "ndcg@2"])
    assert [list(result.metrics) for result in made.results] == [["ndcg@2"], ["rmse", "ndcg@2"]]
    assert made.results[0].fallback_share is None
    (alone, both) = evaluate(tiny, [OnlyRanks(), Bias()], ["rmse"]).results
    assert alone.metrics == {}
    assert list(both.metrics) == ["rmse"]
    assert both.list_fallback_share is None


def test_results_keep_the_order_of_models_each_once(tiny):
    made = evaluate(tiny, [Popularity(), Bias(item_damping=9), Random(), Popularity()], ["ndcg@2"])
    assert [result.label for result in made.results] == ["popularity", "bias(item_damping=9.0)", "random"]


def test_metrics_asked_twice_are_measured_once(tiny):
    (result,) = evaluate(tiny, [Bias()], ["NDCG@02", "ndcg@2", "rmse"]).results
    assert list(result.metrics) == ["ndcg@2", "rmse"]


def test_implicit_data_can_be_ranked(make_dataset):
    seen = make_dataset(np.where(np.isnan(RATINGS), NAN, 1.0), scale=None)
    (result,) = evaluate(split.leave_last_out(seen), [Popularity()], ["hit@5"]).results
    assert result.metrics["hit@5"].value == 1


@pytest.mark.parametrize(
    ("models", "metrics", "kind", "clue"),
    [
        ([Popularity(), Random()], ["rmse"], ModelError, "popularity, random cannot give: choose ranking metrics"),
        ([Popularity()], ["ndcg@2", "mae"], ModelError, "choose ranking metrics such as ndcg@10"),
        ([], ["rmse"], ModelError, "at least one model"),
        ([Bias()], [], ModelError, "one metric"),
        ([Bias()], ["ndcg@6"], DataError, "longer than the 5 movies"),
        ([Bias()], ["coverage@999999999"], DataError, "longer than the 5 movies"),
        ([Bias()], ["ndcg"], DataError, "ndcg@10"),
        ([Bias()], ["accuracy"], NotFound, "choose from rmse"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(tiny, one_sentence, models, metrics, kind, clue):
    with pytest.raises(kind, match=clue) as error:
        evaluate(tiny, models, metrics)
    assert one_sentence(str(error.value))


def test_ratings_of_implicit_data_are_refused(make_dataset, one_sentence):
    seen = make_dataset(np.where(np.isnan(RATINGS), NAN, 1.0), scale=None)
    with pytest.raises(ModelError, match="made holds none: choose ranking metrics") as error:
        evaluate(split.leave_last_out(seen), [Bias()], ["rmse"])
    assert one_sentence(str(error.value))


def test_a_threshold_that_nothing_reaches_is_refused(tiny, one_sentence):
    with pytest.raises(DataError, match=r"No test rating reaches 5\.5") as error:
        evaluate(tiny, [Bias()], ["ndcg@2"], relevant_from=5.5)
    assert one_sentence(str(error.value))


def test_ratings_that_are_no_numbers_are_not_hidden(tiny, one_sentence):
    with pytest.raises(ModelError, match="no numbers") as error:
        evaluate(tiny, [Written(rows=SCORES, diverges=True)], ["rmse"])
    assert one_sentence(str(error.value))


def test_no_split_or_an_empty_test_is_a_mistake_of_the_caller(tiny):
    for splits in ([], [replace(tiny[0], test=tiny[0].test.take(np.arange(0)))]):
        with pytest.raises(ValueError, match="at least one split"):
            evaluate(splits, [Bias()], ["rmse"])


# How it runs


def test_progress_goes_from_0_to_1_and_never_back(folds):
    told = []
    context = Context(progress=lambda fraction, message: told.append((fraction, message)))
    rows = tuple((3.0,) * 12 for _ in range(40))
    evaluate(folds, [Written(rows=rows), OnlyRanks()], ["rmse", "ndcg@2"], context=context)
    fractions = [fraction for fraction, _ in told]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)
    assert {message for _, message in told} >= {"Fitting Written down: Copying", "Measuring Only ranks"}


def test_it_stops_when_told_to(folds):
    told = []
    context = Context(progress=lambda fraction, message: told.append(fraction), cancelled=lambda: len(told) >= 3)
    with pytest.raises(Cancelled):
        evaluate(folds, [Bias(), OnlyRanks()], ["ndcg@2"], context=context)
    assert len(told) == 3


def test_fits_can_come_from_elsewhere(folds):
    asked = []

    def fit(model, train, context):
        asked.append((model.name, train))
        return model.fit(train, context), 2.0 + len(asked)

    made = evaluate(folds, [Bias(), Popularity()], ["ndcg@2"], fit=fit)
    assert asked == [(name, part.train) for part in folds for name in ("bias", "popularity")]
    assert [result.fit_seconds for result in made.results] == [5.0, 6.0]
    assert all(result.predict_seconds > 0 for result in made.results)
    pd.testing.assert_frame_equal(made.per_person, evaluate(folds, [Bias(), Popularity()], ["ndcg@2"]).per_person)


def test_nothing_given_is_changed(tiny):
    before = tiny[0].train.fingerprint
    evaluate(tiny, [Bias()], ["rmse", "ndcg@2", "diversity@2"])
    assert tiny[0].train.fingerprint == before
