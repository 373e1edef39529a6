"""One person, one movie: what they rated, what they like more than others do, where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Int32, Int64, Query, plain_year
from recengine.describe import activity, histogram, iso, labels, optional
from recengine.models.baseline import Biases, estimate_biases
from recengine.models.content import FittedContent

Float64 = NDArray[np.float64]

DAMPING = 5.0  # ratings' worth of "like everyone else" in a lift
_ENOUGH = 5  # ratings of a genre that make its lift count in a distinct taste
_CANDIDATES = 2000
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday
_DAY, _HOUR = 86_400, 3_600  # seconds


@dataclass(frozen=True, eq=False)
class Person:
    """A person of the data. Everything about stars is None for implicit data, and without ratings.

    `spread`: standard deviation of their ratings (population), None below two. `stricter_than`: share of the
    other people with ratings whose mean is higher. `genres`, `decades`, `directors` (at least two rated movies):
    tables (genre | decade | director, ratings, share, lift), see `taste`; decades in time's order.
    `history`: (item_id, title, year, genres, rating, time, difference), newest first; `time` is ISO 8601 in UTC,
    `difference` the rating minus the movie's mean over everyone. Without times the data's order counts as that of
    time. `first`, `last`: ISO dates.
    """

    n_ratings: int
    mean: float | None
    spread: float | None
    stricter_than: float | None
    genres: pd.DataFrame
    decades: pd.DataFrame
    directors: pd.DataFrame
    history: pd.DataFrame
    first: str | None
    last: str | None


@dataclass(frozen=True, eq=False)
class Movie:
    """A movie of the data. `mean` is None, and `histogram` (value, count) empty, where it has no ratings in stars.

    `share`: part of all people who rated it. `rank`: 1 + the number of movies with more ratings, so ties share it.
    """

    title: str
    year: int | None
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    n_ratings: int
    mean: float | None
    histogram: pd.DataFrame
    share: float | None
    rank: int
    n_movies: int


@dataclass(frozen=True, eq=False)
class Habits:
    """What a person's ratings say without their stars: what was watched, when, how often. Times are of rating, in UTC.

    `genres`, `decades`: tables (genre | decade, ratings, share, usual, times), most ratings first, decades in time's
    order: `share` is of the person's ratings, `usual` of everyone's, `times` their ratio.
    `timeline`: (start, ratings), a row a period of `period_months`; `weekdays`: (weekday, ratings), Monday first;
    `hours`: (hour, ratings), 0 to 23. `days`: on how many days they rated. Without times: None, and empty tables.
    """

    genres: pd.DataFrame
    decades: pd.DataFrame
    timeline: pd.DataFrame
    period_months: int | None
    weekdays: pd.DataFrame
    hours: pd.DataFrame
    days: int | None


@dataclass(frozen=True, eq=False)
class ItemProfile:
    """A movie as people see it, and as the model `content` does: `features` (feature, weight), its vector of length 1.

    Highest weight first; empty where nothing telling is known.
    """

    movie: Movie
    features: pd.DataFrame


@dataclass(frozen=True, eq=False)
class UserProfile:
    """A person's taste by their stars (`explicit`), by what they watched (`implicit`), and in the model `content`.

    `features`: (feature, weight), the vector that `content` compares movies with, highest weight first; a negative
    weight counts against a movie.
    """

    explicit: Person
    implicit: Habits
    features: pd.DataFrame


def person(dataset: Dataset, biases: Biases | None, user_index: int) -> Person:
    """What a person rated and likes; `biases` of all ratings, None for implicit data.

    Raises `NotFound` for a position that is not there. Cost: O(m).
    """
    dataset.users.id(user_index)
    i = dataset.interactions
    row = np.flatnonzero(i.user == user_index)
    if i.time is not None:
        row = row[np.argsort(i.time[row], kind="stable")]
    row = row[::-1]
    item, value = i.item[row], i.value[row].astype(np.float64)
    time = None if i.time is None or len(row) == 0 else i.time[row]
    rest = residual(dataset, biases, item, value)
    starred = dataset.explicit and len(row) > 0
    directors = _lifts("director", *labels(dataset.movies, "directors", item), rest)
    return Person(
        n_ratings=len(row),
        mean=float(value.mean()) if starred else None,
        spread=float(value.std()) if starred and len(row) > 1 else None,
        stricter_than=_stricter_than(dataset, user_index) if starred else None,
        genres=_lifts("genre", *labels(dataset.movies, "genres", item), rest),
        decades=_lifts("decade", *_decades(dataset, item), rest).sort_values("decade", ignore_index=True),
        directors=directors[directors["ratings"] > 1].reset_index(drop=True),
        history=_history(dataset, item, value, time),
        first=None if time is None else iso(time[-1:], "D")[0],
        last=None if time is None else iso(time[:1], "D")[0],
    )


def movie(dataset: Dataset, item_index: int) -> Movie:
    """What people think of a movie. Raises `NotFound` for a position that is not there. Cost: O(m)."""
    dataset.items.id(item_index)
    i, about = dataset.interactions, dataset.movies.iloc[item_index]
    value = i.value[i.item == item_index].astype(np.float64)
    starred = value if dataset.explicit else value[:0]
    return Movie(
        title=str(about["title"]),
        year=plain_year(about["year"]),
        genres=tuple(about["genres"]),
        directors=tuple(about.get("directors", ())),
        n_ratings=len(value),
        mean=float(starred.mean()) if len(starred) else None,
        histogram=histogram(starred),
        share=len(value) / dataset.n_users if dataset.n_users else None,
        rank=1 + int((i.item_count > len(value)).sum()),
        n_movies=dataset.n_items,
    )


def item_profile(dataset: Dataset, item_index: int, content: FittedContent) -> ItemProfile:
    """A movie with its features and their weights. Raises `NotFound` for a position that is not there. Cost: O(m)."""
    about, row = movie(dataset, item_index), content.vectors.unit[[item_index]]
    return ItemProfile(about, _weights(content, row.indices, row.data))


def user_profile(dataset: Dataset, biases: Biases | None, user_index: int, content: FittedContent) -> UserProfile:
    """A person by stars, by habit and by features; `biases` as in `person`. Raises `NotFound`. Cost: O(m)."""
    explicit = person(dataset, biases, user_index)
    vector = content.profiles(Query.of_users(dataset, [user_index]))[0]
    column = np.flatnonzero(vector)
    return UserProfile(explicit, habits(dataset, user_index), _weights(content, column, vector[column]))


def habits(dataset: Dataset, user_index: int) -> Habits:
    """What a person watched, when and how often. Raises `NotFound` for a position that is not there. Cost: O(m)."""
    dataset.users.id(user_index)
    i = dataset.interactions
    row = np.flatnonzero(i.user == user_index)
    time = None if i.time is None or len(row) == 0 else i.time[row]
    everything = np.arange(dataset.n_items, dtype=np.int32)
    count = np.bincount(i.item[row], minlength=dataset.n_items)
    period, timeline = activity(time)
    known = np.empty(0, np.int64) if time is None else time
    return Habits(
        genres=_counts("genre", *labels(dataset.movies, "genres", everything), count, i.item_count),
        decades=_counts("decade", *_decades(dataset, everything), count, i.item_count).sort_values(
            "decade", ignore_index=True
        ),
        timeline=timeline,
        period_months=period,
        weekdays=_cycle("weekday", _WEEKDAYS, (known // _DAY + _EPOCH_WEEKDAY) % 7),
        hours=_cycle("hour", range(24), known % _DAY // _HOUR),
        days=None if time is None else len(np.unique(time // _DAY)),
    )


def taste(
    dataset: Dataset,
    biases: Biases | None,
    item_indices: Sequence[int] | Int32,
    values: Sequence[float] | NDArray[Any],
) -> pd.DataFrame:
    """How much more someone likes each genre than others do: (genre, ratings, share, lift), highest lift first.

    lift_g = Σ_{i∈g} (r_ui − b_ui) / (n_g + 5), in stars, over the n_g rated movies of genre g, with the baseline
    b_ui = μ + b_u + b_i: strictness and what everyone likes are taken out, and few ratings count for little.
    `share` is of the ratings; movies of several genres count in each. Without `biases` the lift is None.
    For a visitor and a stored person alike. Cost: O(ratings given).
    """
    item, value = np.array(item_indices, np.int32), np.array(values, np.float64)
    return _lifts("genre", *labels(dataset.movies, "genres", item), residual(dataset, biases, item, value))


def residual(dataset: Dataset, biases: Biases | None, item: Int32, value: Float64) -> Float64:
    """r_ui − b_ui of one person's ratings, float64 `(m,)`; NaN without biases."""
    if biases is None:
        return np.full(len(item), np.nan)
    query = Query.of_visitor(dataset.n_items, item.tolist(), value.tolist())
    rest: Float64 = value - biases.mean - biases.user(query)[0] - biases.item[item]
    return rest


