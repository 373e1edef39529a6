"""Models compared on ratings held back, in words: what can be asked, who stands where, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from pages.ui import state
from pages.ui.words import plain
from recengine.answers import Catalogue
from recengine.bootstrap import Interval
from recengine.evaluate import Evaluation, Result
from recengine.metrics import Metric, parse

ERRORS, LISTS = "Predicted ratings", "Ranked lists"
QUESTIONS = {ERRORS: "Which algorithm predicts these ratings best?", LISTS: "Which algorithm ranks these movies best?"}
_LENGTH = 10
_RANKING = ("ndcg", "recall", "precision", "hit", "mrr", "map", "coverage", "novelty", "diversity")
_HELD_BACK = {
    "random": ("A random fifth of the ratings", "Drawn from everybody, whenever they were made."),
    "kfold": ("Every rating once, in five parts", "Each fifth is predicted from the other four."),
    "leave-last-out": ("Each person's last rating", "Predicted from all their earlier ones and from everybody else's."),
    "temporal": ("The latest fifth of the ratings", "The past predicts the future, as in live use."),
}
_PUBLISHED = "The test set on which published results are measured."


class Choice(NamedTuple):
    """What is compared, in the order that `state.evaluation` takes it."""

    data: str
    split: str
    chosen: tuple[tuple[str, state.Parameters], ...]
    metrics: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Standing:
    """A model's place in one metric. `gain`: by how much it is better than the best baseline, None for itself."""

    result: Result
    value: Interval
    gain: Interval | None

    @property
    def title(self) -> str:
        """The model's name for people."""
        return self.result.model.title

    @property
    def baseline(self) -> bool:
        """Whether the others are measured against it."""
        return self.result.model.family == "baselines"


def splits(data: str) -> dict[str, str]:
    """The splits these data can be cut into, each with what it holds back in a few words."""
    return {
        name: _HELD_BACK[name][0] if name in _HELD_BACK else f"Published fold {name}" for name in state.splits(data)
    }


def how(split: str) -> str:
    """How a split asks, in one sentence."""
    return _HELD_BACK[split][1] if split in _HELD_BACK else _PUBLISHED


def of_family(*families: str, among: bool = True) -> list[str]:
    """Names of the models that are in one of the families, or in none of them."""
    return [name for name, model in state.models().items() if (model.family in families) is among]


def views(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """What can be judged on these data, and by which metrics: errors only where there are ratings."""
    k = max(1, min(_LENGTH, catalogue.n_movies))
    errors = {ERRORS: ("rmse", "mae")} if catalogue.scale else {}
    return {**errors, LISTS: tuple(f"{name}@{k}" for name in _RANKING)}


def asked(names: list[str], view: str) -> tuple[tuple[str, state.Parameters], ...]:
    """Models with parameters: the defaults, or for lists those under which a model ranks well."""
    models = state.models()
    return tuple((name, models[name].ranking if view == LISTS else ()) for name in names)


def metric_title(name: str) -> str:
    """A metric's name for people."""
    return parse(name).label


def standings(choice: Choice, evaluation: Evaluation, name: str) -> list[Standing]:
    """The models that have the metric, best first, each beside the best baseline."""
    metric = parse(name)
    having = [r for r in evaluation.results if name in r.metrics and not math.isnan(r.metrics[name].value)]
    having.sort(key=lambda result: result.metrics[name].value, reverse=metric.higher_is_better)
    best = next((result for result in having if result.model.family == "baselines"), None)
    return [
        Standing(
            result,
            result.metrics[name],
            None if best is None or result is best else _gain(choice, metric, result.label, best.label),
        )
        for result in having
    ]


def verdict(choice: Choice, table: list[Standing], name: str) -> str:
    """The answer in a few sentences of Markdown, no more certain than the numbers."""
    metric = parse(name)
    if not table:
        return f"None of these algorithms has a {metric.label} on these data."
    best, unit = table[0], f" {metric.unit}" if metric.unit else ""
    title, value = f"**{plain(best.title)}**", f"{number(best.value.value, metric)}{unit}"
    meaning = metric.help[0].lower() + metric.help[1:]
    if metric.kind == "list":
        return f"{title} has the highest {metric.label}, {value}: {meaning}. It says nothing of being right."
    said = f"{title} has the {'highest' if metric.higher_is_better else 'lowest'} {metric.label}, {value} ({meaning})"
    if best.baseline:
        return f"{said}: nothing chosen here does better than this baseline."
    said += "."
    if best.gain is not None:
        baseline = next(row for row in table if row.baseline)
        said += f" That is {in_words(best.gain, metric)} than the best baseline, {plain(baseline.title)}"
        said += f"{chance(best.gain)}."
    if len(table) > 1 and not table[1].baseline:
        lead = _gain(choice, metric, best.result.label, table[1].result.label)
        said += f" It is {in_words(lead, metric)} than the next, {plain(table[1].title)}{chance(lead)}."
    return said


def in_words(gain: Interval, metric: Metric) -> str:
    """A gain without its sign: "0.024 better", "less than 0.001 worse", "no better"."""
    better, worse = ("higher", "lower") if metric.kind == "list" else ("better", "worse")
    if gain.value == 0:
        return f"no {better}"
    least = 10.0 ** -_digits(metric)
    size = number(abs(gain.value), metric) if abs(gain.value) >= least else f"less than {number(least, metric)}"
    return f"{size} {better if gain.value > 0 else worse}"


def chance(gain: Interval) -> str:
    """Whether other people of the same kind would show the same; empty where that is not known."""
    if gain.low is None or gain.high is None:
        return ""
    return ", more than chance" if gain.low > 0 or gain.high < 0 else ", which can be chance"


def number(value: float, metric: Metric) -> str:
    """A metric's value with the digits it deserves."""
    return f"{value:.{_digits(metric)}f}"


def with_interval(value: Interval, metric: Metric) -> str:
    """ "0.926 [0.917, 0.935]", or the value alone where there is no interval."""
    if value.low is None or value.high is None:
        return number(value.value, metric)
    return f"{number(value.value, metric)} [{number(value.low, metric)}, {number(value.high, metric)}]"


def _digits(metric: Metric) -> int:
    return 2 if metric.base == "novelty" else 3


def _gain(choice: Choice, metric: Metric, a: str, b: str) -> Interval:
    """By how much model `a` is better than `b`: their difference, turned so that more is better."""
    difference = state.difference(*choice, metric=metric.name, a=a, b=b)
    if metric.higher_is_better:
        return difference
    if difference.low is None or difference.high is None:
        return Interval(-difference.value)
    return Interval(-difference.value, -difference.high, -difference.low)
