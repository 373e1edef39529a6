"""AutoRec: rows of a table of ratings, most of them empty, through a bottleneck and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from recengine.data.dataset import Float32, Int64
from recengine.model import Context
from recengine.models.autoencoders import AT_ONCE
from recengine.models.learned import Curve, Weights
from recengine.models.neural.train import Schedule, Validation, as_array, device, train
from recengine.models.similarity import rows_of


class AutoRecNet(nn.Module):
    """One hidden layer of sigmoids. A row comes as its values x, 0 where empty, and as `seen`, 1 where there is one.

    `b`: batch, `c`: columns of the table, `d`: factors. The decoder starts at 0: before it learns it adds nothing.
    """

    def __init__(self, n_columns: int, factors: int) -> None:
        super().__init__()
        self.values = nn.Linear(n_columns, factors)
        self.seen = nn.Linear(n_columns, factors, bias=False)
        self.decoder = nn.Linear(factors, n_columns, bias=False)
        nn.init.zeros_(self.decoder.weight)

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        """h = σ(V x + Z seen + a): two of (b, c) → (b, d)."""
        return torch.sigmoid(self.values(x) + self.seen(seen))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """W h: two of (b, c) → (b, c)."""
        given_back: Tensor = self.decoder(self.encode(x, seen))
        return given_back

    def size(self) -> Tensor:
        """‖V‖² + ‖Z‖² + ‖W‖²: ()."""
        layers = (self.values, self.seen, self.decoder)
        return torch.stack([layer.weight.square().sum() for layer in layers]).sum()


def squared_error(given_back: Tensor, x: Tensor, seen: Tensor) -> Tensor:
    """Σ (x̂ − x)² over the cells that are seen, all of (b, c) → (); an empty cell has no part in it."""
    return (seen * (given_back - x).square()).sum()


def learn(
    build: Callable[[], AutoRecNet], told: sp.csr_matrix, held: sp.csr_matrix, regularization: float,
    schedule: Schedule, context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train a network to give back the stored cells of `told`, csr float32 `(rows, c)`.

    Loss of a row: its squared error, and its share of λ (‖V‖² + ‖Z‖² + ‖W‖²). Validation: the root of the mean squared
    error at the stored cells of `held`, of the same shape, none of them in `told`.
    """
    where, n = device(context), told.shape[0]

    def loss(network: AutoRecNet, batch: Int64, rng: np.random.Generator) -> Tensor:  # noqa: ARG001
        x, seen = (part.to(where) for part in dense(told[batch]))
        value: Tensor = squared_error(network(x, seen), x, seen) / len(batch) + regularization * network.size() / n
        return value

    def measure(network: AutoRecNet) -> float:
        total = 0.0
        for start in range(0, n, AT_ONCE):
            x, seen = (part.to(where) for part in dense(told[start : start + AT_ONCE]))
            wanted, asked = (part.to(where) for part in dense(held[start : start + AT_ONCE]))
            total += float(squared_error(network(x, seen), wanted, asked))
        return float(np.sqrt(total / held.nnz))

    validation = Validation("rmse", False, measure) if held.nnz else None
    return train(build, loss, n, schedule, context, validation, name=name)


def dense(cells: sp.csr_matrix) -> tuple[Tensor, Tensor]:
    """Values and `seen` of rows: two of (b, c). A stored 0 is a value."""
    x, seen = np.zeros(cells.shape, np.float32), np.zeros(cells.shape, np.float32)
    x[rows_of(cells), cells.indices], seen[rows_of(cells), cells.indices] = cells.data, 1
    return torch.from_numpy(x), torch.from_numpy(seen)


@torch.inference_mode()
def codes(network: AutoRecNet, cells: sp.csr_matrix) -> Float32:
    """h of every row, float32 `(rows, d)`."""
    parts = [network.encode(*dense(cells[start : start + AT_ONCE])) for start in range(0, cells.shape[0], AT_ONCE)]
    return as_array(torch.cat(parts))


@torch.inference_mode()
def given_back(network: AutoRecNet, cells: sp.csr_matrix) -> Float32:
    """What the network gives back for rows, all in one pass, float32 `(b, c)`."""
    return as_array(network(*dense(cells)))
