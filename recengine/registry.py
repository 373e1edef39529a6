"""The models there are, by name. Nothing is imported until a model is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from recengine.errors import ModelError
from recengine.model import Recommender

MODELS = {
    "random": "recengine.models.baseline:Random",
    "popularity": "recengine.models.baseline:Popularity",
    "global-mean": "recengine.models.baseline:GlobalMean",
    "bias": "recengine.models.baseline:Bias",
    "user-knn": "recengine.models.neighbors:UserKNN",
    "item-knn": "recengine.models.neighbors:ItemKNN",
    "ease": "recengine.models.linear:Ease",
    "slim": "recengine.models.linear:Slim",
    "rp3beta": "recengine.models.graph:RP3Beta",
    "content": "recengine.models.content:Content",
    "content-tree": "recengine.models.tree:ContentTree",
    "funk-svd": "recengine.models.funk:FunkSVD",
    "svdpp": "recengine.models.svdpp:SVDpp",
    "bayes-fm": "recengine.models.bayes:BayesFM",
    "bpr": "recengine.models.bpr:BPR",
    "pure-svd": "recengine.models.svd:PureSVD",
    "als": "recengine.models.als:ALS",
    "ials": "recengine.models.als:IALS",
    "nmf": "recengine.models.nmf:NMF",
}


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter, as a slider, a command-line option or a JSON field needs it.

    `kind` is "int", "float", "bool" or "choice"; `low` and `high` are inclusive bounds or None.
    """

    name: str
    kind: Literal["int", "float", "bool", "choice"]
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    help: str


def names() -> list[str]:
    """Every model's name, in the order of the registry."""
    return list(MODELS)


def model_class(name: str) -> type[Recommender]:
    """The class behind a name; an unknown one raises `ModelError` that offers the nearest."""
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(MODELS)}."
        raise ModelError(f"There is no model {name!r}: {hint}")
    module, _, attribute = MODELS[name].partition(":")
    found: type[Recommender] = getattr(import_module(module), attribute)
    return found


def create(name: str, parameters: Mapping[str, Any] | None = None) -> Recommender:
    """A model with the given hyperparameters; text values are read as the field's type.

    Raises `ModelError` with one sentence for an unknown parameter or a value out of bounds.
    """
    kind = model_class(name)
    try:
        return kind(**(parameters or {}))
    except ValidationError as error:
        raise ModelError(_sentence(name, kind, error)) from None


def from_spec(spec: Mapping[str, Any]) -> Recommender:
    """The model that `Recommender.spec` described."""
    if "model" not in spec:
        raise ModelError('A model specification needs a field "model" with the model\'s name.')
    return create(str(spec["model"]), {key: value for key, value in spec.items() if key != "model"})


def parameters(kind: type[Recommender]) -> list[Parameter]:
    """The hyperparameters of a model, in the order of its fields."""
    return [_parameter(name, info) for name, info in kind.model_fields.items()]


def summary(kind: type[Recommender]) -> str:
    """The first line of a model's docstring."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def _parameter(name: str, info: FieldInfo) -> Parameter:
    annotation, bound = info.annotation, {}
    for constraint in info.metadata:
        for side in ("ge", "gt", "le", "lt"):
            if getattr(constraint, side, None) is not None:
                bound[side] = float(getattr(constraint, side))
    choices = tuple(str(choice) for choice in get_args(annotation)) if get_origin(annotation) is Literal else ()
    kind: Literal["int", "float", "bool", "choice"]
    kind = "choice" if choices else "bool" if annotation is bool else "int" if annotation is int else "float"
    low, high = bound.get("ge", bound.get("gt")), bound.get("le", bound.get("lt"))
    return Parameter(name, kind, info.default, low, high, choices, info.description or "")


def _sentence(name: str, kind: type[Recommender], error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    known = {parameter.name: parameter for parameter in parameters(kind)}
    if field not in known:
        if not known:
            return f"{name} has no parameters, so {field!r} cannot be set."
        return f"{name} has no parameter {field!r}: it takes {', '.join(known)}."
    wanted, given = known[field], first["input"]
    if wanted.choices:
        return f"{field}={given} is not possible for {name}: choose one of {', '.join(wanted.choices)}."
    noun = {"int": "a whole number", "float": "a number", "bool": "true or false"}.get(wanted.kind, "a value")
    if wanted.low is not None and wanted.high is not None:
        noun += f" from {wanted.low:g} to {wanted.high:g}"
    return f"{field}={given} is not possible for {name}: give {noun}."
