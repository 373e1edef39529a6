"""Answers as plain JSON values: dicts, lists, text, numbers and null.

One shape an answer, for the command line and for whatever else speaks JSON. Names are those of the answers' own
fields; only where several fields stand for one thing are they put together here. NaN, which JSON has not, is null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from recengine.model import Recommender

if TYPE_CHECKING:
    from recengine.answers import Found, Predicted, Recommendations, Similar
    from recengine.data.dataset import Dataset
    from recengine.data.report import ImportReport
    from recengine.describe import Description
    from recengine.evaluate import Evaluation


def text(value: Any) -> str:
    """Any answer as strict JSON: indented, letters as they are, ids as they are.

    >>> print(text({"title": "Amélie", "score": float("nan")}))
    {
      "title": "Amélie",
      "score": null
    }
    """
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, models as their specifications, tables as lists of rows, sequences as lists.

    NaN and infinity are None.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Recommender):
        return plain(value.spec())
    if isinstance(value, pd.DataFrame):
        return plain(value.to_dict("records"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (Sequence, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for a {type(value).__name__}")


def description(dataset: Dataset, told: Description, report: ImportReport | None) -> Any:
    """A dataset in numbers, and what became of the rows of its file."""
    head = {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "about": dataset.about}
    return plain({**head, **vars(told), "report": report})


def recommendations(answer: Recommendations) -> Any:
    """A ranked list."""
    return plain(_named(answer.model, answer))


def prediction(answer: Predicted) -> Any:
    """One predicted rating."""
    return plain(_named(answer.model, answer))


def similar(movie: Found, items: Sequence[Similar]) -> Any:
    """A movie's nearest others."""
    return plain({"item_id": movie.item_id, "title": movie.title, "items": items})


def evaluation(answer: Evaluation) -> Any:
    """Results with everything needed to repeat them; the table of persons stays behind."""
    head = {name: value for name, value in vars(answer).items() if name not in ("per_person", "results")}
    return plain({**head, "results": [_named(result.model.spec(), result) for result in answer.results]})


def _named(spec: Mapping[str, Any], answer: object) -> dict[str, Any]:
    """An answer's fields, its model as a name and hyperparameters, and as the specification that makes it again."""
    params = {name: value for name, value in spec.items() if name != "model"}
    rest = {name: value for name, value in vars(answer).items() if name != "model"}
    return {"model": spec["model"], "params": params, "spec": spec, **rest}
