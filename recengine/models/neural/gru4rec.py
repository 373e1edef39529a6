"""GRU4Rec: what comes next, from a memory that each movie updates (a gated recurrent unit)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class GRU4RecNet(nn.Module):
    """One layer of gated recurrent units over the movies of a sequence.

    Sequences hold item + 1, padded on the left with 0. `b`: batch, `l`: length, `d`: factors, `u`: units.
    """

    def __init__(self, n_items: int, factors: int, units: int, dropout: float) -> None:
        super().__init__()
        self.item = nn.Embedding(n_items + 1, factors, padding_idx=0)
        self.gru = nn.GRU(factors, units, batch_first=True)
        self.out = nn.Linear(units, factors)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.item.weight, std=1 / math.sqrt(factors))

    def forward(self, sequence: Tensor) -> Tensor:
        """What is remembered after each movie: (b, l) → (b, l, d)."""
        length = sequence.shape[1]
        place = torch.arange(length, device=sequence.device)
        padding = (sequence == 0).sum(1, keepdim=True)  # (b, 1)
        movies = sequence.gather(1, (place + padding) % length)  # padding last, so that the memory starts empty
        memory, _ = self.gru(self.dropout(self.item(movies)))  # (b, l, u)
        hidden: Tensor = self.out(self.dropout(memory))  # (b, l, d)
        back = (place - padding) % length  # (b, l)
        return hidden.gather(1, back[:, :, None].expand_as(hidden))

    def head(self) -> tuple[Tensor, Tensor]:
        """A movie's vector is the same coming in and going out: (n_items, d), and its bias (n_items,)."""
        return self.item.weight[1:], self.bias


def bpr_max(score: Tensor, target: Tensor, regularization: float) -> Tensor:
    """How far each target is above the movies that come closest to it, averaged over the rows: (k, n_items), (k,) → ().

    A score of −∞ is left out: it is no negative.
    −log Σ_j s_j σ(r_target − r_j) + regularization · Σ_j s_j r_j², where j runs over all other movies and s is the
    softmax of their scores r.
    Source: Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM
    2018, eq. 10. Differs from the paper: every other movie is a negative, none is sampled.
    """
    own = score.gather(1, target[:, None])  # (k, 1)
    share = score.scatter(1, target[:, None], -torch.inf).log_softmax(1)  # log s, (k, n_items)
    other = score.masked_fill(score.isneginf(), 0)  # has no share, and no number times 0 may be none
    ahead = torch.logsumexp(share + functional.logsigmoid(own - other), 1)  # (k,)
    return (regularization * (share.exp() * other**2).sum(1) - ahead).mean()
