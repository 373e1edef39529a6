"""What the tests of hybrids are made of: children that say what they are told, and a table of two tastes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from recengine.data.dataset import Dataset, freeze
from recengine.explain import Explanation
from recengine.model import Context, Fitted, Recommender, Traits


class Says(Recommender):
    """A child that says the same to everyone; None where it has no opinion, and 3 stands in."""

    name: ClassVar[str] = "says"
    title: ClassVar[str] = "Says"
    family: ClassVar[str] = "baselines"
    scores: tuple[float | None, ...]

    @property
    def traits(self):
        return Traits(ratings=True, personal=False)

    def fit(self, train, context=Context()):
        return FittedSays(model=self, scale=train.scale, said=freeze(np.array(self.scores, np.float32)))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSays(Fitted):
    said: np.ndarray

    def score(self, query):
        return np.tile(self.said, (len(query), 1))

    def score_cells(self, query, row, item):
        return self.said[item]

    def fallback(self, query):
        return np.full((len(query), len(self.said)), 3.0, np.float32)

    def explain(self, query, item):
        value = float(self.said[item])
        if np.isnan(value):
            return Explanation(3.0, 3.0, "three", (), exact=True, fallback="it knows nothing of it; 3 stands in")
        return Explanation(value, value, "so it says", (), exact=True)


@pytest.fixture(scope="session")
def says() -> Callable[..., Recommender]:
    """`says(5, 4, None)`: a child with these scores."""

    def child(*scores: float | None) -> Recommender:
        return Says(scores=tuple(None if s is None or np.isnan(s) else float(s) for s in scores))

    return child


@pytest.fixture(scope="session")
def tastes(make_dataset) -> Dataset:
    """60 people × 40 movies of two tastes, half of the cells rated; nobody rated the last movie."""
    rng = np.random.default_rng(4)
    taste = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    table = np.clip(np.round(3 + rng.normal(0, 0.5, (60, 1)) + 0.9 * taste), 1, 5)
    table[(rng.random(table.shape) < 0.5) | (np.arange(40) == 39)] = np.nan
    return make_dataset(table, features=rng.random((40, 3)) < 0.4)
