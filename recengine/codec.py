"""Values as JSON beside `.npy` files, and back: what an artifact is made of.

Plain values, containers, arrays, sparse matrices, tables, models (as their specification) and this package's own
dataclasses. Nothing is pickled, so reading runs no code but the constructors of those dataclasses.
"""

from __future__ import annotations

import dataclasses
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


def encode(value: Any, folder: Path) -> Any:
    """A value as JSON, its arrays written to `folder`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        name = f"{len(list(folder.glob('*.npy')))}.npy"
        np.save(folder / name, value, allow_pickle=False)
        return {"$array": name}
    if isinstance(value, sp.csr_matrix):
        parts = [encode(part, folder) for part in (value.data, value.indices, value.indptr)]
        return {"$csr": parts, "shape": list(value.shape)}
    if isinstance(value, pd.DataFrame):
        columns = {str(name): encode(_plain(value[name]), folder) for name in value.columns}
        return {"$table": columns}
    if isinstance(value, (tuple, list)):
        return {"$" + type(value).__name__: [encode(part, folder) for part in value]}
    if isinstance(value, dict):
        return {"$dict": [[key, encode(part, folder)] for key, part in value.items()]}
    if isinstance(value, Recommender):
        return {"$model": value.spec()}
    if dataclasses.is_dataclass(value):
        kind = type(value)
        fields = {f.name: encode(getattr(value, f.name), folder) for f in dataclasses.fields(value)}
        return {"$type": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(f"an artifact cannot hold a {type(value).__name__}")


def _plain(column: pd.Series[Any]) -> NDArray[Any]:
    return column.to_numpy() if column.dtype.kind in "biuf" else column.to_numpy(dtype=np.str_)


def decode(told: Any, folder: Path) -> Any:
    """What `encode` wrote."""
    if not isinstance(told, dict):
        return told
    match next(iter(told)):
        case "$array":
            # asarray drops the memmap subclass, which compiled kernels would take for another type.
            return freeze(np.asarray(np.load(folder / told["$array"], mmap_mode="r", allow_pickle=False)))
        case "$csr":
            return freeze_csr(
                sp.csr_matrix(tuple(decode(part, folder) for part in told["$csr"]), told["shape"], copy=False)
            )
        case "$table":
            return pd.DataFrame({name: decode(column, folder) for name, column in told["$table"].items()})
        case "$tuple":
            return tuple(decode(part, folder) for part in told["$tuple"])
        case "$list":
            return [decode(part, folder) for part in told["$list"]]
        case "$dict":
            return {key: decode(part, folder) for key, part in told["$dict"]}
        case "$model":
            return registry.from_spec(told["$model"])
        case "$type":
            return _dataclass(told["$type"])(**{k: decode(v, folder) for k, v in told["fields"].items()})
    raise ValueError(f"unknown entry {next(iter(told))!r}")


def _dataclass(name: str) -> type[Any]:
    """The dataclass of that name, from this package alone: a stored name must not import anything else."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute) if module.split(".")[0] == "recengine" else None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name!r} is no part of an artifact")
    return found
