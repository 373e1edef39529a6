"""What a fitted model says to a person, told with ids and titles: rows of a list, a full reason, a counterfactual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recengine import wording
from recengine.answers import Counterfactual, GivenBack, Reason, Recommended, Similar, Why
from recengine.data.dataset import Float32, Int32, Query
from recengine.explain import Explanation
from recengine.model import Fitted
from recengine.models.autorec import FittedAutoRec
from recengine.rank import Ranking, position
from recengine.shelf import Shelf

_REASONS = 3  # of a movie in a list, and of each model that speaks for it


def ranked(shelf: Shelf, fitted: Fitted, query: Query, ranking: Ranking) -> tuple[Recommended, ...]:
    """The first query's list, row by row, each with its strongest reasons."""
    rows = zip(ranking.item[0], ranking.score[0], strict=True)
    return tuple(
        _row(shelf, fitted, query, rank, int(item), float(score))
        for rank, (item, score) in enumerate(rows, start=1)
        if item >= 0
    )


def _row(shelf: Shelf, fitted: Fitted, query: Query, rank: int, item: int, score: float) -> Recommended:
    dataset, card, told = shelf.dataset, shelf.found(item), fitted.explain(query, item)
    reasons = wording.reasons(dataset, told)
    return Recommended(
        rank,
        card.item_id,
        card.title,
        card.year,
        card.genres,
        score,
        wording.stars(fitted, score),
        card.ratings,
        card.ratings / max(1, dataset.n_users),
        wording.one_line(told, reasons, dataset.n_users, explicit=dataset.explicit),
        _strongest(reasons),
        told.fallback,
        told.deviation,
        told.method,
    )


def _strongest(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """The first few reasons, and of each model among them its own first few."""
    return tuple(replace(reason, why=_strongest(reason.why)) for reason in reasons[:_REASONS])


def similar(shelf: Shelf, item: int, k: int, near: Int32, similarity: Float32) -> list[Similar]:
    """The first `k` movies near to one, row by row, with the number of people who rated both."""
    matrix = shelf.dataset.interactions.matrix.tocsc()
    raters = set(matrix[:, [item]].indices.tolist())
    rows = []
    for rank, (other, value) in enumerate(zip(near[:k], similarity[:k], strict=True), start=1):
        common, card = len(raters.intersection(matrix[:, [int(other)]].indices.tolist())), shelf.found(int(other))
        rows.append(Similar(rank, card.item_id, card.title, card.year, card.genres, float(value), common, card.ratings))
    return rows


def why(shelf: Shelf, fitted: Fitted, query: Query, item: int, *, without: bool = True) -> Why:
    """Why a movie gets its score from the first query, in full, and what it owes to the rating that helped it most.

    `without`: whether the latter is asked, which takes two more lists.
    """
    card, told = shelf.found(item), fitted.explain(query, item)
    reasons = wording.reasons(shelf.dataset, told)
    return Why(
        card.item_id,
        card.title,
        told.score,
        wording.stars(fitted, told.score),
        told.base,
        told.base_name,
        reasons,
        told.exact,
        told.fallback,
        _without(shelf, fitted, query, item, told) if without else None,
        told.deviation,
        fitted.notes,
        told.method,
        _looked_at(query, told, reasons),
    )


def _looked_at(query: Query, told: Explanation, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """The past movies that have a share of a network's attention, oldest first."""
    pairs = zip(told.parts, reasons, strict=True)
    seen = {part.index: reason for part, reason in pairs if part.attention is not None}
    return tuple(seen[item] for item in query.sequence[0].tolist() if item in seen)


def given_back(shelf: Shelf, fitted: FittedAutoRec, query: Query) -> tuple[GivenBack, ...]:
    """The first query's ratings beside what the network gives back, the largest differences first."""
    told = fitted.reconstruction(query)
    largest = np.argsort(-np.abs(told.rating - told.given_back), kind="stable")
    cards = [shelf.found(int(item)) for item in told.item[largest]]
    pairs = zip(cards, told.rating[largest], told.given_back[largest], strict=True)
    return tuple(GivenBack(card.item_id, card.title, float(rating), float(back)) for card, rating, back in pairs)


def _without(shelf: Shelf, fitted: Fitted, query: Query, item: int, told: Explanation) -> Counterfactual | None:
    """The fall in rank of `item` when the rated movie that helped it most had not been rated.

    None where no rated movie helped, and for a movie that was rated itself: it has no rank.
    """
    best, rated = _helped_most(told), query.history.indices
    if best not in rated or item in rated:
        return None
    # The movie taken out must not enter the list itself, or it could push others down.
    allowed = np.ones(shelf.dataset.n_items, np.bool_) if query.allowed is None else query.allowed.copy()
    allowed[[best, item]] = False, True
    query = query.among(allowed)
    before, after = (
        position(fitted.score(asked), fitted.fallback(asked), asked.history, item, allowed=allowed)
        for asked in (query, query.without(best))
    )
    card = shelf.found(best)
    return Counterfactual(card.item_id, card.title, float(query.history[0, best]), before, after)


def _helped_most(told: Explanation) -> int:
    """The position of the rated movie that helped most, in a hybrid that of the model that helped most; −1 for none."""
    for part in told.parts:
        if part.weight > 0:
            found = part.index if part.kind == "movie" else _helped_most(part.told) if part.told else -1
            if found >= 0:
                return found
    return -1
