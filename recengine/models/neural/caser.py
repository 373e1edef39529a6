"""Caser: what comes next, from patterns in the last few movies (convolutions over the sequence)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class CaserNet(nn.Module):
    """Filters over the last movies as over an image: `window` movies high, `factors` wide.

    Sequences hold item + 1, padded on the left with 0. `b`: batch, `l`: length, `d`: factors, `w`: window,
    `h`: horizontal filters of each height, `v`: vertical filters, `u`: units.
    """

    def __init__(
        self, n_items: int, window: int, factors: int, horizontal: int, vertical: int, units: int, dropout: float
    ) -> None:
        super().__init__()
        self.window = window
        self.item = nn.Embedding(n_items + 1, factors, padding_idx=0)
        self.horizontal = nn.ModuleList(nn.Conv1d(factors, horizontal, height) for height in range(1, window + 1))
        self.vertical = nn.Linear(window, vertical, bias=False)
        self.mixed = nn.Linear(window * horizontal + vertical * factors, units)
        self.out = nn.Linear(units + factors, factors)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.item.weight, std=1 / math.sqrt(factors))
        nn.init.zeros_(self.item.weight[0])

    def forward(self, sequence: Tensor) -> Tensor:
        """What each position knows of its past, itself included: (b, l) → (b, l, d)."""
        x = self.item(sequence)  # (b, l, d)
        recent = functional.relu(self.mixed(self.dropout(self.filtered(self.dropout(x)))))  # (b, l, u)
        count = (sequence > 0).cumsum(1).clamp(min=1)[:, :, None]
        lasting = x.cumsum(1) / count.sqrt()  # (b, l, d)
        hidden: Tensor = self.out(self.dropout(torch.cat([recent, lasting], 2)))
        return hidden

    def filtered(self, x: Tensor) -> Tensor:
        """What all filters see in the `window` movies up to each position: (b, l, d) → (b, l, w · h + v · d)."""
        image = functional.pad(x, (0, 0, self.window - 1, 0))  # (b, w − 1 + l, d)
        found = []
        for height, filters in enumerate(self.horizontal, 1):
            match = functional.relu(filters(image.transpose(1, 2)))  # (b, h, w + l − height)
            found.append(functional.max_pool1d(match, self.window - height + 1, 1).transpose(1, 2))  # (b, l, h)
        found.append(self.vertical(image.unfold(1, self.window, 1)).flatten(2))  # (b, l, d · v)
        return torch.cat(found, 2)

    def head(self) -> tuple[Tensor, Tensor]:
        """A movie's vector is the same coming in and going out: (n_items, d), and its bias (n_items,)."""
        return self.item.weight[1:], self.bias
