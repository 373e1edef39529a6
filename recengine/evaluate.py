"""Models side by side on ratings that were held back, with honest uncertainty."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import recengine
from recengine.bootstrap import Estimate, Interval, estimates
from recengine.data.dataset import Dataset
from recengine.data.split import Split
from recengine.errors import DataError, ModelError, NotFound
from recengine.metrics import Metric, parse
from recengine.model import Context, Recommender
from recengine.trial import Fit, Trial, Truth, run, uses_day

REVISION = 1  # raised when a split, a metric or an interval changes its meaning: part of every stored evaluation's key


@dataclass(frozen=True)
class Result:
    """How one model did.

    `metrics`: by name, in the order asked. The interval is a 95 % percentile bootstrap over people; its bounds are
    None for one person alone, and for coverage: a resample repeats people, so its lists hold fewer distinct movies
    and such an interval would lie below the value. NaN: nobody has the metric (diversity without features).
    `fit_seconds`, `predict_seconds`: mean a fold; the latter covers predictions and lists.
    `fallback_share`, `list_fallback_share`: share of the predicted ratings, and of the listed movies, that the
    model's fallback gave; None where none were asked for.
    `n_ratings`, `n_people`: test ratings over all folds and the people who made them. `excluded_people`: those of
    them without a relevant test item, who are in no ranking metric. `notes`: sentences that whoever reads the result
    must know, such as what the model could not learn, each once however many folds said it.
    """

    model: Recommender
    label: str
    metrics: Mapping[str, Interval]
    fit_seconds: float
    predict_seconds: float
    fallback_share: float | None
    list_fallback_share: float | None
    n_ratings: int
    n_people: int
    excluded_people: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results in the order of the models, and everything needed to repeat them.

    `per_person`: columns `model` (label), `metric`, `fold`, `user` (position), `value` and `weight`: a person's own
    RMSE or MAE weighs as many ratings as they have in the test, every other metric 1. A metric is the mean over
    folds of Σ weight · value / Σ weight; for the RMSE of the root of Σ weight · value² / Σ weight.
    `fingerprint`: of the data before they were split. `seed`: of models and resamples. `split`: its name.
    """

    results: tuple[Result, ...]
    per_person: pd.DataFrame
    dataset: str
    fingerprint: str
    split: str
    protocol: str
    warning: str | None
    seed: int
    relevant_from: float | None
    resamples: int
    versions: Mapping[str, str]

    def result(self, label: str) -> Result:
        """The result of a model by its label; `NotFound` lists the labels there are."""
        for result in self.results:
            if result.label == label:
                return result
        raise NotFound(f"{label!r} was not evaluated: choose one of {', '.join(r.label for r in self.results)}.")


def default_metrics(models: Sequence[Recommender], dataset: Dataset) -> tuple[str, ...]:
    """RMSE and MAE where the data hold ratings and a model predicts them, and NDCG@10 (k within the catalogue)."""
    errors = ("rmse", "mae") if dataset.explicit and any(model.traits.ratings for model in models) else ()
    return (*errors, f"ndcg@{max(1, min(10, dataset.n_items))}")


def evaluate(
    splits: Sequence[Split],
    models: Sequence[Recommender],
    metrics: Sequence[str],
    *,
    context: Context = Context(),
    fit: Fit | None = None,
    relevant_from: float | None = None,
    resamples: int = 1000,
) -> Evaluation:
    """Fit every model on every split and measure it on the ratings held back.

    RMSE and MAE are pooled over all test ratings of a fold, sqrt(Σ err² / m), as the literature reports them. Ranking
    metrics are computed for each person on the ranking of all items unseen in training, then averaged; a test item
    is relevant when its rating is at least `relevant_from` (None: always). Several splits are folds of one
    protocol: values are means over folds. Models of equal label are measured once; one whose scores are no ratings
    goes without RMSE and MAE. `fit` returns a fitted model and the seconds its fit took (default: fit here), and may
    tell its progress through the context it is given. A model that uses the day is told that of each test rating, and
    the warning says so.
    Lists of every length are prefixes of one list of the largest k. Reports progress, and stops when `context` says.

    Raises `ModelError` when no model can have a rating metric that is asked for, `DataError` for a k beyond the
    catalogue or a threshold that no test rating reaches, and what `metrics.parse` raises.
    Cost: the fits, plus O(n_people · n_items) scores a model and fold in blocks of bounded memory.
    """
    if not splits or not all(len(split.test) for split in splits):
        raise ValueError("at least one split is needed, and ratings to test on in each")
    chosen = {model.label: model for model in models}
    wanted = _wanted(metrics, list(chosen.values()), splits[0].train)
    truths = [Truth.of(split.test, relevant_from) for split in splits]
    if relevant_from is not None and not any(truth.relevant.any() for truth in truths):
        raise DataError(f"No test rating reaches {relevant_from:g}, so nothing is relevant: choose a lower threshold.")
    trials: dict[str, list[Trial]] = {name: [] for name in chosen}
    width = 1 / (len(splits) * len(chosen))
    for fold, (split, truth) in enumerate(zip(splits, truths, strict=True)):
        for number, (name, model) in enumerate(chosen.items()):
            own = context.part((fold * len(chosen) + number) * width, width)
            trials[name].append(run(model, split.train, truth, _possible(wanted, model), own, fit))
    per_person = pd.concat(
        [made.rows.assign(model=name, fold=fold) for name in chosen for fold, made in enumerate(trials[name])],
        ignore_index=True,
    )[["model", "metric", "fold", "user", "value", "weight"]]
    context.step(1.0, "Resampling people")
    found = _estimates(per_person, per_person["user"].to_numpy(), resamples, context.seed)
    return Evaluation(
        results=tuple(
            _result(model, name, _possible(wanted, model), truths, trials[name], found)
            for name, model in chosen.items()
        ),
        per_person=per_person,
        dataset=splits[0].train.name,
        fingerprint=splits[0].fingerprint,
        split=", ".join(dict.fromkeys(split.name for split in splits)),
        protocol=" ".join(dict.fromkeys(split.protocol for split in splits)),
        warning=" ".join(filter(None, [splits[0].warning, _told_the_day(chosen, wanted, truths)])) or None,
        seed=context.seed,
        relevant_from=relevant_from,
        resamples=resamples,
        versions={
            "python": platform.python_version(),
            "recengine": recengine.__version__,
            **{name: version(name) for name in ("numpy", "scipy", "numba")},
        },
    )


