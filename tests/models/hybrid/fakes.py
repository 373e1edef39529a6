"""Children that say what they are told: what the tests of hybrids are made of."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recengine.data.dataset import freeze
from recengine.explain import Explanation
from recengine.model import Context, Fitted, Recommender, Traits


class Says(Recommender):
    """A child that says the same to everyone; None where it has no opinion, and 3 stands in."""

    name: ClassVar[str] = "says"
    title: ClassVar[str] = "Says"
    family: ClassVar[str] = "baselines"
    scores: tuple[float | None, ...]

    @property
    def traits(self):
        return Traits(ratings=True, personal=False)

    def fit(self, train, context=Context()):
        return FittedSays(model=self, scale=train.scale, said=freeze(np.array(self.scores, np.float32)))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSays(Fitted):
    said: np.ndarray

    def score(self, query):
        return np.tile(self.said, (len(query), 1))

    def score_cells(self, query, row, item):
        return self.said[item]

    def fallback(self, query):
        return np.full((len(query), len(self.said)), 3.0, np.float32)

    def explain(self, query, item):
        value = float(self.said[item])
        if np.isnan(value):
            return Explanation(3.0, 3.0, "three", (), exact=True, fallback="it knows nothing of it; 3 stands in")
        return Explanation(value, value, "so it says", (), exact=True)
