"""The one loop that trains every network: mini-batches, early stopping, the best weights, the learning curve.

Same seed, same kind of processor: same numbers; on a graphics processor up to rounding, as it adds in any order.
PyTorch's random numbers belong to the whole process, so one network is trained at a time in it, nothing else draws from
them (`rebuild`), and the number of threads is fixed: sums over more of them would round differently.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from recengine.data.dataset import Float32, Int64, freeze
from recengine.errors import ModelError
from recengine.model import Context, Epoch
from recengine.models.learned import Curve, Weights, frozen

_THREADS = 1  # whatever the machine has: sums round alike everywhere, and others want to be served meanwhile
_REPORT = 0.5  # seconds between two reports of progress within an epoch
_turn = threading.Lock()
torch.set_num_threads(_THREADS)

Net = TypeVar("Net", bound=nn.Module)
Loss = Callable[[Net, Int64, np.random.Generator], Tensor]
"""The mean loss of a batch: of the network, the numbers of the examples, and a source of random numbers."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: `epochs` at most, `patience` epochs without a better validation, AdamW's numbers.

    `decay`: the learning rate rises over the first twentieth of the steps, and falls to 0 by the last of `epochs` along
    half a cosine. `averaging`: from 0 to 1, what a step leaves of the running mean of the weights, which then is what
    is validated and kept; 0 for the weights themselves.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    patience: int = 10
    decay: bool = False
    averaging: float = 0.0

    def pace(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, from 0, of at most `steps`."""
        if not self.decay:
            return 1.0
        return min(1.0, 20 * (step + 1) / steps) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


@dataclass(frozen=True)
class Validation:
    """What is measured after each epoch, on what was held back: a metric's name, its direction, and how."""

    metric: str
    higher_is_better: bool
    measure: Callable[[Any], float]


def train(
    build: Callable[[], Net],
    loss: Loss[Net],
    n_examples: int,
    schedule: Schedule,
    context: Context,
    validation: Validation | None = None,
    *,
    name: str,
) -> tuple[Weights, Curve]:
    """Train the network that `build` makes, and give the best weights and the curve.

    Each epoch takes all examples in a new random order, `schedule.batch_size` a step. After it, `validation` is
    measured; the weights of the best epoch are kept, and where none was better for `patience` epochs the training ends.
    Without a validation it runs for all epochs and keeps the last. `name`: of the model, for errors.

    Raises `Cancelled` between two batches when the context says so, and `ModelError` when the loss is no number or the
    memory does not suffice.
    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019 (AdamW).
    """
    where = device(context)
    with _alone(context, where):
        network = build().to(where)
        steps = _Steps(network, schedule, n_examples)
        rng, progress = np.random.default_rng(context.seed), _Progress(context, schedule.epochs)
        record, best = _Record(validation), weights_of(network)
        for epoch in range(1, schedule.epochs + 1):
            network.train()
            total, order = 0.0, rng.permutation(n_examples)
            for start in range(0, n_examples, schedule.batch_size):
                progress.within(epoch, start / n_examples)
                batch = order[start : start + schedule.batch_size]
                value = loss(network, batch, rng)
                if not np.isfinite(found := value.item()):
                    raise ModelError(
                        f"The loss of {name} is no number any more in epoch {epoch} at "
                        f"learning_rate={schedule.learning_rate:g}: choose a smaller learning_rate."
                    )
                steps.take(value)
                total += found * len(batch)
            steps.kept.eval()
            with torch.inference_mode():
                record.add(total / max(1, n_examples), steps.kept)
            if record.best == epoch:
                best = weights_of(steps.kept)
            progress.after(record)
            if epoch - record.best >= schedule.patience:
                break
        context.step(1.0, "done")
    return best, record.curve()


def device(context: Context) -> torch.device:
    """Where a network learns: what the context names, or the graphics processor where there is one."""
    if context.device != "auto":
        return torch.device(context.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def weights_of(network: nn.Module) -> Weights:
    """A copy of a network's parameters as arrays."""
    return frozen({name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()})


def rebuild(build: Callable[[], Net], weights: Weights) -> Net:
    """The network that `build` makes, with these weights, on the processor, ready to answer and no longer to learn.

    No random number is drawn for it, so whoever reads a network from the store does not disturb one that learns.
    """
    with torch.device("meta"):  # no memory, hence no first weights
        network = build()
    values = zip(weights.names, weights.arrays, strict=True)
    network.load_state_dict({name: torch.tensor(array) for name, array in values}, assign=True)
    return network.eval().requires_grad_(False)


def size_of(build: Callable[[], nn.Module]) -> int:
    """How many numbers the network that `build` makes learns; nothing is drawn and no memory taken for it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def as_array(value: Tensor) -> Float32:
    """A tensor as a float32 array."""
    return np.asarray(value.cpu().numpy(), np.float32)


@contextmanager
def _alone(context: Context, where: torch.device) -> Iterator[None]:
    """One training at a time, its random numbers drawn from the seed, those of others left as they were."""
    began = time.perf_counter()
    while not _turn.acquire(timeout=0.1):
        context.step(0.0, "waiting for another training")
    try:
        context.idle(time.perf_counter() - began)
        with torch.random.fork_rng([where] if where.type == "cuda" else []):
            torch.manual_seed(context.seed)
            yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ModelError("The memory does not suffice: choose a smaller batch_size or a smaller network.") from error
    finally:
        _turn.release()


class _Steps:
    """AdamW at the pace of a schedule. `kept`: the network to validate and keep, itself or its running mean."""

    def __init__(self, network: nn.Module, schedule: Schedule, n_examples: int) -> None:
        self._network, self._schedule, self._done = network, schedule, 0
        self._all = schedule.epochs * math.ceil(n_examples / schedule.batch_size)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self._mean = AveragedModel(network, avg_fn=self._average) if schedule.averaging else None
        self.kept: nn.Module = network if self._mean is None else self._mean.module

    def take(self, loss: Tensor) -> None:
        """One step down the gradient of this loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.learning_rate * self._schedule.pace(self._done, self._all)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._done += 1
        if self._mean is not None:
            self._mean.update_parameters(self._network)

    def _average(self, mean: Tensor, now: Tensor, seen: Tensor | int) -> Tensor:
        # The first steps are far from where it ends: they are forgotten sooner.
        return torch.lerp(now, mean, min(self._schedule.averaging, (1 + int(seen)) / (10 + int(seen))))


class _Record:
    """The curve as it grows."""

    def __init__(self, validation: Validation | None) -> None:
        self.validation, self.best = validation, 0
        self.losses: list[float] = []
        self.values: list[float] = []
        self.seconds: list[float] = []
        self._began = time.perf_counter()

    def add(self, loss: float, network: nn.Module) -> None:
        """Measure what is held back, after an epoch of this loss."""
        value = float("nan") if self.validation is None else float(self.validation.measure(network))
        self.losses.append(loss)
        self.values.append(value)
        self.seconds.append(time.perf_counter() - self._began)
        if self.validation is None or self.best == 0 or self._better(value, self.values[self.best - 1]):
            self.best = len(self.losses)

    def _better(self, value: float, best: float) -> bool:
        assert self.validation is not None
        if math.isnan(best):
            return not math.isnan(value)
        return value > best if self.validation.higher_is_better else value < best

    def curve(self) -> Curve:
        """What is kept of it."""
        told = self.validation
        loss, values, seconds = (freeze(_float32(part)) for part in (self.losses, self.values, self.seconds))
        return Curve(
            "" if told is None else told.metric, told is not None and told.higher_is_better, loss, values, seconds,
            self.best,
        )  # fmt: skip


@dataclass
class _Progress:
    """What whoever waits is told, not too often."""

    context: Context
    most: int
    said: str = ""
    last: float = 0.0

    def within(self, epoch: int, share: float) -> None:
        """Before each batch: stop when cancelled, and report where enough time has passed."""
        self.context.check()
        now = time.monotonic()
        if share == 0.0 or now - self.last > _REPORT:
            self.last = now
            self.context.step((epoch - 1 + share) / self.most, f"epoch {epoch} of at most {self.most}{self.said}")

    def after(self, record: _Record) -> None:
        """After each epoch: show it."""
        told, value = record.validation, record.values[-1]
        self.said = "" if told is None else f", {told.metric} {value:.4f}, best {record.values[record.best - 1]:.4f}"
        self.context.watch(
            Epoch(
                len(record.losses), self.most, record.losses[-1], "" if told is None else told.metric,
                None if told is None else value,
            )
        )  # fmt: skip


def _float32(values: list[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)
