"""Explanations in words: positions become titles, ids and sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from recengine.answers import Reason
from recengine.data.dataset import Dataset
from recengine.explain import Explanation, Part
from recengine.model import Fitted

_SLIGHT = 0.01  # of a score, what a reason must have moved to be named


def stars(fitted: Fitted, score: float) -> float | None:
    """A score as a rating within the scale; None where the model does not predict ratings."""
    if not fitted.model.traits.ratings or fitted.scale is None:
        return None
    return float(np.clip(score, *fitted.scale))


def reasons(dataset: Dataset, told: Explanation) -> tuple[Reason, ...]:
    """The parts of an explanation with ids and names in place of positions."""
    movies = [part.index for part in told.parts if part.kind == "movie"]
    titles = dict(zip(movies, dataset.movies["title"].iloc[movies].astype(str), strict=True))
    return tuple(_reason(dataset, part, titles) for part in told.parts)


def _reason(dataset: Dataset, part: Part, titles: Mapping[int, str]) -> Reason:
    if part.told is not None:
        return _quote(dataset, part, part.told)
    if part.kind == "movie":
        what, external = titles[part.index], dataset.items.id(part.index)
    elif part.kind == "person":
        external = dataset.users.id(part.index)
        what = f"person {external} ({part.what})" if part.what else f"person {external}"
    else:
        what, external = part.what, None
    return Reason(
        part.kind, what, part.weight, external, part.similarity, part.rating, attention=part.attention
    )  # fmt: skip


def _quote(dataset: Dataset, part: Part, told: Explanation) -> Reason:
    """A model that a hybrid is made of, with what it says itself."""
    why = reasons(dataset, told)
    line = clause(told, why, dataset.n_users, explicit=dataset.explicit)
    return Reason(
        part.kind, part.what, part.weight, score=told.score, why=why, line=line, fallback=told.fallback
    )  # fmt: skip


def one_line(explanation: Explanation, why: tuple[Reason, ...], n_people: int, *, explicit: bool) -> str:
    """The reason in one line, for a row of a list."""
    said = clause(explanation, why, n_people, explicit=explicit)
    return said[:1].upper() + said[1:]


def clause(explanation: Explanation, why: tuple[Reason, ...], n_people: int, *, explicit: bool) -> str:
    """The same as a clause, which may stand after a colon: "because of Heat ★5"."""
    if explanation.fallback:
        return explanation.fallback
    models = [reason for reason in why if reason.kind == "model"]
    if models:
        return _speaks(max(models, key=lambda reason: reason.weight))
    helped = [reason for reason in why if reason.weight > 0] or list(why)
    if explanation.method and _slight(explanation):
        return "because of all that was rated together, hardly of any one movie"
    if not helped:
        return explanation.base_name
    movies = [reason for reason in helped if reason.kind == "movie"]
    if movies:  # says more than an effect, however strong
        # Factor models may take a dislike for a reason too; in one line that reads as a mistake.
        best = max((reason.rating or 0.0 for reason in why), default=0.0)
        liked = [reason for reason in movies if reason.rating is None or reason.rating > best / 2]
        return "because of " + ", ".join(_rated(reason, explicit=explicit) for reason in (liked or movies)[:2])
    if helped[0].kind == "person":
        return _people([reason for reason in why if reason.kind == "person"], explicit=explicit)
    if len(why) == 1 and why[0].what == "people who rated it":
        return f"rated by {why[0].weight:.0f} of {n_people:,} people"
    strongest = [f"{reason.what} {reason.weight:+.2f}" for reason in why[:3] if abs(reason.weight) >= 0.005]
    return ", ".join(strongest).replace(" -", " −") or "nothing that weighs"


def _slight(explanation: Explanation) -> bool:
    """Whether no part that was found says anything of how far the score is from its base."""
    strongest = max((abs(part.weight) for part in explanation.parts), default=0.0)
    return strongest < _SLIGHT * abs(explanation.score - explanation.base)


def _people(people: Sequence[Reason], *, explicit: bool) -> str:
    """What similar people made of it; they alone, where what they are said to have given is no rating of theirs."""
    who = "1 similar person" if len(people) == 1 else f"{len(people)} similar people"
    rated = [person.rating for person in people if person.rating is not None]
    if not rated:
        return f"because of {who}"
    if not explicit:
        return f"{who} chose it"
    return f"{who} gave it {np.mean(rated):.1f}{' on average' if len(people) > 1 else ''}"


def _speaks(model: Reason) -> str:
    """What a model says, behind its name; of a hybrid in a hybrid, what the model inside it says, behind that name."""
    quotes = model.fallback is None and any(reason.kind == "model" for reason in model.why)
    return model.line if quotes else ": ".join(filter(None, [model.what, model.line]))


def short_title(title: str) -> str:
    """A title without what stands in brackets (year, other names), for a line that names several.

    >>> short_title("Raiders of the Lost Ark (Indiana Jones and the Raiders of the Lost Ark) (1981)")
    'Raiders of the Lost Ark'
    """
    return re.sub(r"\s*\([^()]*\)", "", title) or title


def _rated(reason: Reason, *, explicit: bool) -> str:
    starred = explicit and reason.rating is not None
    return f"{short_title(reason.what)} ★{reason.rating:g}" if starred else short_title(reason.what)
