"""SASRec: what comes next, from the past movies that matter for it (causal self-attention)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_SPREAD = 0.02  # standard deviation of the embeddings at first


class SASRecNet(nn.Module):
    """A stack of causal self-attention blocks over the last movies of a sequence.

    Sequences hold item + 1, padded on the left with 0. `b`: batch, `l`: length, `d`: factors, `h`: heads.
    """

    def __init__(self, n_items: int, length: int, factors: int, blocks: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.item = nn.Embedding(n_items + 1, factors, padding_idx=0)
        self.place = nn.Parameter(torch.empty(length, factors))
        self.blocks = nn.ModuleList(Block(factors, heads, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(factors)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.item.weight[1:], std=_SPREAD)
        nn.init.normal_(self.place, std=_SPREAD)

    def forward(self, sequence: Tensor) -> Tensor:
        """What each position knows of its past, itself included: (b, l) → (b, l, d)."""
        x, allowed = self._enter(sequence)
        for block in self.blocks:
            x = block(x, allowed)
        known: Tensor = self.norm(x)
        return known

    def head(self) -> tuple[Tensor, Tensor]:
        """What tells the score of every movie: the embeddings (n_items, d) once more, and the biases (n_items,)."""
        return self.item.weight[1:], self.bias

    def attention(self, sequence: Tensor) -> Tensor:
        """The weight of each position for the last one, in the last block, averaged over its heads: (b, l) → (b, l)."""
        x, allowed = self._enter(sequence)
        *lower, last = self.blocks
        assert isinstance(last, Block)
        for block in lower:
            x = block(x, allowed)
        return last.attention(x, allowed)[:, :, -1].mean(1)

    def _enter(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """The movies with their places, (b, l, d), and who may look at whom, (b, 1, l, l)."""
        length = sequence.shape[1]
        x = self.item(sequence) * math.sqrt(self.item.embedding_dim) + self.place[-length:]
        one = torch.ones(length, length, dtype=torch.bool, device=sequence.device)
        look_back = one.tril() & (sequence > 0)[:, None, :]  # neither ahead nor at padding,
        return self.dropout(x), (look_back | one.tril().triu())[:, None]  # but padding must look somewhere: at itself


class Block(nn.Module):
    """Attention, then a small network at each position, each added to what was there before."""

    def __init__(self, factors: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feed = nn.LayerNorm(factors), nn.LayerNorm(factors)
        self.qkv, self.out = nn.Linear(factors, 3 * factors), nn.Linear(factors, factors)
        self.feed = nn.Sequential(nn.Linear(factors, factors), nn.GELU(), nn.Linear(factors, factors))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """(b, l, d) → the same shape; `allowed`: (b, 1, l, l)."""
        q, k, v = self._split(x)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)  # (b, h, l, d/h)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).flatten(2)))
        added: Tensor = self.dropout(self.feed(self.before_feed(x)))
        return x + added

    def attention(self, x: Tensor, allowed: Tensor) -> Tensor:
        """softmax(q·kᵀ / √(d/h)) over the positions allowed: (b, l, d) → (b, h, l, l)."""
        q, k, _ = self._split(x)
        return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~allowed, -torch.inf).softmax(-1)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, cut into heads: (b, l, d) → three of (b, h, l, d/h)."""
        b, l, d = x.shape  # noqa: E741
        qkv: Tensor = self.qkv(self.before_attention(x))
        q, k, v = qkv.view(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # (3, b, h, l, d/h)
        return q, k, v
