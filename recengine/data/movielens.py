"""MovieLens in every layout in which GroupLens distributes it, and the canonical folds of MovieLens 100K.

| edition              | ratings                    | movies                       | also read           |
|----------------------|----------------------------|------------------------------|---------------------|
| 100K                 | `u.data`, tabs             | `u.item`, pipes, Latin-1     | `u.user`, `u.genre` |
| 1M, 10M              | `ratings.dat`, `::`        | `movies.dat`                 | `users.dat`, `tags.dat` |
| 20M, 25M, 32M, latest | `ratings.csv`             | `movies.csv`                 | `tags.csv`          |
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from recengine.data.archive import Archive
from recengine.data.dataset import Bool, Dataset, Int32, Int64, Interactions
from recengine.data.features import item_features, user_features
from recengine.data.movietables import read_movies, read_people, read_tags
from recengine.data.report import ImportReport
from recengine.data.roles import Columns
from recengine.data.scales import Range
from recengine.data.tables import Rows, read_rows
from recengine.data.vocab import Vocab
from recengine.errors import DataError, NotFound

_COLUMNS = Columns(user=0, item=1, rating=2, time=3)
_ABOUT = (
    "MovieLens ratings collected by GroupLens, University of Minnesota, under the terms in its README; "
    "cite Harper and Konstan 2015, doi:10.1145/2827872."
)
_FOLDS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")


@dataclass(frozen=True)
class Layout:
    """File names of one way to pack MovieLens; `scale` is the one of its editions."""

    ratings: str
    movies: str
    genres: str | None
    people: str | None
    tags: str | None
    delimiter: str
    header: bool
    scale: Range


LAYOUTS = (
    Layout("u.data", "u.item", "u.genre", "u.user", None, "\t", False, (1.0, 5.0)),
    Layout("ratings.dat", "movies.dat", None, "users.dat", "tags.dat", "::", False, (0.5, 5.0)),
    Layout("ratings.csv", "movies.csv", None, None, "tags.csv", ",", True, (0.5, 5.0)),
)


def is_movielens(archive: Archive) -> bool:
    """Whether a zip or folder holds the ratings or the movies of MovieLens, and not just any `ratings.csv`."""
    names = [archive.names(folder) for folder in archive.folders()]
    marks = [{layout.movies} if layout.header else {layout.movies, layout.ratings} for layout in LAYOUTS]
    return any(mark & found for mark in marks for found in names)


def load_movielens(where: Path, name: str) -> tuple[Dataset, ImportReport]:
    """MovieLens from a zip or a folder, its files at the top or one level down.

    Every movie of the movie file is an item, also one that nobody rated; people are those who rated. Ratings off the
    edition's scale are left out and counted, unless there are too many for mistakes.
    Raises `DataError` when files are missing or damaged. Cost: O(bytes), 0.4 s a million ratings.
    """
    archive = Archive.open(where)
    layout, folder = _find(archive)
    present = archive.names(folder)
    with_people = layout.people in present
    # Only 1M packs its people with "ratings.dat"; the half stars came with 10M.
    usual = (1.0, 5.0) if with_people else layout.scale
    rows, report = read_rows(
        io.BytesIO(_read(archive, folder, layout.ratings)),
        name=layout.ratings, columns=_COLUMNS, delimiter=layout.delimiter, header=layout.header, usual=usual,
        integer_ids=True,
    )  # fmt: skip
    genre_names = _read(archive, folder, layout.genres) if layout.genres else b""
    movies = read_movies(layout.movies, _read(archive, folder, layout.movies), genre_names)
    items = Vocab.of(np.concatenate([rows.items.ids, movies.index.to_numpy(np.int64)]))
    movies = _in_order(movies, items)
    if layout.tags in present:
        tags = read_tags(str(layout.tags), _read(archive, folder, str(layout.tags)))
        movies["tags"] = pd.Series([tags.get(item, ()) for item in items.ids.tolist()], dtype="object")
    features, names = item_features(movies)
    people = user_matrix = None
    user_names: tuple[str, ...] = ()
    if with_people:
        people = read_people(str(layout.people), _read(archive, folder, str(layout.people)))
        people = people.reindex(rows.users.ids).reset_index(drop=True)
        user_matrix, user_names = user_features(people)
    return Dataset(
        name, rows.users, items, _over(rows, items), movies, features, names, rows.scale,
        people, user_matrix, user_names, _ABOUT,
    ), report  # fmt: skip


def canonical_folds(where: Path) -> tuple[str, ...]:
    """The names of the folds that come with MovieLens 100K and are there: u1 to u5, ua, ub; none elsewhere."""
    if where.is_file() and not zipfile.is_zipfile(where):
        return ()
    archive = Archive.open(where)
    names = {name for folder in archive.folders() for name in archive.names(folder)}
    return tuple(fold for fold in _FOLDS if {f"{fold}.base", f"{fold}.test"} <= names)


def canonical_fold(where: Path, name: str, dataset: Dataset) -> Bool:
    """The test rows of a fold, a mask `(m,)` over `dataset.interactions`; all others are for training.

    Raises `NotFound` for a fold that is not there, and `DataError` unless its training and test files together are
    the ratings of `dataset`, each once.
    """
    there = canonical_folds(where)
    if name not in there:
        raise NotFound(f"{where.name} has no fold {name!r}: choose one of {', '.join(there) or 'its other splits'}.")
    archive = Archive.open(where)
    folder = next(folder for folder in archive.folders() if f"{name}.test" in archive.names(folder))
    base, test = (_fold_rows(_read(archive, folder, f"{name}.{part}"), part, dataset) for part in ("base", "test"))
    i = dataset.interactions
    mine = np.stack([_pair(i.user, i.item, dataset), np.round(2 * i.value).astype(np.int64)])
    both = np.concatenate([base, test], axis=1)
    order, theirs = np.lexsort(mine), np.lexsort(both)
    if mine.shape != both.shape or not np.array_equal(mine[:, order], both[:, theirs]):
        raise DataError(f"{name}.base and {name}.test in {where.name} are not together the ratings: download it again.")
    mask: Bool = np.isin(mine[0], test[0])
    return mask


def _find(archive: Archive) -> tuple[Layout, str]:
    for folder in archive.folders():
        names = archive.names(folder)
        for layout in LAYOUTS:
            missing = {layout.ratings, layout.movies} - names
            if not missing:
                return layout, folder
            if len(missing) == 1:
                there = ({layout.ratings, layout.movies} & names).pop()
                raise DataError(f"{archive.where.name} has {there} but no {missing.pop()}: download it again.")
    raise DataError(
        f"{archive.where.name} holds no MovieLens ratings: it needs u.data, ratings.dat or ratings.csv at the top "
        "or one folder down."
    )


def _read(archive: Archive, folder: str, name: str) -> bytes:
    return archive.read(f"{folder}/{name}" if folder else name)


def _in_order(movies: pd.DataFrame, items: Vocab) -> pd.DataFrame:
    """One row an item; a rated one that the movie file lacks is called by its id."""
    ordered = movies.reindex(items.ids).reset_index(drop=True)
    unknown = ordered["title"].isna().to_numpy()
    ordered.loc[unknown, "title"] = items.ids[unknown].astype(str)
    ordered["genres"] = pd.Series([g if isinstance(g, tuple) else () for g in ordered["genres"]], dtype="object")
    return ordered


def _over(rows: Rows, items: Vocab) -> Interactions:
    i = rows.interactions
    return Interactions(i.user, items.index(rows.items.ids)[i.item], i.value, i.time, i.n_users, len(items))


def _pair(user: Int32, item: Int32, dataset: Dataset) -> Int64:
    pair: Int64 = user.astype(np.int64) * dataset.n_items + item
    return pair


def _fold_rows(raw: bytes, part: str, dataset: Dataset) -> Int64:
    """Pair and doubled rating of a fold's rows, `(2, m)`; −1 in a pair that the dataset lacks."""
    rows, _ = read_rows(io.BytesIO(raw), name=part, columns=_COLUMNS, delimiter="\t", header=False, integer_ids=True)
    i = rows.interactions
    user, item = dataset.users.index(rows.users.ids)[i.user], dataset.items.index(rows.items.ids)[i.item]
    pair = np.where((user < 0) | (item < 0), -1, _pair(user, item, dataset))
    return np.stack([pair, np.round(2 * i.value).astype(np.int64)])
