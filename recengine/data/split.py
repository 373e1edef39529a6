"""Training and test data."""

from __future__ import annotations

from dataclasses import dataclass

from recengine.data.dataset import Dataset, Interactions


@dataclass(frozen=True, eq=False)
class Split:
    """Training data and the ratings held back, over the same vocabularies.

    `name` as the command line takes it ("u1", "random", …), `protocol` in one sentence, `warning` where it leaks the future.
    """

    name: str
    train: Dataset
    test: Interactions
    protocol: str
    seed: int
    warning: str | None = None
