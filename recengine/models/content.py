"""Content in vector space: a person is the weighted sum of what they rated, a movie is scored by its likeness to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze_csr
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.features import ItemVectors, item_vectors
from recengine.models.similarity import Float64, cells_by_row, in_parts, rows_of

_NOTHING = 1e-9  # what rounding leaves where likes and dislikes cancel out
_ROWS = 64  # people whose profiles are held at once


class Content(Recommender):
    """What a movie is, compared with what the person's movies are.

    A movie is its TF-IDF vector x_i over genres, directors, tags, title words and the like (`item_vectors`), x̂_i the
    same at length 1. A person is p_u = Σ_i w_ui x̂_i / Σ_i |w_ui|, with w_ui = r_ui − r̄_u + presence, so that what was
    disliked counts against; r̄_u = (Σ_i r_ui + damping · μ) / (|I_u| + damping), so that three times five stars are
    still praise. Without ratings w_ui = 1. The score is the cosine p_u·x̂_i / ‖p_u‖, or the dot product p_u·x_i, which
    favours movies of which much is known. It is exactly split by feature. A visitor is scored from the query. An
    empty history, or a movie that shares no feature with the profile, has no opinion: NaN, and the number of ratings
    stands in; an item nobody rated is scored like any other. Cost: O(n_items) to fit; a query, the features of its
    history and of all movies.
    Source: Lops, de Gemmis and Semeraro, Recommender Systems Handbook (2011), section "Keyword-based Vector Space
    Model"; Pazzani and Billsus, "Content-Based Recommendation Systems" (The Adaptive Web, 2007), on Rocchio's method.
    Differs from the paper: ratings minus a mean in place of relevant and irrelevant, `presence`, and the weights of the
    groups of features.
    """

    name: ClassVar[str] = "content"
    title: ClassVar[str] = "Content, vector space"
    family: ClassVar[Family] = "content"

    similarity: Literal["cosine", "dot"] = Field("dot", description="How a movie is compared with the profile")
    presence: float = Field(2.0, ge=0, le=10, description="Stars' worth of liking that watching says; 0: ratings alone")
    damping: float = Field(5.0, ge=0, le=1000, description="Ratings' worth of the overall mean in the person's mean")
    genres: float = Field(1.0, ge=0, le=10, description="Weight of genres")
    directors: float = Field(1.0, ge=0, le=10, description="Weight of directors")
    tags: float = Field(1.0, ge=0, le=10, description="Weight of tags")
    title_words: float = Field(0.5, ge=0, le=10, description="Weight of words in titles")
    decades: float = Field(1.0, ge=0, le=10, description="Weight of decades")
    certificates: float = Field(1.0, ge=0, le=10, description="Weight of rating boards' certificates")
    sources: float = Field(1.0, ge=0, le=10, description="Weight of what a movie is based on")

    @property
    def traits(self) -> Traits:
        """It ranks by likeness, which is no rating."""
        return Traits(ratings=False, personal=True, features=True)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each group of features."""
        return {
            "genre": self.genres, "director": self.directors, "tag": self.tags, "title word": self.title_words,
            "decade": self.decades, "certificate": self.certificates, "based on": self.sources,
        }  # fmt: skip

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Weigh the features of all movies; the profiles wait for the query."""
        require_interactions(train, self.name)
        context.step(0.0, "weighing features")
        vectors = item_vectors(train, self.weights)
        context.step(1.0, "done")
        mean = float(train.interactions.value.mean(dtype=np.float64)) if train.explicit else None
        return FittedContent(
            model=self, scale=train.scale, vectors=vectors, mean=mean, item_count=train.interactions.item_count
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedContent(Fitted):
    """`mean`: μ, None for data without ratings. `item_count`: ratings a movie, int64 `(n_items,)`."""

    model: Content
    vectors: ItemVectors
    mean: float | None
    item_count: Int64

    @cached_property
    def compared(self) -> sp.csr_matrix:
        """What a profile is compared with: x̂ for the cosine, x for the dot product; csr float64 `(n_items, f)`."""
        unit = self.vectors.unit.astype(np.float64)
        return freeze_csr(unit if self.model.similarity == "cosine" else sp.diags_array(self.vectors.length) @ unit)

    @cached_property
    def has(self) -> sp.csr_matrix:
        """1 where a movie has a feature, csr float32 `(n_items, f)`."""
        unit = self.vectors.unit
        return freeze_csr(sp.csr_matrix((np.ones(unit.nnz, np.float32), unit.indices, unit.indptr), unit.shape))

    def weights(self, query: Query) -> Float64:
        """w of every stored rating of the histories, float64 `(nnz,)`."""
        history, of_row = query.history, rows_of(query.history)
        if self.mean is None:
            return np.ones(history.nnz)
        prior = self.model.damping
        count = np.diff(history.indptr)
        rest = history.data.astype(np.float64) - self.mean
        mean = np.bincount(of_row, rest, len(query)) / np.maximum(count + prior, 1e-9)
        weight: Float64 = rest - mean[of_row] + self.model.presence
        weight[np.abs(weight) < _NOTHING] = 0.0  # a profile is divided by its weights, and would blow up rounding
        return weight

    def profiles(self, query: Query) -> Float64:
        """p_u of every query, of length 1 for the cosine, float64 `(b, f)`; zero where nothing is known."""
        history, weight = query.history, self.weights(query)
        total = np.bincount(rows_of(history), np.abs(weight), len(query))
        weighted = sp.csr_matrix((weight, history.indices, history.indptr), history.shape)
        profile: Float64 = (weighted @ self.vectors.unit).toarray() / np.where(total > 0, total, 1.0)[:, None]
        profile[np.abs(profile) < _NOTHING] = 0.0
        if self.model.similarity == "dot":
            return profile
        length = np.sqrt((profile**2).sum(axis=1, keepdims=True))
        return profile / np.where(length > 0, length, 1.0)

    def score(self, query: Query) -> Float32:
        """Likeness of every movie to the profile; NaN where they share no feature."""

        def part(first: int, last: int) -> Float32:
            profile = self.profiles(query.rows(first, last)).T  # (f, b)
            shared = self.has @ (profile != 0).astype(np.float32)
            return np.where(shared > 0, self.compared @ profile, np.nan).T.astype(np.float32)

        parts = in_parts(part, len(query), _ROWS)
        return np.concatenate(parts) if parts else np.zeros(query.history.shape, np.float32)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same, looking only at the features of the movies asked for."""
        order, start, items = cells_by_row(row, item, len(query))
        sorted_row = row[order]

        def part(first: int, last: int) -> Float32:
            cells = slice(start[first], start[last])
            profile, asked = self.profiles(query.rows(first, last)), self.compared[items[cells]]
            cell = rows_of(asked)
            liking = profile[sorted_row[cells][cell] - first, asked.indices]
            n = asked.shape[0]
            shared = np.bincount(cell, liking != 0, n) > 0
            return np.where(shared, np.bincount(cell, liking * asked.data, n), np.nan).astype(np.float32)

        value = np.full(len(order), np.nan, np.float32)
        parts = in_parts(part, len(query), _ROWS)
        value[order] = np.concatenate(parts) if parts else value[order]
        return value

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, for everyone."""
        return np.tile(self.item_count.astype(np.float32), (len(query), 1))

    def explain(self, query: Query, item: int) -> Explanation:
        """The features that the movie shares with the profile, each with what it adds: exact."""
        column, weight = self.shared(query, item)
        if len(column) == 0:
            rated = query.rows(0, 1).history.nnz
            why = "it shares no feature with what the ratings tell" if rated else "nothing has been rated yet"
            count = float(self.item_count[item])
            fallback = f"{why}; the number of ratings stands in"
            return Explanation(count, count, "number of ratings", (), exact=True, fallback=fallback)
        order = np.argsort(-np.abs(weight), kind="stable")
        names = self.vectors.names
        parts = tuple(Part("effect", float(weight[at]), what=names[column[at]]) for at in order)
        return Explanation(float(weight.sum()), 0.0, "nothing in common", parts, exact=True)

    def shared(self, query: Query, item: int) -> tuple[NDArray[np.int32], Float64]:
        """Columns that the first query's profile and a movie share, and what each adds to the score."""
        liking, asked = self.profiles(query.rows(0, 1))[0], self.compared[[item]]
        common = liking[asked.indices] != 0
        column = asked.indices[common]
        return column, liking[column] * asked.data[common]
