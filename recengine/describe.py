"""What a dataset holds, and what an analyst must know of it before trusting a model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Int64

FEW_SHARED = 3  # fewer common ratings than this carry no similarity worth the name
_EXACT_PAIRS = 3000  # up to so many people or movies all pairs are compared
_SAMPLE = 1000
_CURVE_POINTS = 200
_PERIODS = 240
_EPOCH = 1970 * 12  # months from year 0 to numpy's first, so that periods begin with a decade or century
_FEW_RATINGS = 10  # a median below this is worth a warning
_WORTH_SAYING = 0.01  # share of people who rate everything alike
_OFTEN = 0.25  # share of ratings with a time stamp that another of the same person has


@dataclass(frozen=True)
class Quantiles:
    """Smallest, first quartile, median, third quartile and largest of some counts."""

    low: float
    quarter: float
    median: float
    three_quarters: float
    high: float


@dataclass(frozen=True)
class CoRating:
    """How often two people (or two movies) have too little in common to be compared.

    `share`: part of the pairs with fewer than `FEW_SHARED` common ratings. `compared`: people or movies, each
    with at least one rating, whose pairs were counted. `exact`: all of them, not a seeded sample.
    """

    share: float
    compared: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Description:
    """A dataset in numbers; None where there is nothing to measure (no ratings, no times, no pair).

    `density`: n_ratings / (n_people · n_movies). `mean` and `histogram` (value, count; the middle of each bin
    where there are more than 50 values) are of ratings, so None and empty for implicit data.
    `long_tail` (movies, ratings): share of movies, most rated first, and the share of ratings they hold.
    `activity` (start, ratings): one row a period of `period_months` months, ISO date first, empty periods kept.
    `genres` (genre, movies, ratings, mean, difference): most ratings first; `difference` is mean − overall mean.
    `first`, `last`: ISO dates, UTC. `warnings`: whole sentences.
    """

    n_people: int
    n_movies: int
    n_rated_movies: int
    n_ratings: int
    density: float | None
    scale: tuple[float, float] | None
    mean: float | None
    first: str | None
    last: str | None
    histogram: pd.DataFrame
    ratings_per_person: Quantiles | None
    ratings_per_movie: Quantiles | None
    long_tail: pd.DataFrame
    gini: float | None
    top_decile_share: float | None
    activity: pd.DataFrame
    period_months: int | None
    genres: pd.DataFrame
    people_pairs: CoRating | None
    movie_pairs: CoRating | None
    warnings: tuple[str, ...]


def describe(dataset: Dataset, seed: int = 0) -> Description:
    """Everything the page on the data shows. Counts over movies include those that nobody rated.

    `seed` draws the sample of `co_rating` in data too large for all pairs. Cost: O(m log m) and, for n rows
    compared, the sparse product of an (n, ·) matrix with its transpose.
    """
    i = dataset.interactions
    count = i.item_count
    rated = len(i) > 0
    time = i.time if rated else None
    period, timeline = activity(time)
    people = co_rating(i.user, i.item, i.n_users, i.n_items, seed)
    movies = co_rating(i.item, i.user, i.n_items, i.n_users, seed)
    return Description(
        n_people=dataset.n_users,
        n_movies=dataset.n_items,
        n_rated_movies=int((count > 0).sum()),
        n_ratings=len(i),
        density=len(i) / (dataset.n_users * dataset.n_items) if dataset.n_users and dataset.n_items else None,
        scale=dataset.scale,
        mean=float(i.value.mean(dtype=np.float64)) if rated and dataset.explicit else None,
        first=None if time is None else iso(time.min(keepdims=True), "D")[0],
        last=None if time is None else iso(time.max(keepdims=True), "D")[0],
        histogram=histogram(i.value if dataset.explicit else i.value[:0]),
        ratings_per_person=quantiles(i.user_count),
        ratings_per_movie=quantiles(count),
        long_tail=lorenz(count),
        gini=gini(count) if rated else None,
        top_decile_share=float(np.sort(count)[::-1][: math.ceil(len(count) / 10)].sum() / len(i)) if rated else None,
        activity=timeline,
        period_months=period,
        genres=genre_table(dataset),
        people_pairs=people,
        movie_pairs=movies,
        warnings=tuple(_warnings(dataset, people, movies)),
    )


def quantiles(count: Int64) -> Quantiles | None:
    """Quantiles of counts, None where there are none."""
    return Quantiles(*np.quantile(count, [0, 0.25, 0.5, 0.75, 1]).tolist()) if len(count) else None


def histogram(value: NDArray[Any]) -> pd.DataFrame:
    """How often each rating was given (value, count): per value up to 50 values, else in 20 equal bins."""
    # Six digits undo the float32 of the store: 0.1 reads 0.1.
    values, count = np.unique(np.round(value.astype(np.float64), 6), return_counts=True)
    if len(values) > 50:
        count, edges = np.histogram(value.astype(np.float64), bins=20)
        values = (edges[1:] + edges[:-1]) / 2
    return pd.DataFrame({"value": values, "count": count})


def lorenz(count: Int64) -> pd.DataFrame:
    """Lorenz curve (movies, ratings), most rated first, from (0, 0) to (1, 1), at most 200 points; empty if no ratings.

    After the j most rated of n movies: movies = j / n, ratings = Σ_{i≤j} c_(i) / Σ c.
    """
    total = int(count.sum())
    if total == 0:
        return pd.DataFrame({"movies": [], "ratings": []}, dtype=np.float64)
    held = np.concatenate([[0], np.cumsum(np.sort(count)[::-1])]) / total
    point = np.unique(np.linspace(0, len(count), min(_CURVE_POINTS, len(count) + 1)).round().astype(np.int64))
    return pd.DataFrame({"movies": point / len(count), "ratings": held[point]})


def gini(count: Int64) -> float:
    """Gini coefficient of counts, 0 (all alike) to (n − 1)/n (one has all).

    G = Σ_i Σ_j |c_i − c_j| / (2 n Σ c) = Σ_j (2j − n − 1) c_(j) / (n Σ c) with c_(1) ≤ … ≤ c_(n).
    Needs a positive sum. Cost: O(n log n). Source: Dixon et al., "Bootstrapping the Gini coefficient of
    inequality" (Ecology 68, 1987); without its small-sample correction n/(n − 1).
    """
    ordered = np.sort(count).astype(np.float64)
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) @ ordered) / (n * ordered.sum()))


def activity(time: Int64 | None) -> tuple[int | None, pd.DataFrame]:
    """Ratings a period (start, ratings) and the months of a period: 1, else 12, 120, … for at most 240 rows."""
    if time is None:
        return None, pd.DataFrame({"start": pd.Series([], dtype=str), "ratings": pd.Series([], dtype=np.int64)})
    month = time.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) + _EPOCH
    step = 1
    while month.max() // step - month.min() // step >= _PERIODS:
        step = 12 if step == 1 else step * 10
    period = month // step
    first = int(period.min())
    count = np.bincount(period - first)
    start = (np.arange(first, first + len(count)) * step - _EPOCH).astype("datetime64[M]")
    return step, pd.DataFrame({"start": np.datetime_as_string(start, unit="D").tolist(), "ratings": count})


def genre_table(dataset: Dataset) -> pd.DataFrame:
    """Genres (genre, movies, ratings, mean, difference), most ratings first; a movie counts in each of its genres.

    `mean` and `difference` (mean − overall mean) are None where there is no rating to average.
    """
    i = dataset.interactions
    row, name = labels(dataset.movies, "genres", np.arange(dataset.n_items))
    code, genre = pd.factorize(name, sort=True)
    n_ratings = np.bincount(code, i.item_count[row], len(genre)).astype(np.int64)
    table = pd.DataFrame({"genre": genre, "movies": np.bincount(code, minlength=len(genre)), "ratings": n_ratings})
    mean = np.full(len(genre), np.nan)
    if dataset.explicit and len(i):
        total = np.bincount(i.item, i.value, dataset.n_items)
        np.divide(np.bincount(code, total[row], len(genre)), n_ratings, out=mean, where=n_ratings > 0)
        table["mean"], table["difference"] = optional(mean), optional(mean - i.value.mean(dtype=np.float64))
    else:
        table["mean"], table["difference"] = optional(mean), optional(mean)
    return table.sort_values(["ratings", "genre"], ascending=[False, True], ignore_index=True)


def co_rating(row: NDArray[Any], column: NDArray[Any], n_rows: int, n_columns: int, seed: int) -> CoRating | None:
    """Share of the pairs of rows that have fewer than 3 columns in common; None for fewer than two rows.

    Only rows that occur are paired. Up to 3,000 of them are compared exactly, by the product B Bᵀ of the 0/1
    matrix B; from more, a sample of 1,000 is drawn with `seed` and its pairs stand for all.
    """
    chosen = np.flatnonzero(np.bincount(row, minlength=n_rows))
    exact = len(chosen) <= _EXACT_PAIRS
    if not exact:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, _SAMPLE, replace=False))
    n = len(chosen)
    if n < 2:
        return None
    place = np.full(n_rows, -1)
    place[chosen] = np.arange(n)
    kept = place[row] >= 0
    ones = np.ones(int(kept.sum()), np.int32)
    has = sp.csr_matrix((ones, (place[row[kept]], column[kept])), shape=(n, n_columns))
    shared = has @ has.T
    enough = int((shared.data >= FEW_SHARED).sum()) - int((shared.diagonal() >= FEW_SHARED).sum())
    pairs = n * (n - 1)  # each twice, as in the product
    return CoRating((pairs - enough) / pairs, n, exact)


def _warnings(dataset: Dataset, people: CoRating | None, movies: CoRating | None) -> Iterator[str]:
    """What holds of these data and makes a model less trustworthy, one sentence each."""
    i, n = dataset.interactions, len(dataset.interactions)
    if n == 0:
        yield "There is not a single rating: nothing can be learned."
        return
    unrated, median = int((i.item_count == 0).sum()), int(np.median(i.item_count))
    if unrated:
        yield f"{percent(unrated / dataset.n_items)} of movies have no rating: only their features speak for them."
    if 0 < median < _FEW_RATINGS:
        yield f"Half of all movies have {median} rating{'s'[: median > 1]} or fewer: their averages are noise."
    if people and people.share > 0.5:
        yield (
            f"{percent(people.share)} of pairs of people share fewer than {FEW_SHARED} movies{_sampled(people)}: "
            "similarities between people rest on little."
        )
    if movies and movies.share > 0.5:
        yield (
            f"{percent(movies.share)} of pairs of movies share fewer than {FEW_SHARED} people{_sampled(movies)}: "
            "similarities between movies rest on little."
        )
    if not dataset.explicit:
        yield "The data hold no ratings, only who met what: errors in stars cannot be measured."
    elif (flat := _same_rating_share(dataset)) >= _WORTH_SAYING:
        yield f"{percent(flat)} of people give the same rating to everything: their ratings show no preference."
    if i.time is None:
        yield "The data hold no times: they cannot be split by time, and models of order have nothing to learn."
    elif (tied := float(pd.DataFrame({"user": i.user, "time": i.time}).duplicated(keep=False).mean())) >= _OFTEN:
        yield (
            f"{percent(tied)} of ratings carry the same time stamp as another rating of the same person: "
            "the order within them is unknown."
        )


def _sampled(pairs: CoRating) -> str:
    return "" if pairs.exact else f" (in a sample of {pairs.compared:,})"


def _same_rating_share(dataset: Dataset) -> float:
    """Share of the people with at least two ratings whose ratings are all alike; 0 where there are no such people."""
    matrix = dataset.interactions.matrix
    start, count = matrix.indptr[:-1], np.diff(matrix.indptr)
    several = count > 1
    if not several.any():
        return 0.0
    rated = start[count > 0]  # reduceat needs rows that hold something
    flat = np.maximum.reduceat(matrix.data, rated) == np.minimum.reduceat(matrix.data, rated)
    return float(flat[several[count > 0]].mean())


def labels(movies: pd.DataFrame, column: str, item: NDArray[Any]) -> tuple[Int64, NDArray[np.object_]]:
    """What a tuple column (`genres`, `directors`) says of the movies `item`, as flat pairs.

    Returns positions within `item`, int64 `(p,)`, and the words, object `(p,)`; a word counts once a movie.
    """
    found = movies[column].to_numpy()[item] if column in movies else ()
    pairs = [(row, word) for row, words in enumerate(found) for word in dict.fromkeys(words)]
    row, word = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(row, np.int64), np.array(word, np.object_)


def iso(time: Int64, unit: Literal["D", "s"]) -> list[str]:
    """Unix seconds as ISO 8601 text, UTC: dates for `unit` "D", seconds for "s"."""
    return [str(text) for text in np.datetime_as_string(time.astype("datetime64[s]"), unit=unit).tolist()]


def optional(value: NDArray[Any]) -> pd.Series[Any]:
    """Numbers as an object column with None for NaN: tables leave as JSON, which has no NaN."""
    return pd.Series([None if math.isnan(x) else x for x in value.tolist()], dtype=object)


def percent(share: float) -> str:
    """A share as text that never rounds to none or all: "87 %", "0.4 %", "over 99.9 %"."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "under 0.1 %" if share < 0.5 else "over 99.9 %"
    return f"{100 * share:.0f} %" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{100 * share:.1f} %"
