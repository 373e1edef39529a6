"""Demographic filtering: what people of the same kind watch, whatever the person asked about has watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze_csr
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.similarity import Float64, cells_by_row, in_parts, row_norms, rows_of
from recengine.models.weighting import binary

_ROWS = 64  # people whose crowds are held at once


class Demographic(Recommender):
    """What people of the same age, gender and occupation watch.

    p_ui = (Σ_v w_uv A_vi + damping · s_i) / (Σ_v w_uv + damping),   w_uv = exp(sharpness · (cos(x_u, x_v) − 1))

    the share of u's crowd that rated movie i. A is 1 where a person rated a movie, s_i the share of all people that
    rated i, x_u the person's row of `Dataset.user_features`; v runs over all others of whom any feature is known.
    `score`: "share" is p_ui itself, and led by what everybody watches; "lift" is ln(p_ui / s_i), what this kind of
    people watch more than others do, of little use alone, but news to a hybrid. The person's own ratings play no part.
    A visitor, a person of whom no feature is known, and an item nobody rated have no opinion: NaN, and the number of
    ratings stands in. Cost: O(m) to fit, O(n_users + m) a query.
    Source: Krulwich, "Lifestyle Finder", AI Magazine 18(2), 1997; Pazzani, "A Framework for Collaborative,
    Content-Based and Demographic Filtering", Artificial Intelligence Review 13, 1999.
    Differs from the papers: every person's crowd is their own, weighted by likeness; Krulwich assigns people to fixed
    groups, Pazzani learns from demographic features who likes an item.
    """

    name: ClassVar[str] = "demographic"
    title: ClassVar[str] = "People of the same kind"
    family: ClassVar[Family] = "content"

    score: Literal["share", "lift"] = Field(
        "share", description="The crowd's share, or how far above all people's it is"
    )
    sharpness: float = Field(
        4.0, ge=0, le=50, description="How much less those count who are alike in less; 0: all alike"
    )
    damping: float = Field(
        3.0, ge=0.1, le=1000, description="Average people's worth of everybody's share in the crowd's"
    )

    @property
    def traits(self) -> Traits:
        """It ranks by shares, and knows of people only what the data say."""
        return Traits(ratings=False, personal=True, visitors=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:  # noqa: ARG002
        """Count, and keep who is who; the crowds wait for the query."""
        require_interactions(train, self.name)
        known = train.user_features
        x = sp.csr_matrix((train.n_users, 0)) if known is None else sp.csr_matrix(known, dtype=np.float64)
        length = row_norms(x)
        unit = sp.csr_matrix(sp.diags_array(1 / np.where(length > 0, length, 1)) @ x)
        return FittedDemographic(
            model=self, scale=train.scale, kind=freeze_csr(unit), item_count=train.interactions.item_count,
            raters=freeze_csr(sp.csr_matrix(binary(train.interactions.matrix).T)),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedDemographic(Fitted):
    """`kind`: x at length 1, csr float64 `(n_users, g)`. `raters`: Aᵀ, csr float32 `(n_items, n_users)`.

    `item_count`: ratings a movie, int64 `(n_items,)`.
    """

    model: Demographic
    kind: sp.csr_matrix
    raters: sp.csr_matrix
    item_count: Int64

    def told(self, query: Query) -> Bool:
        """Of whom any feature is known, bool `(b,)`."""
        known = np.append(np.diff(self.kind.indptr) > 0, False)
        return np.asarray(known[query.user], np.bool_)

    def crowd(self, user: NDArray[np.int32]) -> Float64:
        """w of everybody for each person, float64 `(b, n_users)`: 0 for the person, and where no feature is known."""
        cosine = (self.kind[user] @ self.kind.T).toarray()
        weight: Float64 = np.exp(self.model.sharpness * (cosine - 1)) * (np.diff(self.kind.indptr) > 0)
        weight[np.arange(len(user)), user] = 0
        return weight

    def score(self, query: Query) -> Float32:
        """p, or its lift, of every movie; NaN for a visitor, an unknown kind, a movie nobody rated."""
        told = self.told(query)

        def part(first: int, last: int) -> Float32:
            found = np.full((last - first, self.raters.shape[0]), np.nan, np.float32)
            own = told[first:last]
            weight = self.crowd(query.user[first:last][own])
            found[own] = self._valued((self.raters @ weight.T).T, weight.sum(axis=1)[:, None], self.item_count)
            return found

        parts = in_parts(part, len(query), _ROWS)
        return np.concatenate(parts) if parts else np.zeros(query.history.shape, np.float32)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same, counting only who rated the movies asked for."""
        order, start, items = cells_by_row(row, item, len(query))
        value, told = np.full(len(order), np.nan, np.float32), self.told(query)

        def part(first: int, last: int) -> None:
            for r in np.flatnonzero(told[first:last]) + first:
                asked = items[start[r] : start[r + 1]]
                weight, raters = self.crowd(query.user[r : r + 1])[0], self.raters[asked]
                share: Float64 = np.bincount(rows_of(raters), weight[raters.indices], len(asked)).astype(np.float64)
                value[order[start[r] : start[r + 1]]] = self._valued(share, weight.sum(), self.item_count[asked])

        in_parts(part, len(query), _ROWS)
        return value

    def _valued(self, watching: Float64, crowd: Float64 | float, count: Int64) -> Float32:
        """The score, from Σ w A, Σ w and how many rated the movie; NaN where nobody did."""
        everybody = np.where(count > 0, count, np.nan) / self.raters.shape[1]
        damping = self.model.damping
        share = (watching + damping * everybody) / (crowd + damping)
        return np.asarray(share if self.model.score == "share" else np.log(share / everybody), np.float32)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, for everyone."""
        return np.tile(self.item_count.astype(np.float32), (len(query), 1))

    def explain(self, query: Query, item: int) -> Explanation:
        """What the crowd adds to everybody's damped share; of a lift, the two shares it compares: exact."""
        query = query.rows(0, 1)
        if not self.told(query)[0] or not self.item_count[item]:
            return self._stranger(query, item)
        weight, damping = self.crowd(query.user)[0], self.model.damping
        everybody, whole = float(self.item_count[item]) / self.raters.shape[1], float(weight.sum()) + damping
        base, crowd = damping * everybody / whole, float(weight[self.raters[[item]].indices].sum()) / whole
        share = base + crowd
        if self.model.score == "share":
            part = Part("effect", crowd, what="share of people of the same kind who rated it")
            return Explanation(share, base, "everybody's share, damped", (part,), exact=True)
        lift = float(np.log(share / everybody))
        what = f"rated by {100 * share:.1f} % of people of the same kind and {100 * everybody:.1f} % of all"
        return Explanation(lift, 0.0, "everybody's share", (Part("effect", lift, what=what),), exact=True)

    def _stranger(self, query: Query, item: int) -> Explanation:
        """Why there is no opinion, and what stands in."""
        who = "a visitor's" if query.user[0] < 0 else "this person's"
        why = (
            "nobody has rated this movie" if self.told(query)[0] else f"{who} age, gender and occupation are not known"
        )
        count = float(self.item_count[item])
        fallback = f"{why}; the number of ratings stands in"
        return Explanation(count, count, "number of ratings", (), exact=True, fallback=fallback)
