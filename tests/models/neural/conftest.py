"""Data that several tests of networks learn from."""

import dataclasses

import numpy as np
import pytest

from recengine.data.dataset import Dataset, Interactions


@pytest.fixture(scope="session")
def circle(make_dataset) -> Dataset:
    """24 people and 12 movies in a circle: each begins somewhere and watches seven in turn, an hour apart."""
    user, step = (part.ravel() for part in np.indices((24, 7)))
    ratings = Interactions.of(
        user, (user + step) % 12, np.ones(len(user)), 1_000_000 + 3600 * step, n_users=24, n_items=12
    )
    return dataclasses.replace(make_dataset(np.ones((24, 12)), scale=None), interactions=ratings)
