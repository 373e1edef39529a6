"""The training of networks: what a job is asked for, and what earlier trainings were like."""

from __future__ import annotations

from recengine import registry
from recengine.answers import Learning, Run, Task
from recengine.errors import ModelError
from recengine.jobs import known
from recengine.model import Recommender
from recengine.models.learned import Curve
from recengine.store import Kept, Store, identity

_FAMILY = "neural"


def task(data: str, model: Recommender, seed: int) -> Task:
    """What a job is asked for: to fit a model."""
    return Task(data, model.spec(), model.title, model.label, seed)


def runs(store: Store, data: str, fingerprint: str, limit: int) -> tuple[Run, ...]:
    """The networks in the store that learned from these data, as they are defined today: the newest, newest first."""
    found: list[Run] = []
    for kept in store.kept("fit", fingerprint):
        if len(found) == limit:
            break
        model = _network(kept)
        curve = None if model is None else store.field(kept.key, "curve")
        if model is not None and isinstance(curve, Curve):
            asked = task(data, model, int(kept.depends_on["seed"]))
            found.append(Run(kept.key, asked, kept.seconds, kept.made, learning(curve, asked)))
    return tuple(found)


def _network(kept: Kept) -> Recommender | None:
    """The network whose fit is kept; None for another model, and for one that has changed since."""
    told = {name: value for name, value in kept.depends_on["model"].items() if name != "revision"}
    try:
        model = registry.from_spec(told)
    except ModelError:
        return None
    return model if model.family == _FAMILY and identity(model) == kept.depends_on["model"] else None


def learning(curve: Curve, asked: Task) -> Learning:
    """A curve of arrays in plain values."""
    most = int(asked.model.get("epochs", len(curve.loss)))
    loss, validation, seconds = (part.tolist() for part in (curve.loss, curve.validation, curve.seconds))
    return Learning(
        curve.metric, curve.higher_is_better, tuple(loss), tuple(map(known, validation)), tuple(seconds), most,
        curve.best,
    )  # fmt: skip