def difference(evaluation: Evaluation, metric: str, a: str, b: str) -> Interval:
    """How much larger `metric` is for model `a` than for `b` (labels), with its paired bootstrap interval.

    Both are resampled with the same people, so what makes a person easy or hard to predict cancels. An interval
    without 0 is a difference that other people of the same kind would show too. No bounds where the metric itself
    has none. Raises `NotFound` for a label or metric that was not evaluated.
    """
    name = parse(metric).name
    pair = (evaluation.result(a), evaluation.result(b))
    for result in pair:
        if name not in result.metrics:
            raise NotFound(f"{name} was not measured for {result.label}: choose one of {', '.join(result.metrics)}.")
    rows = evaluation.per_person
    chosen = rows[(rows["metric"] == name) & rows["model"].isin([a, b])]
    found = _estimates(chosen, rows["user"].to_numpy(), evaluation.resamples, evaluation.seed)
    if (a, name) in found and (b, name) in found:
        return found[a, name].minus(found[b, name]).interval()
    return Interval(pair[0].metrics[name].value - pair[1].metrics[name].value)


def _wanted(names: Sequence[str], models: Sequence[Recommender], data: Dataset) -> list[Metric]:
    """The metrics asked for, each once, or why they cannot be had."""
    if not models or not names:
        raise ModelError("Choose at least one model and one metric, for example bias and rmse.")
    wanted = list({metric.name: metric for metric in map(parse, names)}.values())
    for metric in wanted:
        if metric.k is not None and metric.k > data.n_items:
            raise DataError(f"{metric.name} wants lists longer than the {data.n_items:,} movies of {data.name}.")
        if metric.kind == "rating" and not data.explicit:
            raise ModelError(
                f"{metric.name} needs ratings and {data.name} holds none: choose ranking metrics such as ndcg@10."
            )
        if metric.kind == "rating" and not any(model.traits.ratings for model in models):
            raise ModelError(
                f"{metric.name} needs predicted ratings, which {', '.join(m.label for m in models)} cannot give: "
                "choose ranking metrics such as ndcg@10, or add a model such as bias."
            )
    return wanted


def _possible(wanted: Sequence[Metric], model: Recommender) -> list[Metric]:
    return [metric for metric in wanted if metric.kind != "rating" or model.traits.ratings]


def _told_the_day(models: Mapping[str, Recommender], wanted: Sequence[Metric], truths: Sequence[Truth]) -> str:
    """What to beware of where a model was told the day of each test rating; "" where none was."""
    rating = any(metric.kind == "rating" for metric in wanted)
    told = [name for name, model in models.items() if rating and any(uses_day(model, truth) for truth in truths)]
    if not told:
        return ""
    uses = "uses" if len(told) == 1 else "use"
    return (
        f"{' and '.join(told)} {uses} the day of each test rating, which live use would know but other models were not "
        "told: compare with care."
    )


def _estimates(rows: pd.DataFrame, users: NDArray[Any], resamples: int, seed: int) -> dict[tuple[str, str], Estimate]:
    """Estimates of every (model, metric) in `rows`, over resamples of the people in `users`."""
    measured = {(str(key[0]), str(key[1])): table for key, table in rows.groupby(["model", "metric"], sort=False)}
    return estimates(measured, np.unique(users), resamples, seed)


def _result(
    model: Recommender,
    name: str,
    wanted: Sequence[Metric],
    truths: Sequence[Truth],
    trials: Sequence[Trial],
    found: Mapping[tuple[str, str], Estimate],
) -> Result:
    def interval(metric: Metric) -> Interval:
        if metric.base == "coverage":
            return Interval(float(np.mean([trial.coverage[metric.name] for trial in trials])))
        return found[name, metric.name].interval() if (name, metric.name) in found else Interval(math.nan)

    answers = [trial.answers for trial in trials]
    people = np.unique(np.concatenate([truth.people for truth in truths]))
    included = np.unique(np.concatenate([truth.people[truth.relevant > 0] for truth in truths]))
    return Result(
        model=model,
        label=name,
        metrics={metric.name: interval(metric) for metric in wanted},
        fit_seconds=float(np.mean([trial.fit_seconds for trial in trials])),
        predict_seconds=float(np.mean([answer.seconds for answer in answers])),
        fallback_share=_share([answer.predicted_by_fallback for answer in answers]),
        list_fallback_share=_share([answer.listed_by_fallback[answer.item >= 0] for answer in answers]),
        n_ratings=sum(len(truth.row) for truth in truths),
        n_people=len(people),
        excluded_people=len(people) - len(included),
        notes=tuple(dict.fromkeys(note for trial in trials for note in trial.notes)),
    )


def _share(flags: Sequence[NDArray[Any]]) -> float | None:
    every = np.concatenate(flags)
    return float(every.mean()) if len(every) else None
