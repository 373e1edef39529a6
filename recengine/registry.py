"""The models there are, by name. Nothing is imported until a model is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError
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
    "infinite-ae": "recengine.models.kernel:InfiniteAE",
    "content": "recengine.models.content:Content",
    "content-tree": "recengine.models.tree:ContentTree",
    "demographic": "recengine.models.demographic:Demographic",
    "funk-svd": "recengine.models.funk:FunkSVD",
    "svdpp": "recengine.models.svdpp:SVDpp",
    "bayes-fm": "recengine.models.bayes:BayesFM",
    "bpr": "recengine.models.bpr:BPR",
    "pure-svd": "recengine.models.svd:PureSVD",
    "als": "recengine.models.als:ALS",
    "ials": "recengine.models.als:IALS",
    "nmf": "recengine.models.nmf:NMF",
    "autorec": "recengine.models.autorec:AutoRec",
    "multvae": "recengine.models.multvae:MultVAE",
    "dnn": "recengine.models.dense:WideDeep",
    "neumf": "recengine.models.dense:NeuMF",
    "caser": "recengine.models.sequential:Caser",
    "gru4rec": "recengine.models.sequential:GRU4Rec",
    "sasrec": "recengine.models.sequential:SASRec",
    "weighted": "recengine.models.hybrid.weighted:Weighted",
    "switching": "recengine.models.hybrid.switching:Switching",
    "mixed": "recengine.models.hybrid.mixed:Mixed",
    "feature-combination": "recengine.models.hybrid.combination:FeatureCombination",
    "cascade": "recengine.models.hybrid.cascade:Cascade",
    "feature-augmentation": "recengine.models.hybrid.augmentation:FeatureAugmentation",
    "meta-level": "recengine.models.hybrid.meta:MetaLevel",
    "blend": "recengine.models.hybrid.blend:Blend",
    "blend-top": "recengine.models.hybrid.blend:BlendTop",
}


MOST = 10.0  # in size, of each of several numbers
DEEPEST = 8  # models within models

Kind = Literal["int", "float", "bool", "choice", "numbers", "model", "models"]


NOUNS: dict[Kind, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "choice": "one of its choices",
    "numbers": "numbers, with commas between them,",
    "model": "a model, such as item-knn(k=60)",
    "models": "models, with commas between them, such as item-knn(k=60), ease",
}


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter, as a slider, a command-line option or a JSON field needs it.

    `kind`: "model" and "models" are what a hybrid is made of, "numbers" a tuple of floats. `low` and `high` are
    inclusive bounds, for "numbers" of each, or None.
    """

    name: str
    kind: Kind
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


def parse(text: str) -> Recommender:
    """The model that a label names, such as "weighted(children=[item-knn(k=60), ease], weights=[0.3, 0.7])".

    Raises `ModelError` with one sentence for text that is no such label.
    """
    text = " ".join(text.split())
    name, bracket, rest = text.partition("(")
    if not bracket:
        return create(name.strip())
    pairs = split_list(rest[:-1]) if rest.endswith(")") else [""]
    if not all("=" in pair for pair in pairs):
        raise ModelError(
            f"{text!r} is no model: write it as name(parameter=value, …), such as item-knn(k=60), with square "
            "brackets around several values."
        )
    given = (pair.partition("=") for pair in pairs)
    return create(name.strip(), {key.strip(): value.strip() for key, _, value in given})


def split_list(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket; brackets around the whole are left out.

    >>> split_list("[item-knn(k=60, damping=1), ease]"), split_list("0.3, 0.7"), split_list("")
    (['item-knn(k=60, damping=1)', 'ease'], ['0.3', '0.7'], [])
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts] if text.strip() else []


def children(model: Recommender) -> tuple[Recommender, ...]:
    """The models that a model is made of, in the order of its fields; none where it is no hybrid."""
    found: list[Recommender] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        found += [part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, Recommender)]
    return tuple(found)


_depth: ContextVar[int] = ContextVar("depth", default=0)  # of the model that is being read within others


def _child(given: Any) -> Any:
    """A model from itself, its specification or its label."""
    if not isinstance(given, (Mapping, str)):
        return given
    outside = _depth.set(_depth.get() + 1)
    try:
        if _depth.get() > DEEPEST:
            raise ModelError(f"Models stand in models more than {DEEPEST} deep: nest them less.")
        return parse(given) if isinstance(given, str) else from_spec(given)
    finally:
        _depth.reset(outside)


def _listed(given: Any) -> Any:
    return tuple(split_list(given)) if isinstance(given, str) else given


Child = Annotated[Recommender, BeforeValidator(_child), PlainSerializer(Recommender.spec)]
"""A field that holds a model; JSON has its specification, text its label."""
Children = Annotated[tuple[Child, ...], BeforeValidator(_listed)]
"""A field that holds several models; text separates their labels by commas."""
Number = Annotated[float, Field(ge=-MOST, le=MOST)]
Numbers = Annotated[tuple[Number, ...], BeforeValidator(_listed)]
"""A field that holds several numbers; text separates them by commas."""


def parameters(kind: type[Recommender]) -> list[Parameter]:
    """The hyperparameters of a model, in the order of its fields."""
    return [_parameter(name, info) for name, info in kind.model_fields.items()]


def summary(kind: type[Recommender]) -> str:
    """The first line of a model's docstring."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def _parameter(name: str, info: FieldInfo) -> Parameter:
    annotation, bound = info.annotation, {}
    choices = tuple(str(choice) for choice in get_args(annotation)) if get_origin(annotation) is Literal else ()
    for constraint in info.metadata:
        for side in ("ge", "gt", "le", "lt"):
            if getattr(constraint, side, None) is not None:
                bound[side] = float(getattr(constraint, side))
    low, high = bound.get("ge", bound.get("gt")), bound.get("le", bound.get("lt"))
    kind = _kind(annotation)
    if kind == "numbers":
        low, high = -MOST, MOST
    return Parameter(name, kind, info.default, low, high, choices, info.description or "")


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is tuple:
        return "numbers" if get_args(annotation)[0] == Number else "models"
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float"}
    return kinds.get(annotation, "model")


def _sentence(name: str, kind: type[Recommender], error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    known = {parameter.name: parameter for parameter in parameters(kind)}
    if field not in known:
        if not known:
            return f"{name} has no parameters, so {field!r} cannot be set."
        return f"{name} has no parameter {field!r}: it takes {', '.join(known)}."
    wanted, given = known[field], first["input"]
    if first["type"] in ("too_short", "too_long"):
        bound = first["ctx"].get("min_length") or first["ctx"]["max_length"]
        side = "at least" if first["type"] == "too_short" else "at most"
        return f"{name} is not made of {len(given)} models: give {side} {bound}."
    if wanted.choices:
        return f"{field}={given} is not possible for {name}: choose one of {', '.join(wanted.choices)}."
    noun = NOUNS[wanted.kind]
    if wanted.low is not None and wanted.high is not None:
        noun += f" from {wanted.low:g} to {wanted.high:g}"
    return f"{field}={given} is not possible for {name}: give {noun}."
