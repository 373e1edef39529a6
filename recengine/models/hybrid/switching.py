"""`Switching`: two models, and a rule that says which of them answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits, Uncertain
from recengine.models.baseline import Bias, require_interactions, require_ratings
from recengine.models.hybrid import calibrate, children
from recengine.models.neighbors import ItemKNN
from recengine.registry import Child

Rule = Literal["person-ratings", "movie-ratings", "no-opinion", "uncertainty"]

Int8 = NDArray[np.int8]

PREFERRED, OTHERWISE = 0, 1


class Switching(Recommender):
    """Two models of which one answers, as a rule decides from the question.

    r̂_ui = p_ui where the rule is met, else o_ui: p, o the scores of `preferred` and `otherwise`. The rule is met by
    person-ratings: a person with at least `threshold` ratings; movie-ratings: a movie with at least `threshold` in the
    training data; no-opinion: a movie that `preferred` has an opinion on; uncertainty: a rating that `preferred` knows
    to within `uncertainty` stars (`Uncertain.deviation`). Who answers, answers alone, as if there were no other: where
    it has no opinion, its own fallback stands in (NaN in the scores). To pass such movies on, nest a hybrid with
    rule=no-opinion.
    Rules for single movies put both models' scores in one list, so both must predict ratings. person-ratings takes any
    two, and so does no-opinion, where it then decides for the whole list: `otherwise` answers a person for whom
    `preferred` has no opinion on any movie that may be listed.
    An unknown person has no ratings, and an unrated movie none either; a visitor counts like the person they double.
    With the defaults, 8 ratings are where item-based neighbors begins to err less than the biases, measured on people
    held back from the training part of fold u1 of MovieLens 100K.
    Cost: that of the model that answers; no-opinion asks `preferred` twice, uncertainty adds O(d²) a draw and movie.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.2; Billsus and Pazzani, "User Modeling for
    Adaptive News Access" (UMUAI 2000), whose short-term model passes on the stories it cannot judge.
    Differs from the paper: the criterion is a parameter; Billsus and Pazzani's, distance from all rated stories, is
    what no-opinion and uncertainty stand for.
    """

    name: ClassVar[str] = "switching"
    title: ClassVar[str] = "Switching hybrid"
    family: ClassVar[Family] = "hybrids"

    preferred: Child = Field(ItemKNN(), description="The model that answers where the rule is met")
    otherwise: Child = Field(Bias(), description="The model that answers everywhere else")
    rule: Rule = Field("person-ratings", description="What decides between them, for a person or for each movie")
    threshold: int = Field(8, ge=0, le=1000, description="Ratings that a person or a movie needs")
    uncertainty: float = Field(1.0, ge=0, le=10, description="Most stars of deviation, where the rule is uncertainty")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        ranking = [child.name for child in (self.preferred, self.otherwise) if not child.traits.ratings]
        if ranking and self.rule in ("movie-ratings", "uncertainty"):
            raise ModelError(
                f"{ranking[0]} predicts no ratings, so {self.name} cannot put its movies in one list with another "
                "model's: choose rule=person-ratings or rule=no-opinion, or another model."
            )
        return self

    @property
    def traits(self) -> Traits:
        """It predicts ratings where both do; there is nothing to keep beyond them."""
        both = (self.preferred, self.otherwise)
        return children.traits(both, ratings=all(child.traits.ratings for child in both), kept=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit both. Raises `ModelError` where the rule is uncertainty and `preferred` does not know its own."""
        # Not refused before: whoever sets one parameter after the other passes through here on the way.
        if self.rule == "uncertainty" and not self.preferred.traits.uncertainty:
            raise ModelError(
                f"{self.preferred.name} does not know how sure it is, so {self.name} cannot decide by that: choose "
                "preferred=bayes-fm, or another rule."
            )
        (require_ratings if self.traits.ratings else require_interactions)(train, self.name)
        fitted = children.fit_all((self.preferred, self.otherwise), train, context)
        return FittedSwitching(
            model=self, scale=train.scale, notes=children.notes(fitted), children=fitted,
            movie_ratings=train.interactions.item_count,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSwitching(Fitted):
    """`children`: the preferred one, then the other. `movie_ratings`: of each movie, int64 `(n_items,)`."""

    model: Switching
    children: tuple[Fitted, ...]
    movie_ratings: Int64

    def speaks(self, query: Query) -> Int8:
        """Which child answers each cell, int8 `(b, n_items)`: 0 the preferred one, 1 the other."""
        return self._other(query).astype(np.int8)

    def _other(self, query: Query) -> Bool:
        """Where the preferred child does not answer, bool `(b, n_items)`, a view where the rule is no cell's own."""
        preferred, rule = self.children[PREFERRED], self.model.rule
        if rule == "person-ratings":
            other: Bool = (np.diff(query.history.indptr) < self.model.threshold)[:, None]
        elif rule == "movie-ratings":
            other = self.movie_ratings < self.model.threshold
        elif rule == "uncertainty":
            other = ~(cast(Uncertain, preferred).deviation(query) <= self.model.uncertainty)
        else:
            other = np.isnan(preferred.score(query))
            if self._by_list:
                other = ~np.any(calibrate.candidates(query) & ~other, axis=1, keepdims=True)
        return np.broadcast_to(other, query.history.shape)

    @property
    def _by_list(self) -> bool:
        """Whether no-opinion decides for a whole list: scores that do not compare cannot share one."""
        return not self.model.traits.ratings

    def _other_at(self, query: Query, row: Int64, item: Int64) -> Bool:
        """The same for chosen cells, bool `(m,)`."""
        if self.model.rule == "no-opinion" and not self._by_list:
            return np.isnan(self.children[PREFERRED].score_cells(query, row, item))
        return np.asarray(self._other(query)[row, item], np.bool_)

    def _choose(self, query: Query, ask: Callable[[Fitted], Float32]) -> Float32:
        """Each child's answers where it is the one that speaks; a child that never does is not asked."""
        other, (preferred, otherwise) = self._other(query), self.children
        if not other.any():
            return ask(preferred)
        return ask(otherwise) if other.all() else np.where(other, ask(otherwise), ask(preferred))

    def score(self, query: Query) -> Float32:
        """The score of the child that speaks; NaN where that one has no opinion."""
        return self._choose(query, lambda child: child.score(query))

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells, each asked of one child alone."""
        value, other = np.empty(len(row), np.float32), self._other_at(query, row, item)
        for child, chosen in zip(self.children, (~other, other), strict=True):
            if chosen.any():
                value[chosen] = child.score_cells(query, row[chosen], item[chosen])
        return value

    def fallback(self, query: Query) -> Float32:
        """What stands in for the child that speaks."""
        return self._choose(query, lambda child: child.fallback(query))

    def explain(self, query: Query, item: int) -> Explanation:
        """What the child that speaks says, as its own part, and why it was chosen, as an effect that weighs nothing."""
        query = query.rows(0, 1)
        place, why = self._choice(query, item)
        part = children.part(self.children, place, query, item, 0.0)
        told = cast(Explanation, part.told)
        parts = (replace(part, weight=told.score - told.base), Part("effect", 0.0, what=f"chosen because {why}"))
        silent = told.fallback and f"{part.what}, chosen because {why}, has no opinion: {told.fallback}"
        return replace(told, parts=parts, exact=True, fallback=silent)

    def _choice(self, query: Query, item: int) -> tuple[int, str]:
        """The child that speaks of a movie to the one person of a query, and why, as a clause."""
        model, name = self.model, children.names([child.model for child in self.children])[PREFERRED]
        if model.rule == "uncertainty":
            # A page explains ten movies: the one deviation, not all of them ten times over. They are the same.
            off = self.children[PREFERRED].explain(query, item).deviation
            if off is None:
                return OTHERWISE, f"{name} has no opinion"
            other = bool(np.float32(off) > model.uncertainty)
            compared = "more than" if other else "within"
            return int(other), f"{name} is sure to ±{off:.2f} stars, {compared} {model.uncertainty:.2f}"
        other = bool(self._other_at(query, np.zeros(1, np.int64), np.array([item], np.int64))[0])
        if model.rule == "no-opinion":
            about = " of any movie that may be listed" if self._by_list else ""
            return int(other), f"{name} has {'no' if other else 'an'} opinion{about}"
        who, count = (
            ("person", query.history.nnz) if model.rule == "person-ratings" else ("movie", self.movie_ratings[item])
        )
        compared = "fewer than" if other else "at least"
        return int(other), f"the {who} has {count} rating{'' if count == 1 else 's'}, {compared} {model.threshold}"
