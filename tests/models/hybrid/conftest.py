"""What the tests of hybrids share: children that say what they are told, and a table of two tastes."""

from collections.abc import Callable

import numpy as np
import pytest

from recengine.data.dataset import Dataset
from recengine.model import Recommender
from tests.models.hybrid.fakes import Says


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