def interesting_people(dataset: Dataset, n: int = 20, seed: int = 0) -> Int32:
    """Up to `n` people worth showing to a class, int32 `(≤ n,)`, the most distinct taste first.

    First those with 50 to 400 ratings that vary more than the median of such people, by their mean |lift| over
    the genres they rated at least 5 times (see `taste`); then, where these are too few, the people with the most
    ratings. From more than 2,000 candidates so many are drawn with `seed`. Cost: O(m).
    """
    count = dataset.interactions.user_count
    distinct = np.zeros(dataset.n_users)
    candidate = np.flatnonzero((count >= 50) & (count <= 400)).astype(np.int32)
    if len(candidate) > _CANDIDATES:
        candidate = np.random.default_rng(seed).choice(candidate, _CANDIDATES, replace=False)
    if dataset.explicit and len(candidate):
        distinct[candidate] = _distinctness(dataset, candidate)
    order = np.lexsort((-count, -distinct))
    return order[count[order] > 0][: max(n, 0)].astype(np.int32)


def _distinctness(dataset: Dataset, user: Int32) -> Float64:
    """Mean |lift| over genres with enough ratings, float64 `(b,)`; 0 for people whose ratings vary too little."""
    biases = estimate_biases(dataset.interactions)
    query = Query.of_users(dataset, user)
    rated = query.history
    row = np.repeat(np.arange(len(user)), np.diff(rated.indptr))
    rest = rated.data - biases.mean - biases.user(query)[row] - biases.item[rated.indices]
    item, genre = labels(dataset.movies, "genres", np.arange(dataset.n_items))
    code, names = pd.factorize(genre, sort=True)
    belongs = sp.csr_matrix((np.ones(len(code)), (item, code)), shape=(dataset.n_items, len(names)))
    total, count = (
        (sp.csr_matrix((data, rated.indices, rated.indptr), rated.shape) @ belongs).toarray()
        for data in (rest.astype(np.float64), np.ones(rated.nnz))
    )
    enough = count >= _ENOUGH
    lift = np.where(enough, np.abs(total) / (count + DAMPING), 0).sum(axis=1) / np.maximum(enough.sum(axis=1), 1)
    spread = np.array(
        [rated.data[a:b].std(dtype=np.float64) for a, b in zip(rated.indptr, rated.indptr[1:], strict=False)]
    )
    return np.where(spread > np.median(spread), lift, 0.0)


