"""`Cascade`: one model decides coarsely, a second decides only where the first leaves near ties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int32, Int64, Query
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions, require_ratings
from recengine.models.hybrid import children
from recengine.models.hybrid.calibrate import candidates
from recengine.models.linear import Ease
from recengine.models.neighbors import ItemKNN
from recengine.models.similarity import Float64
from recengine.rank import rank
from recengine.registry import Child


class Cascade(Recommender):
    """A second model orders what the first one finds about equally good.

    Per person, among the candidates: movies not rated, allowed by the query, on which the first has an opinion.
    how=bands: h = width · standard deviation of the first's scores s_i over the candidates; movie i is in band
    g_i = ⌊(max_j s_j − s_i) / h⌋, 0 for the best. Within a band the second decides, and the j-th of its n movies gets
    score = max_j s_j − h · (g_i + (j − ½) / n), so none leaves its band and the score stays in the first's unit. A
    band is never narrower than what its movies need to be told apart in float32.
    how=re-rank: the `top` best keep their scores, but the second decides which movie gets which; all others keep
    theirs. Equal scores among the `top` are told apart by a few units in the last place.
    Where the second has no opinion, a movie comes behind the others of its band or of the `top`; what the second finds
    equal keeps the order of the first. A movie that is no candidate keeps the first's score. Where the first has no
    opinion there is none (NaN), and its fallback stands in, as for an unknown person or movie that it cannot score.
    Cost: that of both; n_items · log n_items a query.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), sections 3.5 and 5 (EntreeC).
    Differs from the paper: bands are cut from continuous scores, where EntreeC's knowledge-based part gave few
    distinct ones; re-rank is the common pipeline of two stages.
    """

    name: ClassVar[str] = "cascade"
    title: ClassVar[str] = "Cascade"
    family: ClassVar[Family] = "hybrids"
    ranking: ClassVar[Mapping[str, Any]] = {"first": "ease", "second": "ials", "width": 1.0}

    first: Child = Field(ItemKNN(), description="The model that decides first; scores are in its unit")
    second: Child = Field(Ease(), description="The model that orders what the first leaves about equal")
    how: Literal["bands", "re-rank"] = Field(
        "bands", description="What the second orders: each band of near ties, or the first places of the list"
    )
    width: float = Field(
        0.5, ge=0.01, le=10, description="How wide a band is, in standard deviations of the first's scores"
    )
    top: int = Field(100, ge=2, le=1000, description="How many first places are re-ranked")

    @property
    def traits(self) -> Traits:
        """It predicts ratings where the first does."""
        return children.traits((self.first, self.second), ratings=self.first.traits.ratings, kept=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit both."""
        (require_ratings if self.traits.ratings else require_interactions)(train, self.name)
        first, second = children.fit_all((self.first, self.second), train, context)
        context.step(1.0, "done")
        notes = children.notes((first, second))
        return FittedCascade(model=self, scale=train.scale, notes=notes, first=first, second=second)


