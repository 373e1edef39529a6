"""What the lab is asked and what it answers: frozen, plain values that print, compare and turn into JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from recengine.explain import Kind
from recengine.model import Family, Traits
from recengine.registry import Parameter


@dataclass(frozen=True)
class StoredPerson:
    """Someone in the data, by external id (text that spells a number finds a numeric id)."""

    id: Any


@dataclass(frozen=True)
class Visitor:
    """Someone who is not in the data: movie ids or titles with a rating each, oldest first."""

    ratings: tuple[tuple[Any, float], ...]


Who = StoredPerson | Visitor


@dataclass(frozen=True)
class Filters:
    """Which movies may be recommended. An empty `genres` means any; years are inclusive."""

    genres: tuple[str, ...] = ()
    from_year: int | None = None
    to_year: int | None = None
    min_ratings: int = 0


@dataclass(frozen=True)
class ModelInfo:
    """A model as a picker needs it. `ranking`: parameters under which it ranks well, where the defaults do not."""

    name: str
    title: str
    family: Family
    summary: str
    parameters: tuple[Parameter, ...]
    traits: Traits
    ranking: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Reason:
    """One part of an explanation: `what` carried it, and the `weight` it adds to the score.

    `id` is the movie's or person's id, None for an effect; `similarity` and `rating` are the neighbor's. Where a model
    that a hybrid is made of carried it: `score` is that model's own, in its own unit, `why` are its reasons, `line` is
    the same in one clause ("because of Heat ★5"), and `fallback` says why it had no opinion, None where it had one.
    `attention`: the share of a network's attention that the movie has, from 0 to 1, whatever comes of it.
    """

    kind: Kind
    what: str
    weight: float
    id: Any = None
    similarity: float | None = None
    rating: float | None = None
    score: float | None = None
    why: tuple[Reason, ...] = ()
    line: str = ""
    fallback: str | None = None
    attention: float | None = None


@dataclass(frozen=True)
class Recommended:
    """One row of a ranked list.

    `score` is the model's own number; `stars` the same within the rating scale, None where the model does not
    predict ratings. `ratings` counts the people who rated the movie, `share` is their share of all people.
    `fallback` is None, or says why the model had no opinion and what stands in. `deviation`: one standard deviation
    of what they may think of it, in the score's unit, None where the model does not know. `method`: as of a `Why`.
    """

    rank: int
    item_id: Any
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float
    stars: float | None
    ratings: int
    share: float
    reason: str
    why: tuple[Reason, ...] = ()
    fallback: str | None = None
    deviation: float | None = None
    method: str = ""


@dataclass(frozen=True)
class Recommendations:
    """A ranked list, with the model and the person it is for (None for a visitor).

    `notes`: sentences that whoever reads the list must know, such as what the model could not learn.
    """

    model: dict[str, Any]
    user: Any
    items: tuple[Recommended, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counterfactual:
    """Without the rating of `title`, the movie would move from rank `before` to rank `after`."""

    item_id: Any
    title: str
    rating: float
    before: int
    after: int


@dataclass(frozen=True)
class Why:
    """A full explanation: the score is `base` (named) plus the parts' weights when `exact`.

    `deviation`: one standard deviation of what they may think of it, in the score's unit, None where not known.
    `notes`: sentences that whoever reads it must know, such as what the model could not learn.
    `method`: a whole sentence that says what the weights are, where they are no terms of a sum; "" where they are.
    `looked_at`: those of the parts that have a share of a network's attention, in the order watched, oldest first.
    """

    item_id: Any
    title: str
    score: float
    stars: float | None
    base: float
    base_name: str
    parts: tuple[Reason, ...]
    exact: bool
    fallback: str | None
    without: Counterfactual | None = None
    deviation: float | None = None
    notes: tuple[str, ...] = ()
    method: str = ""
    looked_at: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class GivenBack:
    """A movie that someone rated, and the rating that a network which was given it gives back, within the scale."""

    item_id: Any
    title: str
    rating: float
    given_back: float


@dataclass(frozen=True)
class Found:
    """A movie that a search or a listing found."""

    item_id: Any
    title: str
    year: int | None
    genres: tuple[str, ...]
    ratings: int


@dataclass(frozen=True)
class Similar:
    """A movie close to another: `similarity` by the measure asked for, over `common` people."""

    rank: int
    item_id: Any
    title: str
    year: int | None
    genres: tuple[str, ...]
    similarity: float
    common: int
    ratings: int


@dataclass(frozen=True)
class Predicted:
    """A predicted rating, its standard deviation where known, and what stood in where the model had no opinion.

    `notes`: sentences that whoever reads it must know, such as what the model could not learn.
    """

    model: dict[str, Any]
    user: Any
    item_id: Any
    title: str
    stars: float
    fallback: str | None
    deviation: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """What the data offer a page's filters: genres by number of movies, first and last year, rating scale."""

    genres: tuple[str, ...]
    years: tuple[int, int] | None
    scale: tuple[float, float] | None
    n_people: int
    n_movies: int
    n_ratings: int
    fingerprint: str
    about: str = field(default="")


