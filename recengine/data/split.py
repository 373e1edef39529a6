"""Training and test data: which ratings are held back, and what that can and cannot show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from recengine.data.dataset import Bool, Dataset, Int64, Interactions
from recengine.errors import DataError, NotFound

CANONICAL = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")  # the published folds of MovieLens 100K

_LEAK = "Training holds ratings made after test ratings, so results look better than they would in live use."
_MAY_LEAK = "The data carry no times, so training may hold ratings made after test ratings."
_OTHERS_LEAK = "Training holds other people's later ratings, so results look better than they would in live use."
_FILE_ORDER = "The data carry no times, so the last ratings are the last in the file, which need not be the latest."


@dataclass(frozen=True, eq=False)
class Split:
    """Training data and the ratings held back, over the same vocabularies.

    `name` as the command line takes it ("u1", "random", …), `protocol` in one sentence, `warning` where it leaks
    the future. `fingerprint`: of the data before they were split.
    """

    name: str
    train: Dataset
    test: Interactions
    protocol: str
    seed: int
    warning: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Parameter:
    """One choice of a split, as an option or a form field needs it; `kind` is "int", "float" or "text"."""

    name: str
    kind: Literal["int", "float", "text"]
    default: float | None
    help: str


_FRACTION = Parameter("fraction", "float", 0.2, "Share of the ratings held back for the test, between 0 and 1")

PARAMETERS: Mapping[str, tuple[Parameter, ...]] = {
    "random": (_FRACTION,),
    "kfold": (Parameter("folds", "int", 5, "Number of folds, at least 2"),),
    "leave-last-out": (Parameter("n", "int", 1, "Latest ratings held back for each person"),),
    "temporal": (
        _FRACTION,
        Parameter("date", "text", None, "First day of the test, such as 1998-03-01 (UTC), in place of a share"),
    ),
}

NAMES = tuple(PARAMETERS)  # the splits that any data can be cut into


def canonical(dataset: Dataset, name: str, test_mask: Bool, *, seed: int = 0) -> list[Split]:
    """A published fold; `test_mask` is bool `(m,)` over the dataset's interactions, true where tested."""
    test, every = int(np.count_nonzero(test_mask)), len(dataset.interactions)
    protocol = f"Published split {name}: {test:,} ratings are predicted from the other {every - test:,}."
    return [_split(dataset, name, test_mask, protocol, seed, _leak(dataset))]


def random_holdout(dataset: Dataset, *, fraction: float = 0.2, seed: int = 0) -> list[Split]:
    """A random share of all ratings is the test: round(fraction · m) of them."""
    every = len(dataset.interactions)
    mask = np.zeros(every, np.bool_)
    mask[np.random.default_rng(seed).permutation(every)[: _share(fraction, every)]] = True
    protocol = f"A random {100 * fraction:g} % of all ratings (seed {seed}) is predicted from the rest."
    return [_split(dataset, "random", mask, protocol, seed, _leak(dataset))]


def kfold(dataset: Dataset, *, folds: int = 5, seed: int = 0) -> list[Split]:
    """Ratings dealt at random into folds of equal size (±1); each is tested once, on a model of the others."""
    every = len(dataset.interactions)
    if not 2 <= folds <= every:
        raise DataError(f"{folds} folds of {every:,} ratings are not possible: choose from 2 to the number of ratings.")
    fold = np.random.default_rng(seed).permutation(np.arange(every) % folds)
    protocol = f"All ratings are dealt at random into {folds} folds (seed {seed}), each predicted from the others."
    return [_split(dataset, "kfold", fold == number, protocol, seed, _leak(dataset)) for number in range(folds)]


def leave_last_out(dataset: Dataset, *, n: int = 1, seed: int = 0) -> list[Split]:
    """Each person's latest `n` ratings are the test; people with `n` or fewer are only learned from.

    Ratings of the same second keep the order of the file. Nothing is drawn: `seed` is only passed on.
    Cost: O(m log m).
    """
    if n < 1:
        raise DataError(f"n={n} ratings a person cannot be held back: choose 1 or more.")
    given = dataset.interactions
    order = np.lexsort((_times(dataset), given.user))
    count = given.user_count[given.user[order]]
    end = np.cumsum(given.user_count)[given.user[order]]
    from_end = end - np.arange(len(given))  # 1 for a person's latest rating
    mask = np.zeros(len(given), np.bool_)
    mask[order[(from_end <= n) & (count > n)]] = True
    if not mask.any():
        raise DataError(f"Nobody in {dataset.name} has more than {n} ratings: choose a smaller n or another split.")
    what = "last rating is" if n == 1 else f"last {n} ratings are"
    protocol = f"Each person's {what} predicted from everything else."
    warning = _FILE_ORDER if given.time is None else _OTHERS_LEAK
    return [_split(dataset, "leave-last-out", mask, protocol, seed, warning)]


