"""`Weighted`: one score out of several, by weights that are given, equal, or learned on ratings no child has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.hybrid import calibrate, children
from recengine.models.hybrid.calibrate import Calibration
from recengine.models.hybrid.stacking import Weights, learn
from recengine.models.neighbors import ItemKNN
from recengine.models.similarity import Float64
from recengine.models.tree import ContentTree
from recengine.registry import Children, Numbers

_START: dict[Calibration, str] = {
    "ratings": "an average rating",
    "z-score": "an average movie",
    "quantile": "a movie in the middle of the list",
    "log-rank": "the end of the list",
}


class Weighted(Recommender):
    """Scores of several models, made comparable, added up with a weight each.

    r̂_ui = b + Σ_c w_c · s_c(u, i) over the children c. calibration=ratings: s_c is the child's score in stars, or
    its fallback's where it has no opinion; b = 0 and the weights sum to 1. z-score, quantile and log-rank:
    s_c is where the child puts the movie among all that the person has not rated (`calibrate.calibrated`), so that any
    children can be added; a child without opinion puts it in the middle.
    `weights` are given (and scaled to sum 1), or equal when there are none. With `learned` they are learned instead,
    inside the training data, from what the children say of ratings they were not fitted to (`stacking`): by ridge
    regression towards equal weights, or, from calibrated scores, so that what people rated stands out most. Too few
    ratings to learn from leave them equal, and a note says so.
    Where no child that weighs anything has an opinion, there is none (NaN), and the children's fallbacks stand in: with
    the same weights where ratings are blended, else the first child's. An unknown person or movie gets what the
    children make of them.
    Cost: the children's; with `learned`, `folds` times their fits more.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.1; Claypool et al., "Combining Content-Based and
    Collaborative Filters in an Online Newspaper" (1999); Breiman, "Stacked Regressions" (Machine Learning 1996).
    Differs from the paper: the ridge pulls towards equal weights, not towards 0; weights are the same for everyone.
    """

    name: ClassVar[str] = "weighted"
    title: ClassVar[str] = "Weighted hybrid"
    family: ClassVar[Family] = "hybrids"
    ranking: ClassVar[Mapping[str, Any]] = {
        "children": "ease, ials, content",
        "calibration": "z-score",
        "weights": "3, 3, 1",
    }

    children: Children = Field(
        (ItemKNN(), ContentTree()), min_length=1, max_length=12, description="The models whose scores are added"
    )
    weights: Numbers = Field((), description="A weight for each model; none: all weigh the same")
    calibration: Calibration = Field("ratings", description="How the models' scores are made comparable")
    learned: bool = Field(False, description="Learn the weights inside the training data, in place of those given")
    folds: int = Field(5, ge=2, le=20, description="Parts the training data are cut into for learning the weights")
    regularization: float = Field(
        10.0, ge=0, le=1e6, description="Ratings' worth of pull of the learned weights towards equal ones"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.weights and len(self.weights) != len(self.children):
            n, m = len(self.children), len(self.weights)
            raise ModelError(f"{self.name} has {n} models and {m} weights: give a weight for each, or none.")
        total = round(sum(self.weights), 9)  # what rounding leaves of 0 is 0
        if self.weights and total <= 0:
            raise ModelError(f"The weights of {self.name} sum to {total:g}: make them sum to more than 0.")
        ranking = [child.name for child in self.children if not child.traits.ratings]
        if self.calibration == "ratings" and ranking:
            raise ModelError(
                f"{ranking[0]} predicts no ratings, so {self.name} cannot blend ratings: choose another calibration, "
                "such as z-score, or another model."
            )
        return self

    @property
    def traits(self) -> Traits:
        """It predicts ratings where it blends them; learned weights are worth keeping."""
        return children.traits(self.children, ratings=self.calibration == "ratings", kept=self.learned)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the children, and learn the weights where that is wanted and possible."""
        require_interactions(train, self.name)
        if self.calibration == "ratings" and not train.explicit:
            raise ModelError(
                f"{self.name} blends ratings, and {train.name} holds none: choose another calibration, "
                "such as z-score, and models that rank, such as ease and content."
            )
        equal = np.full(len(self.children), 1 / len(self.children))
        found = Weights(freeze(np.array(self.weights) / sum(self.weights) if self.weights else equal))
        share = 1 / (1 + self.folds) if self.learned else 1.0
        fitted = children.fit_all(self.children, train, context.part(0.0, share))
        if self.learned:
            rest = context.part(share, 1 - share, "weights: ")
            found = learn(self.children, train, self.calibration, self.folds, self.regularization, rest)
        context.step(1.0, "done")
        return weighted(self, fitted, train, found, self.calibration)


