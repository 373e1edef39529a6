"""`MetaLevel`: what content-based filtering learns of each person is where collaborative filtering finds neighbors."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int32, Int64, Query, freeze, freeze_csr
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions, require_ratings
from recengine.models.centering import Center, center_of
from recengine.models.content import Content, FittedContent
from recengine.models.evidence import Aggregation, added, explain_of, no_opinion, stand_in
from recengine.models.neighbors import all_people, cells_over_people, over_people
from recengine.models.similarity import (
    Float64,
    Neighbors,
    in_parts,
    nearest,
    row_norms,
    rows_of,
)
from recengine.registry import Child

_ROWS = 64  # people whose dense profiles are held at once
_TOLD = 3  # features that two people are said to agree on


class MetaLevel(Recommender):
    """What people thought of it who like the same kinds of movies, whether or not they rated the same ones.

    `content` learns a profile p_u of each person, a weight for each feature: that model of the person, not the ratings,
    is what neighbors are found by. s_uv = p_u·p_v / (‖p_u‖‖p_v‖) · n_uv / (n_uv + shrinkage), with n_uv the features in
    both profiles, and over the k most similar people v who rated i, of the `neighborhood` most similar in all,

        r̂_ui = b_ui + Σ_v s_uv (r_vi − b_vi) / (Σ_v s_uv + damping)

    with the baseline b_ui = μ + b_u + b_i. aggregation=sum scores by Σ_v s_uv · r_vi instead, votes by Σ_v s_uv: these
    rank, and serve data without ratings. A single rating makes a profile, and two people need share no movie.
    The profile is made of the query's history, so a visitor is answered like a stored person; nobody is their own
    neighbor, nor is the stored person whose ratings are the visitor's. An empty history, a profile that is like
    nobody's, or a movie that no neighbor rated has no opinion: NaN, and the bias baseline (in data without ratings, the
    number of them) stands in. A movie nobody rated is such a movie: what is known of it does not count here.
    Cost: to fit, n_users · f in blocks, f being the features; a query, the profiles that share its features, at most
    n_users · |features of p_u|, and the neighbors' ratings. Memory: 8 bytes for each feature of each profile.
    Source: Pazzani, "A Framework for Collaborative, Content-Based and Demographic Filtering" (Artificial Intelligence
    Review 1999), section "Collaboration via content"; Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.7.
    Differs from the paper: profiles are Rocchio's and compared by the cosine, where Pazzani learns them with Winnow and
    correlates them; only positive similarities count; deviations from the baseline are averaged, not ratings.
    """

    name: ClassVar[str] = "meta-level"
    title: ClassVar[str] = "Collaboration via content"
    family: ClassVar[Family] = "hybrids"
    # Chosen inside the training part of ua (benchmarks/tune_hybrids.py): what was watched tells more there than what
    # was liked. A presence of 5 would gain .002, but this content model is the one that is asked for by itself.
    ranking: ClassVar[Mapping[str, Any]] = {
        "content": Content(), "aggregation": "votes", "shrinkage": 0.0, "neighborhood": 200, "k": 60,
    }  # fmt: skip

    content: Child = Field(Content(presence=0), description="The content model whose profiles of people are compared")
    k: int = Field(60, ge=1, le=500, description="Most similar people averaged for one prediction")
    shrinkage: float = Field(10.0, ge=0, le=1000, description="Shared features at which a similarity is halved")
    damping: float = Field(2.0, ge=0, le=100, description="Pull of a prediction back to the baseline")
    neighborhood: int = Field(1000, ge=1, le=10_000, description="Most similar people considered at all")
    aggregation: Aggregation = Field("average", description="Average predicts ratings, sum and votes rank by evidence")

    @property
    def traits(self) -> Traits:
        """Evidence added up is no rating."""
        return Traits(ratings=self.aggregation == "average", personal=True, features=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the content model and learn everybody's profile; the similarities wait for the query."""
        (require_ratings if self.traits.ratings else require_interactions)(train, self.name)
        if not isinstance(self.content, Content):
            raise ModelError(
                f"{self.name} compares the profiles that content learns of people, and {self.content.name} learns "
                "none: set content=content."
            )
        content = context.part(0.0, 0.2).fit(self.content, train)
        assert isinstance(content, FittedContent)
        context.step(0.2, "learning profiles")
        center, everyone = center_of(train, "person", "baseline"), all_people(train)
        profiles = profiles_of(content, everyone)
        context.step(1.0, "done")
        return FittedMetaLevel(
            model=self, scale=train.scale, notes=content.notes, content=content, center=center,
            ratings=everyone.history, added=freeze(added(self.aggregation, center, everyone)),
            by_feature=freeze_csr(sp.csr_matrix(profiles.T)), norm=row_norms(profiles),
        )  # fmt: skip


