"""The ratings that come with the package, so that everything works without a download."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from recengine.data.dataset import Dataset, Interactions
from recengine.data.features import item_features
from recengine.data.vocab import Vocab

_FOLDER = Path(__file__).parent / "demo"
_ABOUT = (
    "MovieLens “latest small”, 2016 edition, collected by GroupLens, University of Minnesota: not for commercial use "
    "without permission; cite Harper and Konstan 2015, doi:10.1145/2827872."
)


def load_demo() -> Dataset:
    """MovieLens "latest small" of 2016 with directors, certificates and sources where known: 100,004 ratings."""
    ratings = pq.read_table(_FOLDER / "ratings.parquet")
    table = pq.read_table(_FOLDER / "movies.parquet").sort_by("item_id")
    item_id, user_id = ratings["item_id"].to_numpy(), ratings["user_id"].to_numpy()
    users, items = Vocab.of(user_id), Vocab.of(table["item_id"].to_numpy())
    interactions = Interactions.of(
        users.index(user_id), items.index(item_id), ratings["rating"].to_numpy(), ratings["time"].to_numpy(),
        n_users=len(users), n_items=len(items),
    )  # fmt: skip
    movies = pd.DataFrame(
        {
            "title": pd.Series(table["title"].to_pylist(), dtype="str"),
            "year": pd.array(table["year"].to_pylist(), dtype="Int16"),
            "genres": pd.Series([tuple(words) for words in table["genres"].to_pylist()], dtype="object"),
            "directors": pd.Series([tuple(words) for words in table["directors"].to_pylist()], dtype="object"),
            "certificate": pd.Series(table["certificate"].to_pylist(), dtype="str"),
            "based_on": pd.Series(table["based_on"].to_pylist(), dtype="str"),
        }
    )
    features, names = item_features(movies)
    return Dataset("demo", users, items, interactions, movies, features, names, (0.5, 5.0), about=_ABOUT)