def weighted(
    model: Recommender, fitted: tuple[Fitted, ...], train: Dataset, found: Weights, calibration: Calibration
) -> FittedWeighted:
    """Fitted children put together by their weights."""
    stars = float(train.interactions.value.mean(dtype=np.float64)) if calibration == "ratings" else None
    middle = {"quantile": 0.5}.get(calibration, 0.0) if stars is None else stars
    return FittedWeighted(
        model=model, scale=train.scale, notes=children.notes(fitted, found.notes), children=fitted,
        weights=found.weights, intercept=found.intercept, calibration=calibration, middle=middle,
    )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedWeighted(Fitted):
    """`weights`: float64 `(n_children,)`. `middle`: where a child's score starts, such as the mean rating."""

    children: tuple[Fitted, ...]
    weights: Float64
    intercept: float
    calibration: Calibration
    middle: float

    def score(self, query: Query) -> Float32:
        """b + Σ w_c · s_c, NaN where every child that weighs anything has no opinion."""
        return self._sum([calibrate.calibrated(child, query, self.calibration) for child in self._weighing])

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        return self._sum([calibrate.cells(child, query, row, item, self.calibration) for child in self._weighing])

    @property
    def _weighing(self) -> list[Fitted]:
        """The children that weigh anything: the others are not asked."""
        return [child for child, weight in zip(self.children, self.weights, strict=True) if weight]

    def _sum(self, said: list[tuple[Float64, Bool]]) -> Float32:
        total: Float64 = sum(w * value for w, (value, _) in zip(self.weights[self.weights != 0], said, strict=True))
        opinion = np.logical_or.reduce([known for _, known in said])
        return np.where(opinion, self.intercept + total, np.nan).astype(np.float32)

    def fallback(self, query: Query) -> Float32:
        """What stands in for the children, by the same weights; the first child's where they are not comparable."""
        if self.calibration != "ratings":
            return self._weighing[0].fallback(query)
        weights = self.weights[self.weights != 0]
        return np.asarray(
            self.intercept + sum(w * child.fallback(query) for w, child in zip(weights, self._weighing, strict=True)),
            np.float32,
        )

    def explain(self, query: Query, item: int) -> Explanation:
        """What each child adds to where a score starts, w_c · (s_c − middle): exact."""
        query, cell = query.rows(0, 1), (np.zeros(1, np.int64), np.array([item], np.int64))
        parts, opinion = [], False
        for place, (child, weight) in enumerate(zip(self.children, self.weights, strict=True)):
            if weight:
                value, known = calibrate.cells(child, query, *cell, self.calibration)
                added = float(weight * (value[0] - self.middle))
                parts.append(children.part(self.children, place, query, item, added))
                opinion |= bool(known[0])
        if not opinion:
            return self._stand_in(query, item)
        parts.sort(key=lambda part: -abs(part.weight))
        base = self.intercept + float(self.weights.sum()) * self.middle
        name = _START[self.calibration]
        return Explanation(base + sum(part.weight for part in parts), base, name, tuple(parts), exact=True)

    def _stand_in(self, query: Query, item: int) -> Explanation:
        """Why there is no opinion: what the children say of it, and what stands in."""
        told = self._weighing[0].explain(query, item)
        value = float(self.fallback(query)[0, item])
        why = f"none of its models has an opinion: {told.fallback}"
        return Explanation(value, value, "what stands in for its models", (), exact=True, fallback=why)
