"""Why a movie stands where it stands: a score split into a base and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["movie", "person", "effect", "model"]


@dataclass(frozen=True)
class Part:
    """One contribution to a score.

    `kind`: what carried it: a movie the person rated, another person, an effect such as "movie's bias", or a model that
    a hybrid is made of. `index`: position of that movie or person, or of that model among the hybrid's; −1 for an
    effect. `what`: the effect's name, the model's title, or what a neighbor and the person agree on; "" otherwise.
    `weight`: what it adds to the score, in the score's unit (stars, for rating models).
    `similarity`: of the neighbor, where there is one; `rating`: the stars behind it, None where stars play no part.
    `told`: what the model itself says of the item, in its own unit. `attention`: the share of a network's attention
    that the movie has, from 0 to 1, whatever comes of it.
    """

    kind: Kind
    weight: float
    index: int = -1
    what: str = ""
    similarity: float | None = None
    rating: float | None = None
    told: Explanation | None = None
    attention: float | None = None


@dataclass(frozen=True)
class Explanation:
    """A score, where it started (`base`, named by `base_name`) and its parts, strongest first.

    When `exact`, `base` plus the parts' weights is `score`. `fallback` is None, or one clause that says
    why the model had no opinion and what stands in its place. `deviation`: standard deviation of the predictive
    distribution, in the score's unit, where the model knows it. `method`: a whole sentence that says what the weights
    are, where they are no terms of a sum; "" where they are.
    """

    score: float
    base: float
    base_name: str
    parts: tuple[Part, ...]
    exact: bool
    fallback: str | None = None
    deviation: float | None = None
    method: str = ""
