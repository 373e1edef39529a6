"""`Mixed`: the lists of several models merged into one, each movie credited to the model that placed it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int32, Int64, Query, freeze
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.content import Content
from recengine.models.hybrid import children
from recengine.models.linear import Ease
from recengine.rank import rank
from recengine.registry import Children

Int8 = NDArray[np.int8]


class Mixed(Recommender):
    """The lists of several models merged into one, each adding its best movie that is not yet in it.

    score_ui = 1 / place of movie i in the list merged for person u. A child's list holds the movies that u has not
    rated, that the query allows and that the child has an opinion on, best first. how=round-robin: in every round the
    children add a movie each, in their order. team-draft: a coin decides the order of every round; it is drawn from the
    seed and the same for everyone. A movie in several lists is merged once, by the child whose turn came first; a child
    at the end of its list adds nothing more.
    Every list is kept in its order, so no child's scores need be comparable to another's. A movie in no list has no
    place (NaN), and the first child's fallback stands in; an unknown person or movie gets what the children make of
    them.
    Cost: the children's; n_children · n_items · log n_items a query.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.3; Smyth and Cotter, "A Personalized TV Listings
    Service for the Digital TV Age" (2000); team draft: Radlinski, Kurup and Joachims, "How Does Clickthrough Data
    Reflect Retrieval Quality?" (CIKM 2008), algorithm 2.
    Differs from the paper: team draft takes more than two lists, a round's order being a random permutation, and draws
    once for everyone, so that equal histories get equal lists.
    """

    name: ClassVar[str] = "mixed"
    title: ClassVar[str] = "Mixed lists"
    family: ClassVar[Family] = "hybrids"

    children: Children = Field(
        (Ease(), Content()), min_length=2, max_length=6, description="The models whose lists are merged"
    )
    how: Literal["round-robin", "team-draft"] = Field(
        "round-robin", description="Whose turn it is: always in their order, or in the order of a coin every round"
    )

    @property
    def traits(self) -> Traits:
        """A place in a list is no rating."""
        return children.traits(self.children, ratings=False, kept=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Fit the children, and toss the coins."""
        require_interactions(train, self.name)
        fitted = children.fit_all(self.children, train, context)
        # A round adds a movie at least, so there are no more rounds than movies.
        turns = np.tile(np.arange(len(fitted), dtype=np.int8), (train.n_items, 1))
        if self.how == "team-draft":
            turns = np.random.default_rng(context.seed).permuted(turns, axis=1)
        context.step(1.0, "done")
        notes = children.notes(fitted)
        return FittedMixed(model=self, scale=train.scale, notes=notes, children=fitted, turns=freeze(turns))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMixed(Fitted):
    """`turns`: who adds a movie in each round, one after the other, int8 `(n_items, n_children)`."""

    children: tuple[Fitted, ...]
    turns: Int8

    def score(self, query: Query) -> Float32:
        """1 / place in the merged list; NaN for a movie that is in no list."""
        place, _ = self._merged([own_list(child, query) for child in self.children])
        return np.divide(1.0, place, out=np.full(place.shape, np.nan, np.float32), where=place > 0, casting="unsafe")

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells; a place is known only from the whole list."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def sources(self, query: Query) -> Int8:
        """Which child placed each movie, int8 `(b, n_items)`; −1 for a movie that is in no list."""
        return self._merged([own_list(child, query) for child in self.children])[1]

    def _merged(self, lists: list[Int32]) -> tuple[Int32, Int8]:
        """Place, from 1, and source of every movie, int32 and int8 `(b, n_items)`; 0 and −1 where it has none."""
        place, source = np.zeros(lists[0].shape, np.int32), np.full(lists[0].shape, -1, np.int8)
        turns = self.turns.ravel().tolist()
        for row in range(len(place)):
            item, child = draft([own[row][own[row] >= 0].tolist() for own in lists], turns)
            place[row, item], source[row, item] = np.arange(1, len(item) + 1), child
        return place, source

    def fallback(self, query: Query) -> Float32:
        """The first child's."""
        return self.children[0].fallback(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The child that placed the movie carries all of the score; the others say where they have it: exact."""
        query = query.rows(0, 1)
        lists = [own_list(child, query) for child in self.children]
        places, sources = self._merged(lists)
        place, source = int(places[0, item]), int(sources[0, item])
        score = float(np.float32(1 / place)) if place else 0.0
        parts = [
            self._part(query, item, child, own, score if child == source else 0.0) for child, own in enumerate(lists)
        ]
        parts.sort(key=lambda part: -part.weight)
        if place:
            return Explanation(score, 0.0, "a movie in no list", tuple(parts), exact=True)
        value, why = float(self.fallback(query)[0, item]), self._missing(query, item)
        return Explanation(value, value, "what stands in for its models", tuple(parts), exact=True, fallback=why)

    def _part(self, query: Query, item: int, child: int, own: Int32, weight: float) -> Part:
        """What a child says of the movie, its name with the movie's place in its own list."""
        part, found = children.part(self.children, child, query, item, weight), np.flatnonzero(own[0] == item)
        return replace(part, what=f"{part.what} ({f'place {found[0] + 1}' if len(found) else 'not in its list'})")

    def _missing(self, query: Query, item: int) -> str:
        """Why a movie is in no list."""
        if item in query.history.indices:
            return "a movie that was rated is in no list"
        if query.allowed is not None and not query.allowed[item]:
            return "the filters keep it out of every list"
        return f"none of its models has an opinion: {self.children[0].explain(query, item).fallback}"


def own_list(fitted: Fitted, query: Query) -> Int32:
    """What a model has an opinion on among what may be listed, best first, int32 `(b, n_items)`, padded with −1."""
    score = fitted.score(query)
    return rank(score, np.full_like(score, np.nan), query.history, score.shape[1], allowed=query.allowed).item


def draft(lists: Sequence[Sequence[int]], turns: Iterable[int]) -> tuple[list[int], list[int]]:
    """One list out of several: in turn, each adds its first item that is not in it yet. Items, and whose each is.

    >>> draft([[3, 1, 2], [3, 4, 1]], [0, 1, 0, 1, 0, 1])
    ([3, 4, 1, 2], [0, 1, 0, 0])
    """
    rest, wanted = [iter(own) for own in lists], len(set().union(*lists))
    taken: dict[int, int] = {}  # in the order of taking
    for child in turns:
        for item in rest[child]:
            if item not in taken:
                taken[item] = child
                break
        if len(taken) == wanted:
            break
    return list(taken), list(taken.values())