def _lifts(name: str, row: Int64, word: NDArray[np.object_], rest: Float64) -> pd.DataFrame:
    """Ratings, share of ratings and damped mean residual of each word, highest lift first."""
    code, words = pd.factorize(word, sort=True)
    n = np.bincount(code, minlength=len(words))
    lift = np.bincount(code, rest[row], len(words)) / (n + DAMPING)
    table = pd.DataFrame({name: pd.Series(words, dtype="str"), "ratings": n, "share": n / max(len(rest), 1)})
    order = np.lexsort((np.arange(len(words)), -n, -lift))
    return table.assign(lift=optional(lift)).iloc[order].reset_index(drop=True)


def _counts(name: str, row: Int64, word: NDArray[np.object_], own: Int64, all_: Int64) -> pd.DataFrame:
    """Ratings of each word that the person met, their share, everyone's share and the ratio, most ratings first.

    `own`, `all_`: ratings a movie by the person and by everyone, int64 `(n_items,)`.
    """
    code, words = pd.factorize(word, sort=True)
    n, everyone = (np.bincount(code, count[row], len(words)).astype(np.int64) for count in (own, all_))
    met = np.flatnonzero(n)
    met = met[np.argsort(-n[met], kind="stable")]
    share, usual = n[met] / max(int(own.sum()), 1), everyone[met] / max(int(all_.sum()), 1)
    columns = {"ratings": n[met], "share": share, "usual": usual, "times": share / usual}
    return pd.DataFrame({name: pd.Series(words[met], dtype="str"), **columns})


def _cycle(name: str, labels: Sequence[Any], place: Int64) -> pd.DataFrame:
    """Ratings at each place of a week or a day; no rows where there are no times."""
    names = labels if len(place) else ()
    return pd.DataFrame({name: list(names), "ratings": np.bincount(place, minlength=len(names))})


def _weights(content: FittedContent, column: NDArray[Any], weight: NDArray[Any]) -> pd.DataFrame:
    order = np.argsort(-weight, kind="stable")
    names = pd.Series([content.vectors.names[at] for at in column[order]], dtype="str")
    return pd.DataFrame({"feature": names, "weight": weight[order].astype(np.float64)})


def _decades(dataset: Dataset, item: Int32) -> tuple[Int64, NDArray[np.object_]]:
    """The decade ("1990s") of each movie of known year, as flat pairs like those of `labels`."""
    years = [plain_year(year) for year in dataset.movies["year"].iloc[item]]
    pairs = [(row, f"{year // 10 * 10}s") for row, year in enumerate(years) if year is not None]
    return np.array([row for row, _ in pairs], np.int64), np.array([word for _, word in pairs], np.object_)


def _stricter_than(dataset: Dataset, user_index: int) -> float | None:
    i = dataset.interactions
    with_ratings = i.user_count > 0
    mean = np.bincount(i.user, i.value, i.n_users) / np.maximum(i.user_count, 1)
    others = int(with_ratings.sum()) - 1
    return int((mean[with_ratings] > mean[user_index]).sum()) / others if others else None


def _history(dataset: Dataset, item: Int32, value: Float64, time: Int64 | None) -> pd.DataFrame:
    i, about = dataset.interactions, dataset.movies.iloc[item]
    mean = (np.bincount(i.item, i.value, i.n_items) / np.maximum(i.item_count, 1))[item]
    unknown = np.full(len(item), np.nan)
    return pd.DataFrame(
        {
            "item_id": dataset.items.ids[item],
            "title": about["title"].astype("str").to_numpy(),
            "year": pd.Series([plain_year(year) for year in about["year"]], dtype=object),
            "genres": pd.Series([tuple(genres) for genres in about["genres"]], dtype=object),
            "rating": optional(value if dataset.explicit else unknown),
            "time": pd.Series([None] * len(item) if time is None else iso(time, "s"), dtype=object),
            "difference": optional(value - mean if dataset.explicit else unknown),
        }
    )