def temporal(dataset: Dataset, *, fraction: float = 0.2, date: str | None = None, seed: int = 0) -> list[Split]:
    """One instant for everybody: ratings from it on are the test, all earlier ones the training. Nothing leaks.

    The instant is `date` (ISO 8601, UTC unless it says otherwise), or the one that leaves the latest `fraction`
    of the ratings to the test; ratings of one second stay together, so the share can come out larger.
    Nothing is drawn: `seed` is only passed on. Cost: O(m log m).
    """
    time = dataset.interactions.time
    if time is None:
        raise DataError(f"The ratings of {dataset.name} carry no times: choose a split such as random.")
    held = _share(fraction, len(time)) if date is None else 0
    instant = np.sort(time)[len(time) - held] if date is None else _instant(dataset.name, time, date)
    mask = time >= instant
    share = f"{100 * np.mean(mask):.3g} %"
    protocol = f"Ratings from {_text(instant)} UTC on ({share} of all) are predicted from the earlier ones."
    return [_split(dataset, "temporal", mask, protocol, seed, None)]


def make(
    dataset: Dataset, name: str, *, seed: int = 0, test_mask: Bool | None = None, **parameters: Any
) -> list[Split]:
    """The split of that name; `PARAMETERS` lists what each takes, and text is read as the parameter's kind.

    A canonical name needs the loader's `test_mask`. Raises `NotFound` for an unknown name and `DataError` for a
    parameter that the split does not take or cannot use.
    """
    kinds: dict[str, Callable[..., list[Split]]] = {
        "random": random_holdout, "kfold": kfold, "leave-last-out": leave_last_out, "temporal": temporal,
    }  # fmt: skip
    if name in kinds:
        known = {parameter.name: parameter for parameter in PARAMETERS[name]}
        return kinds[name](dataset, seed=seed, **{key: _read(name, known, key, parameters[key]) for key in parameters})
    if name not in CANONICAL:
        raise NotFound(f"There is no split {name!r}: choose one of {', '.join([*NAMES, *CANONICAL])}.")
    if test_mask is None:
        raise NotFound(
            f"{name} is a published split of MovieLens 100K that {dataset.name} lacks: "
            f"choose one of {', '.join(NAMES)}."
        )
    for key in parameters:
        _read(name, {}, key, None)
    return canonical(dataset, name, test_mask, seed=seed)


def _split(dataset: Dataset, name: str, mask: Bool, protocol: str, seed: int, warning: str | None) -> Split:
    if mask.dtype != np.bool_ or mask.shape != (len(dataset.interactions),):
        raise ValueError("the test mask must be bool, one entry an interaction")
    if not mask.any():
        raise DataError(f"This split leaves {dataset.name} no rating to test on: hold back more.")
    if mask.all():
        raise DataError(f"This split leaves {dataset.name} no rating to learn from: hold back less.")
    train, test = dataset.interactions.take(~mask), dataset.interactions.take(mask)
    return Split(name, dataset.with_interactions(train), test, protocol, seed, warning, dataset.fingerprint)


def _leak(dataset: Dataset) -> str:
    return _MAY_LEAK if dataset.interactions.time is None else _LEAK


def _times(dataset: Dataset) -> Int64:
    time = dataset.interactions.time
    return np.zeros(len(dataset.interactions), np.int64) if time is None else time


def _share(fraction: float, every: int) -> int:
    """How many of `every` ratings a fraction is; `DataError` when that leaves the test empty."""
    if not 0 < fraction < 1:
        raise DataError(f"A test share of {fraction:g} is not possible: choose a fraction between 0 and 1.")
    held = round(fraction * every)
    if held == 0:
        raise DataError(f"{100 * fraction:g} % of {every:,} ratings is less than one: hold back a larger fraction.")
    return held


def _instant(name: str, time: Int64, date: str) -> int:
    """Unix seconds of a date that has ratings on both sides."""
    try:
        parsed = datetime.fromisoformat(date.strip())
    except ValueError:
        raise DataError(f"{date!r} is not a date: write it as 1998-03-01 or 1998-03-01T12:00.") from None
    instant = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    first, last = time.min(initial=2**62), time.max(initial=-(2**62))
    if not first < instant <= last:
        raise DataError(f"The ratings of {name} run from {_text(first)} to {_text(last)}: choose a date between them.")
    return int(np.ceil(instant))


def _text(seconds: int) -> str:
    # numpy's calendar has no last year, so times in a wrong unit still print.
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")


def _read(split: str, known: Mapping[str, Parameter], key: str, value: Any) -> Any:
    if key not in known:
        raise DataError(f"{split} has no parameter {key!r}: it takes {', '.join(known) or 'none'}.")
    kind = known[key].kind
    if kind == "text":
        return value
    try:
        number = float(value)
        if kind == "float":
            return number
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(f"{key}={value} is not possible for {split}: give a {'whole ' if kind == 'int' else ''}number.")
