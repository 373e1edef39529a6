"""Data that several tests of models learn from."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

DAY = 86400


@pytest.fixture(scope="session")
def people_and_days(make_dataset):
    """40 people with ages and occupations × 30 movies with genres, rated on five days."""
    rng = np.random.default_rng(4)
    job = rng.integers(0, 2, 40)
    table = 3 + 1.2 * (2 * job[:, None] - 1) * (2 * (np.arange(30) % 2) - 1) + rng.normal(0, 0.5, (40, 30))
    table = np.where(rng.random((40, 30)) < 0.5, np.clip(np.round(table), 1, 5), np.nan)
    data = make_dataset(table, features=np.eye(2)[np.arange(30) % 2])
    time = rng.integers(10, 15, len(data.interactions)) * DAY
    people = pd.DataFrame(
        {
            "age": pd.array([None if u == 7 else 18 + u for u in range(40)], dtype="Int16"),
            "occupation": pd.Series(["artist" if j else "lawyer" for j in job], dtype="str"),
        }
    )
    return dataclasses.replace(data, interactions=dataclasses.replace(data.interactions, time=time), people=people)
