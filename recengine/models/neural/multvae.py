"""Mult-VAE: what a person watched, through a random code of few numbers and back to a chance for every movie."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, pairwise

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from recengine.data.dataset import Float32, Int64
from recengine.model import Context
from recengine.models.autoencoders import AT_ONCE
from recengine.models.learned import Curve, Weights
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_TOP = 10  # places that the validation counts


class MultVAENet(nn.Module):
    """Encoder and decoder, each one layer, or two with `hidden` numbers (tanh) between them where that is not 0.

    `b`: batch, `n`: movies, `d`: factors. The encoder gives the mean and the log variance of a normal code.
    """

    def __init__(self, n_items: int, factors: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.encoder, self.decoder = _layers(n_items, hidden, 2 * factors), _layers(factors, hidden, n_items)
        self.dropout = nn.Dropout(dropout)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code of zeros and ones, made of length 1: (b, n) → two of (b, d)."""
        mean, log_variance = self.encoder(self.dropout(functional.normalize(x))).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A code drawn and decoded, ln π (b, n), and the code's mean and log variance, (b, d)."""
        mean, log_variance = self.encode(x)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.log_chances(code), mean, log_variance

    def log_chances(self, code: Tensor) -> Tensor:
        """ln π, the logarithm of the softmax over all movies: (b, d) → (b, n)."""
        logits: Tensor = self.decoder(code)
        return logits.log_softmax(1)


def _layers(width: int, hidden: int, out: int) -> nn.Sequential:
    sizes = [width, hidden, out] if hidden else [width, out]
    layers: list[nn.Module] = []
    for left, right in pairwise(sizes):
        layer = nn.Linear(left, right)
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def multinomial(log_chance: Tensor, x: Tensor) -> Tensor:
    """−Σ_i x_i ln π_i, mean over the batch: two of (b, n) → ()."""
    return -(x * log_chance).sum(1).mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² − 1 − ln σ²), mean over the batch: two of (b, d) → ()."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def learn(
    build: Callable[[], MultVAENet], told: sp.csr_matrix, held: sp.csr_matrix, beta: float, anneal: int,
    schedule: Schedule, context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train a network to tell what people watched, `told`, csr of ones `(people, n)`, from what is left after dropout.

    Loss: `multinomial` + β · `divergence`, β rising from 0 to `beta` over the first `anneal` steps. Validation: NDCG@10
    of what is stored in `held` among all that is not in `told`.
    """
    where, steps = device(context), count()

    def loss(network: MultVAENet, batch: Int64, rng: np.random.Generator) -> Tensor:  # noqa: ARG001
        x = torch.from_numpy(told[batch].toarray()).to(where)
        log_chance, mean, log_variance = network(x)
        now = beta * min(1.0, next(steps) / max(1, anneal))
        return multinomial(log_chance, x) + now * divergence(mean, log_variance)

    asked = np.flatnonzero(np.diff(held.indptr))

    def measure(network: MultVAENet) -> float:
        total = 0.0
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            x, wanted = (torch.from_numpy(part[some].toarray()).to(where) for part in (told, held))
            total += float(ndcg(network.log_chances(network.encode(x)[0]), x, wanted).sum())
        return total / len(asked)

    validation = Validation(f"ndcg@{_TOP}", True, measure) if len(asked) else None
    return train(build, loss, told.shape[0], schedule, context, validation, name=name)


def ndcg(score: Tensor, x: Tensor, wanted: Tensor) -> Tensor:
    """NDCG@10 of each row's movies `wanted` among those not in `x`: three of (b, n) → (b,)."""
    best = score.masked_fill(x > 0, -torch.inf).topk(min(_TOP, score.shape[1])).indices  # (b, 10)
    gain = 1 / torch.log2(torch.arange(best.shape[1], device=score.device) + 2.0)
    most = gain.cumsum(0)[wanted.sum(1).long().clamp(1, len(gain)) - 1]
    return (wanted.gather(1, best) * gain).sum(1) / most


@torch.inference_mode()
def score(network: MultVAENet, x: sp.csr_matrix) -> Float32:
    """ln π of every movie, of the code's mean, all people in one pass, float32 `(b, n)`."""
    return as_array(network.log_chances(network.encode(torch.from_numpy(x.toarray()))[0]))
