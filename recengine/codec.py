"""Values as JSON beside `.npy` files, and back: what an artifact is made of.

Plain values, containers, arrays, sparse matrices, tables, models (as their specification) and this package's own
dataclasses. Nothing is pickled, so reading runs no code but the constructors of those dataclasses. A part that is kept
as an artifact of its own, such as a model that a hybrid is made of, is not written again but named by its key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine import registry
from recengine.data.dataset import freeze, freeze_csr
from recengine.model import Recommender


def encode(value: Any, folder: Path, key_of: Callable[[Any], str | None]) -> Any:
    """A value as JSON, its arrays written to `folder`. `key_of`: of a part that is an artifact itself, else None."""

    def inner(part: Any) -> Any:
        key = key_of(part)
        return encode(part, folder, key_of) if key is None else {"$artifact": key}

    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        name = f"{len(list(folder.glob('*.npy')))}.npy"
        np.save(folder / name, value, allow_pickle=False)
        return {"$array": name}
    if isinstance(value, sp.csr_matrix):
        parts = [inner(part) for part in (value.data, value.indices, value.indptr)]
        return {"$csr": parts, "shape": list(value.shape)}
    if isinstance(value, pd.DataFrame):
        columns = {str(name): inner(_plain(value[name])) for name in value.columns}
        return {"$table": columns}
    if isinstance(value, (tuple, list)):
        return {"$" + type(value).__name__: [inner(part) for part in value]}
    if isinstance(value, dict):
        return {"$dict": [[key, inner(part)] for key, part in value.items()]}
    if isinstance(value, Recommender):
        return {"$model": value.spec()}
    if dataclasses.is_dataclass(value):
        kind = type(value)
        fields = {f.name: inner(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"$type": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(f"an artifact cannot hold a {type(value).__name__}")


def _plain(column: pd.Series[Any]) -> NDArray[Any]:
    return column.to_numpy() if column.dtype.kind in "biuf" else column.to_numpy(dtype=np.str_)


def decode(told: Any, folder: Path, artifact: Callable[[str], Any]) -> Any:
    """What `encode` wrote. `artifact`: the value kept under a key."""
    if not isinstance(told, dict):
        return told

    def inner(part: Any) -> Any:
        return decode(part, folder, artifact)

    match next(iter(told)):
        case "$array":
            # asarray drops the memmap subclass, which compiled kernels would take for another type.
            return freeze(np.asarray(np.load(folder / told["$array"], mmap_mode="r", allow_pickle=False)))
        case "$csr":
            return freeze_csr(sp.csr_matrix(tuple(map(inner, told["$csr"])), told["shape"], copy=False))
        case "$table":
            return pd.DataFrame({name: inner(column) for name, column in told["$table"].items()})
        case "$tuple":
            return tuple(map(inner, told["$tuple"]))
        case "$list":
            return list(map(inner, told["$list"]))
        case "$dict":
            return {key: inner(part) for key, part in told["$dict"]}
        case "$model":
            return registry.from_spec(told["$model"])
        case "$artifact":
            return artifact(told["$artifact"])
        case "$type":
            return _dataclass(told["$type"])(**{k: inner(v) for k, v in told["fields"].items()})
    raise ValueError(f"unknown entry {next(iter(told))!r}")


def _dataclass(name: str) -> type[Any]:
    """The dataclass of that name, from this package alone: a stored name must not import anything else."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute) if module.split(".")[0] == "recengine" else None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name!r} is no part of an artifact")
    return found