@dataclass(frozen=True)
class Curve:
    """What a child's share of a hybrid's weights is worth: `worth` at each of `shares`, and the share it has `now`."""

    now: float
    shares: tuple[float, ...]
    worth: tuple[float, ...]


@dataclass(frozen=True)
class Weighing:
    """What a hybrid's weights are worth on training ratings that its children were not fitted to.

    `metric`: its name, and whether more of it is better; `worth`: for the weights as they are; `curves`: one a child,
    none for one child alone. `n_people`, `n_ratings`: on which it rests.
    """

    metric: str
    higher_is_better: bool
    worth: float
    n_people: int
    n_ratings: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Voice:
    """A model that a hybrid is made of: its `name` in the registry, its `title` among the others, its label.

    `stars`: whether its scores are predicted ratings.
    """

    name: str
    title: str
    label: str
    stars: bool


@dataclass(frozen=True)
class Said:
    """What one model by itself makes of a movie: its place in that model's own list, None where it is not in it.

    `opinion`: whether the model has one; where not, place and score are its fallback's. `adds`: what it adds to the
    hybrid's score, None where the hybrid's score is not made of what this model says.
    """

    place: int | None
    score: float
    stars: float | None
    opinion: bool
    adds: float | None


@dataclass(frozen=True)
class Row:
    """A movie in a hybrid's list, or in that of a model it is made of: `said` has one entry for each of those.

    `place`: in the hybrid's list. `reason`, `fallback`: as of a `Recommended`, where weighted names models and does not
    quote them; "" and None for a movie that is not among the first of the hybrid's list.
    """

    movie: Found
    place: int | None
    score: float
    stars: float | None
    reason: str
    fallback: str | None
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Workbench:
    """A hybrid taken apart: its list, the lists of the models it is made of, and why one movie stands where it stands.

    `rows`: the hybrid's list, best first; `beside`: movies that are only in a model's. `weights`: those that it adds
    scores up by, one a model, empty where it does not. `n_rated`: ratings of the person that it rests on.
    `notes`: sentences that whoever reads it must know, such as what the hybrid could not learn.
    `asked`: the movie asked about where it is not in `rows`; without a place where the person knows it already.
    `barred`: whether the filters keep it out; its row and `why` are those it would have if they let it through.
    """

    model: dict[str, Any]
    label: str
    voices: tuple[Voice, ...]
    rows: tuple[Row, ...]
    beside: tuple[Row, ...]
    why: Why | None
    weights: tuple[float, ...]
    n_rated: int
    notes: tuple[str, ...] = ()
    asked: Row | None = None
    barred: bool = False


@dataclass(frozen=True)
class Learning:
    """How a network learns or has learned, a value an epoch.

    `metric`: what `validation` is, on what was held back within the training data; None where nothing was. `loss`: mean
    over the training examples. `seconds`: from the start to the end of each epoch. `most`: epochs at most. `best`: the
    epoch, from 1, with the best validation, whose weights are kept; None while there is none.
    """

    metric: str
    higher_is_better: bool
    loss: tuple[float, ...]
    validation: tuple[float | None, ...]
    seconds: tuple[float, ...]
    most: int
    best: int | None


JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Task:
    """What a job does: fit a model, whose specification, title and label these are, to data under a seed."""

    data: str
    model: dict[str, Any]
    title: str
    label: str
    seed: int


@dataclass(frozen=True)
class Job:
    """Long work as it stands. `key`: that of the artifact it makes.

    `ahead`: jobs that come before it while it is queued. `fraction`: of the work, 0 to 1. `seconds`: that it has run.
    `left`: seconds that it will, None while too little is known; `at_most`: whether it may end sooner by itself.
    `stopping`: it is cancelled, and about to stop. `error`: one sentence, where it failed. `learning`: of the network
    that learns in it, None before its first epoch.
    """

    key: str
    task: Task
    state: JobState
    ahead: int
    fraction: float
    message: str
    seconds: float
    left: float | None
    at_most: bool
    stopping: bool
    error: str | None
    learning: Learning | None

    @property
    def active(self) -> bool:
        """Whether it is still to end."""
        return self.state in ("queued", "running")


@dataclass(frozen=True)
class Run:
    """A training in the store. `seconds`: that the fit took. `made`: when it ended, in Unix seconds."""

    key: str
    task: Task
    seconds: float
    made: float
    learning: Learning
