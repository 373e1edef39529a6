"""The tutorial that started this project: collaborative filtering in nine steps, on dense tables, taken literally.

    pred_user = mean_u + S · (R − mean_u) / Σ|S|          pred_item = R · S / Σ|S|

R is the training matrix `(n_users, n_items)` with 0 wherever nobody has rated, S the cosine similarity of its rows
or columns. Every step is one small function, to be read one after another; `run` does all nine.

It is kept as a lesson, not as a model. Its one mistake, made in step 4 and paid for ever after, is to take "has not
seen it" for "gave it 0 stars". Each step says what is naive about it and what recengine does instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, freeze
from recengine.data.vocab import Vocab
from recengine.errors import DataError

Float64 = NDArray[np.float64]

_MOST_BYTES = 2_000_000_000  # what the dense tables may take together


@dataclass(frozen=True, eq=False)
class Result:
    """What the nine steps made, in their order; arrays are float64 and read-only.

    `rows`, `train_rows`, `test_rows`: ratings with columns `user_id`, `item_id`, `rating`.
    `train`, `test`, `user_prediction`, `item_prediction`: `(n_users, n_items)`, rows and columns in the order of
    the data set's people and movies. `user_similarity` `(n_users, n_users)`, `item_similarity`
    `(n_items, n_items)`. `user_rmse`, `item_rmse`: in stars, over the `n_test_cells` non-zero cells of `test`.
    """

    seed: int
    rows: pd.DataFrame
    n_users: int
    n_items: int
    train_rows: pd.DataFrame
    test_rows: pd.DataFrame
    train: Float64
    test: Float64
    user_similarity: Float64
    item_similarity: Float64
    user_prediction: Float64
    item_prediction: Float64
    user_rmse: float
    item_rmse: float
    n_test_cells: int

    @property
    def filled(self) -> float:
        """The share of training cells that hold a rating; all the others are the zeros that step 4 made up."""
        return float(np.count_nonzero(self.train) / self.train.size)


def run(dataset: Dataset, seed: int = 0) -> Result:
    """All nine steps on the ratings of `dataset`, split by `seed`.

    Raises `DataError` for data without ratings, with fewer than two, or too large for dense tables.
    Cost: O(n_users² · n_items + n_users · n_items²) time, O((n_users + n_items)²) memory.
    """
    check(dataset)
    rows = load_rows(dataset)  # 1
    n_users, n_items = count(rows)  # 2
    train_rows, test_rows = split_rows(rows, seed)  # 3
    train = freeze(user_item_matrix(train_rows, dataset.users, dataset.items))  # 4
    test = freeze(user_item_matrix(test_rows, dataset.users, dataset.items))
    user_similarity = freeze(similarity_of_users(train))  # 5
    item_similarity = freeze(similarity_of_items(train))  # 6
    user_prediction = freeze(predict_from_users(train, user_similarity))  # 7
    item_prediction = freeze(predict_from_items(train, item_similarity))  # 8
    return Result(
        seed, rows, n_users, n_items, train_rows, test_rows, train, test, user_similarity, item_similarity,
        user_prediction, item_prediction,
        rmse(user_prediction, test), rmse(item_prediction, test), int(np.count_nonzero(test)),  # 9
    )  # fmt: skip


def check(dataset: Dataset) -> None:
    """Refuse, in one sentence, data that nine dense steps cannot digest."""
    if not dataset.explicit:
        raise DataError(f"The tutorial predicts ratings, and {dataset.name} holds none: choose data with ratings.")
    if len(dataset.interactions) < 2:
        raise DataError("The tutorial splits the ratings in two, so it needs at least two: choose other data.")
    n_users, n_items = dataset.n_users, dataset.n_items
    size = 8 * (6 * n_users * n_items + n_users**2 + n_items**2)
    if size > _MOST_BYTES:
        raise DataError(
            f"The tutorial's dense tables of {n_users:,} people and {n_items:,} movies would fill "
            f"{size / 1e9:,.0f} GB of memory: choose smaller data, such as demo or ml-100k."
        )


def load_rows(dataset: Dataset) -> pd.DataFrame:
    """Step 1: the ratings as rows of `user_id`, `item_id`, `rating`, in the order of the data.

    Naive: the time is dropped, so the split of step 3 will learn from tomorrow to predict yesterday.
    recengine keeps it (`Interactions.time`) and can split by it.
    """
    ratings = dataset.interactions
    return pd.DataFrame(
        {
            "user_id": dataset.users.ids[ratings.user],
            "item_id": dataset.items.ids[ratings.item],
            "rating": ratings.value.astype(np.float64),
        }
    )


def count(rows: pd.DataFrame) -> tuple[int, int]:
    """Step 2: how many people and how many movies occur.

    Naive: the well-known version then takes an id minus one for a row of the matrix, which works only while ids
    run from 1 without a gap. recengine translates every id by a vocabulary (`Vocab`), and so does step 4.
    """
    return rows["user_id"].nunique(), rows["item_id"].nunique()


def split_rows(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Step 3: three quarters of the rows to learn from, one quarter, rounded up, to test on, at random.

    Naive: one random split is one draw; another seed gives another error. recengine averages over folds, keeps
    canonical splits, and shows an interval around every error.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    n_test = int(np.ceil(0.25 * len(rows)))
    return rows.iloc[order[n_test:]], rows.iloc[order[:n_test]]


def user_item_matrix(rows: pd.DataFrame, users: Vocab, items: Vocab) -> Float64:
    """Step 4: a dense matrix `(n_users, n_items)` of the ratings, with 0 where there is none.

    Naive: this is where missing turns into 0 stars, in 95 of 100 training cells of MovieLens 100K. A rating that
    *is* 0 can no longer be told apart. recengine stores only what was rated, in a sparse matrix whose stored cells
    are ratings even when they are 0, so its memory follows the ratings and not people × movies.
    """
    matrix = np.zeros((len(users), len(items)))
    user, item = users.index(rows["user_id"].to_numpy()), items.index(rows["item_id"].to_numpy())
    matrix[user, item] = rows["rating"].to_numpy()
    return matrix


def similarity_of_users(train: Float64) -> Float64:
    """Step 5: the cosine of every two rows, float64 `(n_users, n_users)`, between 0 and 1 for ratings above 0.

    S_uv = Σ_i R_ui R_vi / (‖R_u‖ ‖R_v‖); a person without training ratings is similar to nobody (0).

    Naive: no centering, so two people who rated the same movies are alike even when they disagree about all of
    them; and no shrinkage, so one shared movie counts like fifty. `recengine.models.similarity` offers both.

    The best-known version of this tutorial passes `pairwise_distances(R, metric="cosine")` of scikit-learn on to
    steps 7 and 8 as if it were the similarity. That is the *distance* 1 − S: those who are least alike weigh most,
    and a person's own ratings nothing. Give those steps `1 - similarity` to see it: on MovieLens 100K the errors
    rise from 2.97 (people) and 3.17 (movies) to 3.13 and 3.46 stars.
    """
    return _cosine(train)


def similarity_of_items(train: Float64) -> Float64:
    """Step 6: the cosine of every two columns, float64 `(n_items, n_items)`; as naive as step 5.

    A movie without training ratings is similar to nothing (0). The matrix is dense though most of it is noise: for
    60,000 movies it takes 29 GB. recengine keeps each movie's nearest neighbors only.
    """
    return _cosine(train.T)


def predict_from_users(train: Float64, similarity: Float64) -> Float64:
    """Step 7: pred_ui = mean_u + Σ_v S_uv (R_vi − mean_v) / Σ_v |S_uv|, float64 `(n_users, n_items)`.

    Naive, twice: mean_u is taken over the *whole* zero-filled row, so someone who gives 4 stars to 20 of 1,682
    movies has a mean of 0.05; and everybody who has not seen i votes "far below my mean" on it. Predictions end up
    near 0 on a scale that begins at 1. recengine's `UserKNN` averages over the k nearest people who *rated* i,
    and its means are over rated movies.
    """
    mean = train.mean(axis=1)
    deviation = train - mean[:, None]
    prediction: Float64 = mean[:, None] + _divide(similarity @ deviation, np.abs(similarity).sum(axis=1)[:, None])
    return prediction


def predict_from_items(train: Float64, similarity: Float64) -> Float64:
    """Step 8: pred_ui = Σ_j R_uj S_ji / Σ_j |S_ij|, float64 `(n_users, n_items)`.

    Naive: the sum below the line runs over all movies, above the line only the rated ones are not 0, so a
    prediction is the true average times the share of similarity that the person happens to have rated. A movie
    without training ratings is predicted 0. recengine's `ItemKNN` divides by the rated neighbors' similarities.
    """
    return _divide(train @ similarity, np.abs(similarity).sum(axis=1)[None, :])


def rmse(prediction: Float64, test: Float64) -> float:
    """Step 9: √mean (prediction − rating)² over the non-zero cells of `test`, in stars; NaN where there are none.

    Naive: a held-out rating of 0 is left out, predictions outside the scale stay there, and one number stands
    alone. On MovieLens 100K it comes out near 3 stars, and always saying the mean rating is wrong by 1.1: the
    baselines beside every result of `recengine.evaluate` are there to show just that.
    """
    cells = test.nonzero()
    if len(cells[0]) == 0:
        return float("nan")
    return float(np.sqrt(np.mean((prediction[cells] - test[cells]) ** 2)))


def _cosine(rows: Float64) -> Float64:
    norm = np.linalg.norm(rows, axis=1)
    unit = _divide(rows, norm[:, None])
    similarity: Float64 = unit @ unit.T
    return similarity


def _divide(above: Float64, below: NDArray[Any]) -> Float64:
    """Where the sum below the line is 0, nothing supports a prediction: 0, the tutorial's word for nothing."""
    quotient: Float64 = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return quotient
