"""Fixtures that every test may ask for: small data sets made on the spot, and MovieLens 100K where it is at hand."""

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Dataset, Interactions
from recengine.data.vocab import Vocab

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def ml100k_zip() -> Path:
    """The zip of MovieLens 100K, which may not be part of the repository."""
    path = Path(os.environ.get("RECENGINE_ML100K", ROOT.parent / "shared" / "data" / "ml-100k.zip"))
    if not path.is_file():
        pytest.skip(f"MovieLens 100K is not at {path.name}: set RECENGINE_ML100K to where its zip lies")
    return path


@pytest.fixture(scope="session")
def ml100k(ml100k_zip: Path) -> Callable[[str], Dataset]:
    """`ml100k("u1.base")`: the ratings of one file of MovieLens 100K, over all its people and movies."""

    def read(member: str) -> Dataset:
        with zipfile.ZipFile(ml100k_zip) as archive, archive.open(f"ml-100k/{member}") as lines:
            user, item, value, time = np.loadtxt(lines, dtype=np.int64, delimiter="\t").T
        ratings = Interactions.of(user - 1, item - 1, value, time, n_users=943, n_items=1682)
        return dataset_of(ratings, name="ml-100k", users=np.arange(1, 944), items=np.arange(1, 1683))

    return read


@pytest.fixture(scope="session")
def light() -> dict[str, dict[str, str]]:
    """Parameters for models that take too long by default to be fitted over and over: less of the same."""
    return {
        "blend": {"children": "bayes-fm(target=ordinal, factors=2, iterations=40, draws=20, chains=2), item-knn, bias"},
        "autorec": {"epochs": "20", "factors": "8", "batch_size": "16", "learning_rate": "0.02", "regularization": "1"},
        "multvae": {"epochs": "40", "factors": "8", "batch_size": "8", "learning_rate": "0.02", "patience": "40"},
        "dnn": {"factors": "4", "hidden": "8", "epochs": "10", "learning_rate": "0.01", "weight_decay": "0.1"},
        "neumf": {
            "factors": "8",
            "hidden": "8",
            "dropout": "0",
            "batch_size": "4",
            "epochs": "4",
            "learning_rate": "0.03",
        },
        "caser": {
            "epochs": "12",
            "factors": "8",
            "horizontal": "2",
            "vertical": "1",
            "units": "8",
            "length": "20",
            "learning_rate": "0.05",
            "batch_size": "8",
            "dropout": "0",
        },
        "gru4rec": {
            "epochs": "20",
            "factors": "32",
            "units": "64",
            "length": "20",
            "learning_rate": "0.02",
            "batch_size": "8",
            "dropout": "0",
        },
        "sasrec": {"epochs": "8", "factors": "8", "length": "20", "batch_size": "8", "learning_rate": "0.03"},
    }


@pytest.fixture(scope="session")
def one_sentence() -> Callable[[str], bool]:
    """`one_sentence(message)`: whether a message for a person ends once, at its end, on one line."""
    return lambda message: re.fullmatch(r"([^.?!\n]|[.?!](?=\S))+[.?!]", message) is not None


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    """`make_dataset(table)`: a data set from a table `(n_users, n_items)` of ratings, NaN where there is none."""
    return from_table


def from_table(table, *, scale: tuple[float, float] | None = (1.0, 5.0), features=None) -> Dataset:
    table = np.array(table, np.float64)
    user, item = np.nonzero(~np.isnan(table))
    # Times in an order of their own, all different, so that no test leans on the order of the rows.
    time = 1_000_000 + (np.arange(len(user)) * 7919) % 104_729
    ratings = Interactions.of(user, item, table[user, item], time, n_users=table.shape[0], n_items=table.shape[1])
    return dataset_of(ratings, scale=scale, features=features)


def dataset_of(ratings: Interactions, *, name="made", users=None, items=None, scale=(1.0, 5.0), features=None):
    n_items = ratings.n_items
    known = sp.csr_matrix((n_items, 0), dtype=np.float32) if features is None else sp.csr_matrix(features, dtype="f4")
    names = tuple(f"genre: g{column}" for column in range(known.shape[1]))
    movies = pd.DataFrame(
        {
            "title": [f"Movie {i}" for i in range(n_items)],
            "year": pd.array([1950 + i % 60 for i in range(n_items)], dtype="Int16"),
            "genres": [tuple(f"g{g}" for g in known[i].indices) for i in range(n_items)],
        }
    )
    return Dataset(
        name,
        Vocab.of(np.arange(ratings.n_users) if users is None else users),
        Vocab.of(np.arange(n_items) if items is None else items),
        ratings,
        movies,
        known,
        names,
        scale,
    )
