"""What all hybrids do with the models they are made of: fit them, tell their traits, quote what they say."""

from __future__ import annotations

from collections.abc import Sequence

from recengine.data.dataset import Dataset, Query
from recengine.explain import Part
from recengine.model import Context, Fitted, Recommender, Traits, as_text


def fit_all(children: Sequence[Recommender], train: Dataset, context: Context) -> tuple[Fitted, ...]:
    """Every child fitted to the same data, from where `context` keeps it if it is there; equal shares of progress."""
    width = 1 / len(children)
    return tuple(
        context.part(place * width, width, f"{name}: ").fit(child, train)
        for place, (child, name) in enumerate(zip(children, names(children), strict=True))
    )


def traits(children: Sequence[Recommender], *, ratings: bool, kept: bool, exact: bool = True) -> Traits:
    """What a hybrid can do, from what its children can; `exact`: whether it splits its own score exactly."""
    told = [child.traits for child in children]
    return Traits(
        ratings=ratings,
        personal=any(child.personal for child in told),
        visitors=any(child.visitors for child in told),  # a child that cannot answer leaves it to the others
        exact=exact,
        time=any(child.time for child in told),
        features=any(child.features for child in told),
        sequence=any(child.sequence for child in told),
        day=any(child.day for child in told),
        kept=kept,
    )


def names(children: Sequence[Recommender]) -> tuple[str, ...]:
    """The children's titles; where several have one title, with the hyperparameters in which those differ."""
    found = []
    for child in children:
        same = [other for other in children if type(other) is type(child)]
        told = [
            f"{name}={as_text(getattr(child, name))}"
            for name in type(child).model_fields
            if any(getattr(other, name) != getattr(child, name) for other in same)
        ]
        found.append(f"{child.title} ({', '.join(told)})" if told else child.title)
    return tuple(found)


def notes(fitted: Sequence[Fitted], own: Sequence[str] = ()) -> tuple[str, ...]:
    """What must be known of a hybrid: its own notes, then its children's, each once."""
    return tuple(dict.fromkeys((*own, *(note for child in fitted for note in child.notes))))


def part(children: Sequence[Fitted], place: int, query: Query, item: int, weight: float) -> Part:
    """One child's part of the explanation of `item` for the first query, with what the child itself says."""
    name = names([child.model for child in children])[place]
    return Part("model", weight, place, name, told=children[place].explain(query, item))
