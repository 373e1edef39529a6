"""`FeatureAugmentation`: a collaborative model that learns from what a content model makes of the ratings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, model_validator

from recengine.data.dataset import Bool, Dataset, Float32, Int32, Int64, Interactions, Query, freeze
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_ratings
from recengine.models.hybrid import calibrate, children
from recengine.models.hybrid.folds import out_of_fold
from recengine.models.neighbors import ItemKNN
from recengine.models.similarity import Float64, rows_of
from recengine.models.tree import ContentTree
from recengine.registry import Child

How = Literal["pseudo-ratings", "residuals"]


class FeatureAugmentation(Recommender):
    """The content model speaks first, and the collaborative model learns from its ratings, or from its errors.

    c_ui is the content model's predicted rating. how=pseudo-ratings: every person's ratings are completed with c_ui of
    those of the `fill` most rated movies that they have not rated, where the content model has an opinion; so people
    with few ratings meet others. The collaborative model is fitted to the completed ratings and asked with a history
    completed alike; r̂_ui is what it says, and c_ui where it has no opinion.
    how=residuals: the collaborative model learns r_ui − c_ui, with c_ui of a rating by the content model fitted without
    its fold (`out_of_fold`), for on ratings it has seen that model errs too little; r̂_ui = c_ui + what it, or its
    fallback, says. The residuals of a history are formed alike: each of its `folds` parts is predicted from the others.
    A visitor is completed, or measured, like a stored person. In both, no opinion (NaN) is where neither model has
    one; a movie nobody rated is left to the content model, in residuals with the collaborative model's fallback added.
    What was completed still counts as unseen.
    Cost: both fits; pseudo-ratings: n_users · `fill` predictions, and `fill` a query; residuals: `folds` fits of the
    content model more, and `folds` small questions a query.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.6; Melville, Mooney and Nagarajan,
    "Content-Boosted Collaborative Filtering" (AAAI 2002); residuals: Bell and Koren, "Scalable Collaborative Filtering
    with Jointly Derived Neighborhood Interpolation Weights" (ICDM 2007).
    Differs from the paper: Melville et al. complete all movies, and weigh people by how many ratings are real; here the
    most rated movies alone are completed, and count like real ones. Residuals are out of fold.
    """

    name: ClassVar[str] = "feature-augmentation"
    title: ClassVar[str] = "Feature augmentation"
    family: ClassVar[Family] = "hybrids"

    content: Child = Field(ContentTree(), description="The model that speaks first")
    collaborative: Child = Field(ItemKNN(), description="The model that learns from what the first one says")
    how: How = Field(
        "pseudo-ratings", description="Whether the second learns completed ratings, or the first one's errors"
    )
    fill: int = Field(10, ge=1, le=10_000, description="Most rated movies that everyone is given a pseudo-rating of")
    folds: int = Field(5, ge=2, le=20, description="Parts the ratings are cut into to see the first one's errors")

    @model_validator(mode="after")
    def _both_predict_ratings(self) -> Self:
        for child in (self.content, self.collaborative):
            if not child.traits.ratings:
                raise ModelError(
                    f"{child.name} predicts no ratings, so {self.name} cannot use it: choose one that does, such as "
                    "item-knn or content-tree."
                )
        return self

    @property
    def traits(self) -> Traits:
        """It predicts ratings, exactly split between the two."""
        return children.traits((self.content, self.collaborative), ratings=True, kept=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the content model, make the second one's data with it, and fit that."""
        require_ratings(train, self.name)
        first, second = children.names((self.content, self.collaborative))
        content = context.part(0.0, 0.2, f"{first}: ").fit(self.content, train)
        inside = context.part(0.2, 0.5, f"{first}: ")
        popular = most_rated(train, self.fill if self.how == "pseudo-ratings" else 0)
        if self.how == "residuals":
            data = residual_data(train, out_of_fold(self.content, train, inside, self.folds))
        else:
            inside.step(0.0, "completing ratings")
            data = completed_data(train, content, popular)
        collaborative = context.part(0.7, 0.3, f"{second}: ").fit(self.collaborative, data)
        context.step(1.0, "done")
        titles = tuple(str(title) for title in train.movies["title"].iloc[popular])
        notes = children.notes((content, collaborative))
        return FittedFeatureAugmentation(
            model=self, scale=train.scale, notes=notes, content=content, collaborative=collaborative,
            popular=popular, titles=titles, mean=float(train.interactions.value.mean(dtype=np.float64)),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedFeatureAugmentation(Fitted):
    """`popular`: the movies that histories are completed with, int32 `(≤ fill,)`, and their `titles`. `mean`: μ."""

    model: FeatureAugmentation
    content: Fitted
    collaborative: Fitted
    popular: Int32
    titles: tuple[str, ...]
    mean: float

    def augmented(self, query: Query) -> Query:
        """What the collaborative model is asked: the same people with completed histories, or with residuals."""
        if self.model.how == "residuals":
            return residuals(self.content, query, self.model.folds)
        return completed(self.content, query, self.popular)

    def score(self, query: Query) -> Float32:
        """r̂ of the class's formula; NaN where neither model has an opinion."""
        asked = self.augmented(query)
        return self._put_together(
            calibrate.calibrated(self.content, query, "ratings"),
            calibrate.calibrated(self.collaborative, asked, "ratings"),
        )

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        asked = self.augmented(query)
        return self._put_together(
            calibrate.cells(self.content, query, row, item, "ratings"),
            calibrate.cells(self.collaborative, asked, row, item, "ratings"),
        )

    def _put_together(self, first: tuple[Float64, Bool], second: tuple[Float64, Bool]) -> Float32:
        (before, expected), (said, found) = first, second
        value = before + said if self.model.how == "residuals" else np.where(found, said, before)
        return np.where(expected | found, value, np.nan).astype(np.float32)

    def fallback(self, query: Query) -> Float32:
        """What stands in for the content model, with what stands in for the residual."""
        stand_in = self.content.fallback(query)
        if self.model.how == "residuals":
            stand_in = stand_in + self.collaborative.fallback(self.augmented(query))
        return stand_in

    def explain(self, query: Query, item: int) -> Explanation:
        """What the content model says, and what the collaborative one changes of it: exact."""
        query = query.rows(0, 1)
        asked, cell = self.augmented(query), (np.zeros(1, np.int64), np.array([item], np.int64))
        score = float(self.score_cells(query, *cell)[0])
        if np.isnan(score):
            value, why = float(self.fallback(query)[0, item]), self.content.explain(query, item).fallback
            name = "what stands in for both models"
            return Explanation(value, value, name, (), exact=True, fallback=f"neither model has an opinion: {why}")
        before = float(calibrate.cells(self.content, query, *cell, "ratings")[0][0])
        both = (self.content, self.collaborative)
        second = children.part(both, 1, asked, item, score - before)
        told = second.told and self._as_rated(second.told, query)
        parts = [
            children.part(both, 0, query, item, before - self.mean),
            dataclasses.replace(second, told=told),
        ]
        parts.sort(key=lambda part: -abs(part.weight))
        return Explanation(score, self.mean, "an average rating", tuple(parts), exact=True)

    def _as_rated(self, told: Explanation, query: Query) -> Explanation:
        """What the second model says, with the stars that were given in place of those it was shown."""
        return dataclasses.replace(told, parts=tuple(self._real(part, query) for part in told.parts))

    def _real(self, part: Part, query: Query) -> Part:
        if part.told:
            return dataclasses.replace(part, told=self._as_rated(part.told, query))
        if part.kind == "movie":
            place = stored_at(query.history, np.array([0]), np.array([part.index]))[0]
            if place >= 0:
                rating = None if part.rating is None else float(query.history.data[place])
                return dataclasses.replace(part, rating=rating)
            title = self.titles[int(np.flatnonzero(self.popular == part.index)[0])]
            what = f"{title}, as {self.content.model.title} would rate it"
            return Part("effect", part.weight, what=what, similarity=part.similarity)
        return dataclasses.replace(part, rating=None)


def most_rated(train: Dataset, n: int) -> Int32:
    """The `n` most rated movies that anybody rated, int32 `(≤ n,)`, most rated first, ties by better ratings."""
    ratings = train.interactions
    stars = np.bincount(ratings.item, ratings.value.astype(np.float64), train.n_items)
    order = np.lexsort((-stars, -ratings.item_count))[:n]
    return freeze(order[ratings.item_count[order] > 0].astype(np.int32))


def pseudo_ratings(content: Fitted, query: Query, popular: Int32) -> tuple[Int64, Int64, Float32]:
    """Query number, movie and predicted stars of those `popular` movies that each has not rated.

    In the order of the queries and of `popular`; only where the content model has an opinion.
    """
    row = np.repeat(np.arange(len(query)), len(popular))
    item = np.tile(popular.astype(np.int64), len(query))
    unrated = stored_at(query.history, row, item) < 0
    row, item = row[unrated], item[unrated]
    said = content.predict(query, row, item)
    own = ~said.fallback
    return row[own], item[own], said.value[own].astype(np.float32)


def completed(content: Fitted, query: Query, popular: Int32) -> Query:
    """The same people, their histories completed; what was completed is older than what was rated."""
    row, item, value = pseudo_ratings(content, query, popular)
    history = query.history
    cells = np.concatenate([rows_of(history), row]), np.concatenate([history.indices, item])
    full = sp.csr_matrix((np.concatenate([history.data, value]), cells), history.shape)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    before = np.full((len(query), int(place.max(initial=-1)) + 1), -1, np.int32)
    before[row, place] = item
    sequence = np.concatenate([before, query.sequence], axis=1)
    padding_first = np.argsort(sequence >= 0, axis=1, kind="stable")
    return Query(query.user, full, np.take_along_axis(sequence, padding_first, 1), query.time, query.allowed)


def completed_data(train: Dataset, content: Fitted, popular: Int32) -> Dataset:
    """The ratings of all who rated anything, completed; a pseudo-rating is as old as the oldest rating."""
    ratings, people = train.interactions, np.flatnonzero(train.interactions.user_count)
    row, item, value = pseudo_ratings(content, Query.of_users(train, people), popular)
    time = None
    if ratings.time is not None:
        time = np.concatenate([np.full(len(row), ratings.time.min(), np.int64), ratings.time])
    full = Interactions.of(
        np.concatenate([people[row], ratings.user]),
        np.concatenate([item, ratings.item]),
        np.concatenate([value, ratings.value]),
        time,
        n_users=train.n_users,
        n_items=train.n_items,
    )
    return train.with_interactions(full)


def residual_data(train: Dataset, expected: Float32) -> Dataset:
    """The same data with r − c for ratings, on a scale around 0."""
    if train.scale is None:
        raise ValueError("residuals are of ratings")
    width, ratings = train.scale[1] - train.scale[0], train.interactions
    rest = dataclasses.replace(ratings, value=freeze(ratings.value - expected))
    return dataclasses.replace(train, interactions=rest, scale=(-width, width))


def residuals(content: Fitted, query: Query, folds: int) -> Query:
    """The same people with r − c in their histories, each of `folds` parts predicted from the other parts alone."""
    history, row = query.history, rows_of(query.history)
    fold = (np.arange(history.nnz) - history.indptr[row]) % folds
    expected = np.zeros(history.nnz, np.float32)
    for number in np.unique(fold):
        held = fold == number
        expected[held] = content.predict(keeping(query, ~held), row[held], history.indices[held]).value
    rest = sp.csr_matrix((history.data - expected, history.indices, history.indptr), history.shape)
    return dataclasses.replace(query, history=rest)


def keeping(query: Query, kept: Bool) -> Query:
    """The same people with only those stored ratings that are `kept`, bool `(nnz,)`."""
    history = query.history
    indptr = np.concatenate([[0], np.cumsum(kept)])[history.indptr]
    rest = sp.csr_matrix((history.data[kept], history.indices[kept], indptr), history.shape)
    row = np.repeat(np.arange(len(query)), query.sequence.shape[1])
    there = stored_at(rest, row, query.sequence.ravel()) >= 0
    sequence = np.where(there.reshape(query.sequence.shape), query.sequence, -1).astype(np.int32)
    return dataclasses.replace(query, history=rest, sequence=sequence)


def stored_at(history: sp.csr_matrix, row: Int64, item: Int64 | Int32) -> Int64:
    """Where chosen cells are stored in a csr matrix, int64 `(m,)`; −1 where they are not, as item −1 never is."""
    width = history.shape[1] + 1  # one more than there are items, so that −1 is no item of the row before
    known = rows_of(history).astype(np.int64) * width + history.indices
    asked = row.astype(np.int64) * width + item
    if len(known) == 0:
        return np.full(len(asked), -1, np.int64)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[place] == asked, place, -1)
