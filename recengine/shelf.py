"""A dataset on the shelf: what the lab derives from it once, and how names become positions."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from recengine import describe
from recengine.answers import Filters, Found, StoredPerson, Who
from recengine.data import sources
from recengine.data.dataset import Bool, Dataset, Query, plain_year
from recengine.errors import DataError, NotFound
from recengine.models.baseline import Biases, estimate_biases
from recengine.search import TitleIndex


class Shelf:
    """A loaded dataset with what the lab derives from it once: title index, baseline, counts."""

    def __init__(self, loaded: sources.Loaded) -> None:
        self.loaded = loaded
        self.dataset: Dataset = loaded.dataset

    @cached_property
    def titles(self) -> TitleIndex:
        """Search over the titles, the most rated first among equals."""
        return TitleIndex.of(self.dataset.movies["title"], self.dataset.interactions.item_count)

    @cached_property
    def biases(self) -> Biases | None:
        """The user and item baseline, or None where there are no ratings."""
        known = self.dataset.explicit and len(self.dataset.interactions) > 0
        return estimate_biases(self.dataset.interactions) if known else None

    @cached_property
    def description(self) -> describe.Description:
        """What is in the data."""
        return describe.describe(self.dataset)

    def movie(self, reference: Any) -> int:
        """The position of a movie named by id or by title; raises `NotFound` with near matches."""
        index = int(self.dataset.items.index([reference])[0])
        if index >= 0:
            return index
        found = self.titles.exact(str(reference))
        if len(found) == 1:
            return int(found[0])
        near = found if len(found) else self.titles.find(str(reference), 3)
        names = " or ".join(f"{self.dataset.movies['title'].iloc[i]!r} (id {self.dataset.items.id(i)})" for i in near)
        if len(found) > 1:
            raise NotFound(f"{reference!r} is the title of several movies, say which by its id: {names}.")
        hint = f"did you mean {names}?" if names else "search for a part of its title."
        raise NotFound(f"There is no movie {reference!r} in {self.dataset.name}: {hint}")

    def person(self, user_id: Any) -> int:
        """The position of a person named by id; raises `NotFound` with the range of ids."""
        index = int(self.dataset.users.index([user_id])[0])
        if index < 0:
            ids = self.dataset.users.ids
            raise NotFound(f"There is no person {user_id} in {self.dataset.name}: ids run from {ids[0]} to {ids[-1]}.")
        return index

    def query(self, who: Who) -> Query:
        """The query of a stored person or of a visitor."""
        if isinstance(who, StoredPerson):
            return Query.of_users(self.dataset, [self.person(who.id)])
        rated: dict[int, float] = {}
        for reference, value in who.ratings:
            if self.dataset.scale and not self.dataset.scale[0] <= value <= self.dataset.scale[1]:
                low, high = self.dataset.scale
                raise DataError(f"A rating of {value:g} is outside the scale: rate from {low:g} to {high:g}.")
            index = self.movie(reference)
            rated.pop(index, None)  # a movie rated twice counts once, as the later rating
            rated[index] = value
        return Query.of_visitor(self.dataset.n_items, list(rated), list(rated.values()))

    def allowed(self, filters: Filters) -> Bool | None:
        """The filter as a mask over movies, None for no filter."""
        if filters == Filters():
            return None
        movies = self.dataset.movies
        mask = self.dataset.interactions.item_count >= filters.min_ratings
        if filters.genres:
            wanted = set(filters.genres)
            mask &= np.array([bool(wanted & set(genres)) for genres in movies["genres"]], np.bool_)
        if filters.from_year is not None:
            mask &= (movies["year"] >= filters.from_year).fillna(False).to_numpy(np.bool_)
        if filters.to_year is not None:
            mask &= (movies["year"] <= filters.to_year).fillna(False).to_numpy(np.bool_)
        return np.asarray(mask, np.bool_)

    def found(self, index: int) -> Found:
        """A movie's card."""
        row = self.dataset.movies.iloc[index]
        return Found(
            self.dataset.items.id(index),
            str(row["title"]),
            plain_year(row["year"]),
            tuple(row["genres"]),
            int(self.dataset.interactions.item_count[index]),
        )