def profiles_of(content: FittedContent, query: Query) -> sp.csr_matrix:
    """p_u of every query, csr float32 `(b, f)`; what a profile is silent on is not stored."""

    def part(first: int, last: int) -> sp.csr_matrix:
        return sp.csr_matrix(content.profiles(query.rows(first, last)).astype(np.float32))

    parts = in_parts(part, len(query), _ROWS)
    empty = sp.csr_matrix((0, content.vectors.unit.shape[1]), dtype=np.float32)
    return freeze_csr(sp.csr_matrix(sp.vstack([empty, *parts])))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMetaLevel(Fitted):
    """`ratings`, `added`: r of the training data and what each adds, by person.

    `by_feature`: everybody's profile, csr float32 `(f, n_users)`. `norm`: ‖p_u‖, float64 `(n_users,)`.
    """

    model: MetaLevel
    content: FittedContent
    center: Center
    ratings: sp.csr_matrix
    added: Float32
    by_feature: sp.csr_matrix
    norm: Float64

    @cached_property
    def n_features(self) -> Int64:
        """How many features each person's profile holds, int64 `(n_users,)`."""
        return freeze(np.bincount(self.by_feature.indices, minlength=len(self.norm)))

    @cached_property
    def carried(self) -> sp.csr_matrix:
        """What a neighbor's rating adds, by person, csr float32."""
        return sp.csr_matrix((self.added, self.ratings.indices, self.ratings.indptr), self.ratings.shape)

    @cached_property
    def carried_by_item(self) -> sp.csr_matrix:
        """The same by movie."""
        return freeze_csr(sp.csr_matrix(self.carried.T))

    def neighbors(self, query: Query) -> Neighbors:
        """The people whose profiles are most like each query's, best first, never the person themself."""
        return nearest(
            profiles_of(self.content, query), self.by_feature, self.norm, self.n_features, "cosine",
            own=self._own(query), keep=self.model.neighborhood, min_support=1, shrinkage=self.model.shrinkage,
        )  # fmt: skip

    def score(self, query: Query) -> Float32:
        """r̂ of the class's formula, or its Σ; NaN where no neighbor rated the movie."""
        return over_people(
            self.neighbors(query), self.carried, self.center, query, self.model.k, self.model.damping,
            average=self.model.traits.ratings,
        )  # fmt: skip

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """As `score`, looking only at those who rated the movies asked for."""
        return cells_over_people(
            self.neighbors(query), self.carried_by_item, self.center, query, row, item, self.model.k,
            self.model.damping, average=self.model.traits.ratings,
        )  # fmt: skip

    def fallback(self, query: Query) -> Float32:
        """The bias baseline, or the number of ratings in data without ratings."""
        return stand_in(self.center, np.diff(self.carried_by_item.indptr), query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The neighbors who rated the movie, each with what it adds and what the two agree on: exact."""
        query = query.rows(0, 1)
        near, similarity = self.neighbors(query).row(0)
        has = np.sort(self.ratings[near][:, [item]].tocoo().row)[: self.model.k]
        if len(has) == 0:
            return no_opinion(self, self.center, query, item, self._silence(query, n_near=len(near)))
        person = near[has]
        rating, value = (matrix[person][:, [item]].toarray().ravel() for matrix in (self.ratings, self.carried))
        told = explain_of(
            "person", person, similarity[has], rating, value,
            self.center, query, item, self.model.damping, average=self.model.traits.ratings,
        )  # fmt: skip
        own = profiles_of(self.content, query).toarray()[0]
        agreed = agreements(own, self._stored([part.index for part in told.parts]), self.content.vectors.names)
        parts = (replace(part, what=what) for part, what in zip(told.parts, agreed, strict=True))
        return replace(told, parts=tuple(parts))

    def _stored(self, people: list[int]) -> sp.csr_matrix:
        """The profiles of stored people, csr float32 `(b, f)`."""
        sequence = np.full((len(people), 0), -1, np.int32)
        return profiles_of(self.content, Query(np.array(people, np.int32), self.ratings[people], sequence))

    def _silence(self, query: Query, n_near: int) -> str:
        """Why one query has no opinion."""
        if n_near:
            return "nobody with a similar profile has rated this movie"
        if not query.history.nnz:
            return "nothing has been rated yet"
        known = profiles_of(self.content, query).nnz
        return "nobody has a similar profile" if known else "the ratings tell nothing of what kinds of movies are liked"

    def _own(self, query: Query) -> Int32:
        """The stored person that each query is: who asks, or whose very ratings a visitor has; −1 for nobody.

        A double can say nothing of a movie that the visitor has not rated, but would take a neighbor's place.
        """
        order, stored = self._by_signature
        wanted = signatures(query.history, self._keys)
        at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
        double = np.where(stored[at] == wanted, order[at], -1)
        return np.where(query.user >= 0, query.user, double).astype(np.int32)

    @cached_property
    def _keys(self) -> Float64:
        """Two random numbers for each movie, `(2, n_items)`."""
        return np.random.default_rng(0).random((2, self.ratings.shape[1]))

    @cached_property
    def _by_signature(self) -> tuple[Int64, Float64]:
        """The stored people by their signatures, and these, in order."""
        found = signatures(self.ratings, self._keys)
        order = np.argsort(found, kind="stable")
        return order, found[order]


def signatures(history: sp.csr_matrix, keys: Float64) -> Float64:
    """A number for each row, float64 `(b,)`: the same for the same ratings, and hardly ever for others.

    `keys`: two random numbers for each movie, `(2, n_items)`.
    """
    times, plus = keys[:, history.indices]
    return np.asarray(np.bincount(rows_of(history), times * history.data + plus, history.shape[0]), np.float64)


def agreements(own: Float32, others: sp.csr_matrix, names: tuple[str, ...]) -> list[str]:
    """What a profile `(f,)` and each of the others `(b, f)` agree on most, in words.

    p_u·p_v is a sum over features, of which the largest terms are named.
    """
    term = own[others.indices] * others.data
    told = []
    for first, last in itertools.pairwise(others.indptr):
        best = first + np.argsort(-term[first:last], kind="stable")[:_TOLD]
        best = others.indices[best[term[best] > 0]]
        verdicts = (("like", best[own[best] > 0]), ("dislike", best[own[best] < 0]))
        said = (f"{verb} {', '.join(names[f] for f in which)}" for verb, which in verdicts if len(which))
        told.append(f"both {' and '.join(said)}")
    return told
