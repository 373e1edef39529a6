"""Two weighted hybrids whose children were chosen: `Blend` predicts ratings, `BlendTop` ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field, model_validator

from recengine.data.dataset import Dataset
from recengine.errors import ModelError
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.als import IALS
from recengine.models.baseline import Bias
from recengine.models.bayes import BayesFM
from recengine.models.bpr import BPR
from recengine.models.demographic import Demographic
from recengine.models.funk import FunkSVD
from recengine.models.hybrid import children
from recengine.models.hybrid.weighted import Weighted
from recengine.models.kernel import InfiniteAE
from recengine.models.linear import Ease, Slim
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.models.svdpp import SVDpp
from recengine.models.tree import ContentTree
from recengine.registry import Children


class Blend(Recommender):
    """The best guess at a rating: what eight different models predict, weighed by what they are worth together.

    `Weighted` with learned weights: r̂_ui = b + Σ_c w_c r̂_c(u, i), b and w by ridge regression on the children's
    out-of-fold predictions inside the training data. Weights may be negative: a child that errs like another corrects
    it. Two factorization machines, ratings as ordered levels and as numbers, carry it; four short chains each are
    better than a long one. Somebody unknown and a movie nobody rated are answered by what the children make of them.
    Cost: `folds` + 1 fits of every child.
    Source: Breiman, "Stacked Regressions" (Machine Learning 1996); Töscher, Jahrer and Bell, "The BigChaos Solution to
    the Netflix Grand Prize" (2009), section on blending. Differs from the paper: the ridge pulls towards equal weights.
    """

    name: ClassVar[str] = "blend"
    title: ClassVar[str] = "Blend for ratings"
    family: ClassVar[Family] = "hybrids"

    children: Children = Field(
        (
            BayesFM(target="ordinal", iterations=300, chains=4),
            BayesFM(iterations=150, chains=4),
            SVDpp(),
            ContentTree(),
            FunkSVD(),
            ItemKNN(),
            UserKNN(),
            Bias(),
        ),
        min_length=2,
        max_length=12,
        description="The models whose predictions are blended",
    )
    folds: int = Field(3, ge=2, le=20, description="Parts the training data are cut into for learning the weights")
    regularization: float = Field(
        1.0, ge=0, le=1e6, description="Ratings' worth of pull of the weights towards equal ones"
    )

    @model_validator(mode="after")
    def _predict_ratings(self) -> Self:
        for child in self.children:
            if not child.traits.ratings:
                raise ModelError(f"{child.name} predicts no ratings, so it cannot be blended: choose another model.")
        return self

    @property
    def traits(self) -> Traits:
        """It predicts ratings, and its weights are learned."""
        return children.traits(self.children, ratings=True, kept=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the children, and learn their weights."""
        same = Weighted(children=self.children, learned=True, folds=self.folds, regularization=self.regularization)
        return replace(same.fit(train, context), model=self)


class BlendTop(Recommender):
    """The best list we know: six models that rank, each by where it puts a movie, all weighing the same.

    `Weighted` with calibration=log-rank: score_ui = (1/C) Σ_c ln((10 + n) / (10 + place_c(u, i))) over the n movies
    that the person has not rated. Equal weights did better in validation than learned ones. Where `demographic` knows
    nothing of a person, it puts all movies alike. An unknown person gets what the children make of them.
    Cost: a fit of every child.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.1; Cormack, Clarke and Büttcher, "Reciprocal
    Rank Fusion" (SIGIR 2009). Differs from the paper: the logarithm of the place in the stead of its reciprocal.
    """

    name: ClassVar[str] = "blend-top"
    title: ClassVar[str] = "Blend for lists"
    family: ClassVar[Family] = "hybrids"

    children: Children = Field(
        (Ease(regularization=400, dropout=0.6), Slim(), IALS(), InfiniteAE(), BPR(), Demographic(score="lift")),
        min_length=2,
        max_length=12,
        description="The models whose lists are blended",
    )

    @property
    def traits(self) -> Traits:
        """It ranks, and learns nothing beyond its children."""
        return children.traits(self.children, ratings=False, kept=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the children."""
        return replace(Weighted(children=self.children, calibration="log-rank").fit(train, context), model=self)
