"""Ratings to be guessed, each from its person's other ratings: what the biases are without it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recengine.data.dataset import Float32, Int64, Query
from recengine.models.baseline import Biases
from recengine.models.similarity import rows_of


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings in order of the person, measured from the biases and in a network's `unit` of stars.

    `person`, `item`: int64 `(m,)`. `deviation`: (r − μ − b_i) / unit; `generosity`: b_u / unit as if this one rating
    had never been given; float32 `(m,)`. `generous`: b_u / unit of each person, float32 `(n_users,)`.
    """

    person: Int64
    item: Int64
    deviation: Float32
    generosity: Float32
    generous: Float32
    unit: float

    @classmethod
    def of(cls, query: Query, biases: Biases, unit: float) -> Ratings:
        """The ratings of some people, each to be guessed from the person's others."""
        history, person = query.history, rows_of(query.history)
        # In float64, so that networks see the same bits wherever the scale begins.
        rest = (history.data.astype(np.float64) - biases.mean - biases.item[history.indices]) / unit
        total, n = np.bincount(person, rest, len(query)), np.diff(history.indptr) + biases.user_damping
        generous, generosity = total / np.maximum(n, 1e-9), (total[person] - rest) / np.maximum(n[person] - 1, 1e-9)
        return cls(
            person.astype(np.int64), history.indices.astype(np.int64), rest.astype(np.float32),
            generosity.astype(np.float32), generous.astype(np.float32), unit,
        )  # fmt: skip

    @property
    def target(self) -> Float32:
        """What the baseline, without this rating, leaves of it."""
        return self.deviation - self.generosity

    def held(self, query: Query, biases: Biases) -> Ratings:
        """Other ratings of the same people, each to be guessed from all of these."""
        other = Ratings.of(query, biases, self.unit)
        return replace(other, generosity=self.generous[other.person], generous=self.generous)

    @property
    def own(self) -> Float32:
        """How far above the biases, the person's included, each rating is."""
        return self.deviation - self.generous[self.person]