@dataclass(frozen=True, eq=False)
class Decided:
    """What a cascade decides for one person, over the `m` movies that the second has a say in.

    `item`: int64 `(m,)`. `coarse`: what the first gives: the middle of the band, or its score; `score`: what comes out,
    both float64 `(m,)`. `band`: from 0, `place` in it, from 0, by the second, and how many it holds, int64 `(m,)`.
    """

    item: Int64
    coarse: Float64
    score: Float64
    band: Int64
    place: Int64
    size: Int64


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedCascade(Fitted):
    """The two models."""

    model: Cascade
    first: Fitted
    second: Fitted

    def score(self, query: Query) -> Float32:
        """The first's scores, those of near ties in the order of the second."""
        first = self.first.score(query)
        score = first.copy()
        for row, decided in enumerate(self._decide(query, first)):
            score[row, decided.item] = decided.score
        return score

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells; who is in a band is known only from all candidates."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def _decide(self, query: Query, first: Float32) -> list[Decided]:
        """One a query; `first`: the first's scores, float32 `(b, n_items)`."""
        model, second = self.model, self.second.score(query).astype(np.float64)
        second[np.isnan(second)] = -np.inf  # behind the others
        if model.how == "re-rank":
            best = rank(first, np.full_like(first, np.nan), query.history, model.top + 1, allowed=query.allowed).item
            return [re_rank(best[r][best[r] >= 0], first[r], second[r], model.top) for r in range(len(query))]
        candidate = candidates(query) & np.isfinite(first)
        return [in_bands(np.flatnonzero(candidate[r]), first[r], second[r], model.width) for r in range(len(query))]

    def fallback(self, query: Query) -> Float32:
        """The first's."""
        return self.first.fallback(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What the first gave above its average movie, and how far the second moved it: exact."""
        query = query.rows(0, 1)
        first, both = self.first.score(query), (self.first, self.second)
        own = float(first[0, item])
        if np.isnan(own):
            told, value = self.first.explain(query, item), float(self.fallback(query)[0, item])
            why = f"{self.first.model.title} has no opinion: {told.fallback}"
            return Explanation(value, value, "what stands in for the first model", (), exact=True, fallback=why)
        (decided,) = self._decide(query, first)
        coarse, score, band, moved = own, own, "", ""
        for at in np.flatnonzero(decided.item == item):
            coarse, score = float(decided.coarse[at]), float(np.float32(decided.score[at]))
            band = f" (band {decided.band[at] + 1})" if self.model.how == "bands" else ""
            moved = f" (place {decided.place[at] + 1} of the {decided.size[at]} it orders)"
        average = float(np.nanmean(first, dtype=np.float64))
        gave = children.part(both, 0, query, item, coarse - average)
        then = children.part(both, 1, query, item, score - coarse)
        parts = [replace(gave, what=gave.what + band), replace(then, what=then.what + moved)]
        parts.sort(key=lambda part: -abs(part.weight))
        return Explanation(score, average, "the first model's average movie", tuple(parts), exact=True)


def in_bands(item: Int64, first: Float32, second: Float64, width: float) -> Decided:
    """The candidates `item` in bands of the first's scores, each ordered by the second; scores are `(n_items,)`."""
    own = first[item].astype(np.float64)
    if not len(own):
        return Decided(item, own, own, item, item, item)
    best, height = own.max(), max(width * own.std(), len(own) * _hair(own))
    band = np.floor((best - own) / height).astype(np.int64)
    order = np.lexsort((-own, -second[item], band))
    band = band[order]
    _, start, count = np.unique(band, return_index=True, return_counts=True)
    place, size = np.arange(len(band)) - np.repeat(start, count), np.repeat(count, count)
    coarse, score = best - height * (band + 0.5), best - height * (band + (place + 0.5) / size)
    return Decided(item[order], coarse, score, band, place, size)


def re_rank(item: Int32, first: Float32, second: Float64, top: int) -> Decided:
    """The first `top` of `item`, which come best first, ordered by the second; scores are `(n_items,)`.

    The next one behind them, if any, bounds their scores from below.
    """
    own = first[item].astype(np.float64)
    # Each score a hair above the next: s_j = max(s_j, s_{j+1} + hair), from the last upwards.
    steps = _hair(own) * np.arange(len(own))
    value = np.maximum.accumulate((own + steps)[::-1])[::-1] - steps
    order = np.argsort(-second[item[:top]], kind="stable")
    place, zero = np.arange(len(order)), np.zeros(len(order), np.int64)
    return Decided(item[order].astype(np.int64), own[order], value[:top], zero, place, zero + len(order))


def _hair(score: Float64) -> float:
    """A difference between scores of that size that float32 surely keeps."""
    return 4 * float(np.spacing(np.float32(max(np.abs(score).max(initial=0.0), 1e-30))))
