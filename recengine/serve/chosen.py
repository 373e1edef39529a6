"""The models that a command line asks for: by name or label, by a file, and with parameters set one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from recengine.errors import ModelError
from recengine.lab import Lab
from recengine.model import Recommender

DEFAULT = "item-knn"
_AS = 'write {"model": "item-knn", "k": 60}, or save what a command printed with --json'


def model(lab: Lab, name: str | None, file: str | None, settings: Sequence[str]) -> Recommender:
    """The one model of a command, by name or label or by a file, `DEFAULT` where neither is given."""
    if name is not None and file is not None:
        raise ModelError("Say which model, with either --model or --model-json, and not with both.")
    names, files = ([DEFAULT if name is None else name], []) if file is None else ([], [file])
    return models(lab, names, files, settings)[0]


def models(lab: Lab, names: Sequence[str], files: Sequence[str], settings: Sequence[str]) -> list[Recommender]:
    """The models of a command, those of files last, with their parameters.

    A setting "k=60" is for each model that has k, "item-knn.k=60" for those of that name; it goes before what a label
    or file says.
    """
    found = [*(lab.model(name) for name in names), *(_of_file(lab, file) for file in files)]
    if not found:
        raise ModelError("Say which models: add --model NAME or --model-json FILE, once or several times.")
    given: list[dict[str, str]] = [{} for _ in found]
    called = list(dict.fromkeys(model.name for model in found))
    for setting in settings:
        key, equals, value = setting.partition("=")
        owner, _, parameter = key.strip().rpartition(".")
        if not equals or not parameter:
            raise ModelError(f"{setting!r} is no parameter: write it as NAME=VALUE, such as k=60.")
        if owner and owner not in called:
            raise ModelError(f"{setting!r} is for {owner}, which is not asked for: add --model {owner}.")
        own = [
            parameters
            for parameters, model in zip(given, found, strict=True)
            # A single model is left to say itself what it takes.
            if owner == model.name or (not owner and (len(found) == 1 or parameter in type(model).model_fields))
        ]
        if not own:
            raise ModelError(f"None of {', '.join(called)} has a parameter {parameter!r}: see recengine models.")
        for parameters in own:
            parameters[parameter] = value.strip()
    return [lab.model(model.spec(), parameters) for model, parameters in zip(found, given, strict=True)]


def _of_file(lab: Lab, file: str) -> Recommender:
    """The model whose specification a file holds, by itself or in the answer of a command."""
    try:
        told = json.loads(Path(file).read_bytes())
    except FileNotFoundError:
        raise ModelError(f"There is no file {file!r}: give the path of a file with a model as JSON.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file!r} cannot be read as JSON ({error}): {_AS}.") from None
    spec = told.get("spec", told) if isinstance(told, dict) else None
    if not isinstance(spec, dict) or "model" not in spec:
        raise ModelError(f"{file!r} holds no model: {_AS}.")
    try:
        return lab.model(spec)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
