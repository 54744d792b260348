"""The ends of rows, from a place of each on, run above a block as often as need be.

Attention is causal: what changes at a place leaves the keys and values of all places before it as
they are. So these are made once, and only what comes from that place on is run again.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.peers.llama_blocks import LlamaBlocks


class RowEnds:
    """What is left to run of rows whose hidden states change at one place, and after it.

    Args:
        blocks: The model.
        hidden: (r, t, d) hidden states of whole rows, filled up on the right, that go into block
            ``first``.
        lengths: (r,) how many places of each row are run, from its first on.
        starts: (r,) the place of each row at which its end begins.
        first: The first block to run.

    Attributes:
        hidden: (r, e, d) hidden states of the ends, of which the longest has e places: place p of
            a row is p minus its start in these. Beyond a row's length they mean nothing.
    """

    @torch.no_grad()
    def __init__(
        self,
        blocks: LlamaBlocks,
        hidden: torch.Tensor,
        lengths: torch.Tensor,
        starts: torch.Tensor,
        first: int,
    ) -> None:
        self.blocks, self.first = blocks, first
        ends = torch.arange(int((lengths - starts).max()), device=hidden.device)
        self._places = starts[:, None] + ends
        self.hidden = _taken(hidden, self._places.clamp(max=hidden.shape[1] - 1), 1)
        before = starts[:, None] + torch.arange(-int(starts.max()), 0, device=hidden.device)
        seen = _Recorded()
        blocks.run(hidden, first, cache=seen)
        self._kept = _Continued(
            {
                block: tuple(_taken(part, before.clamp(min=0)[:, None], 2) for part in parts)
                for block, parts in seen.parts.items()
            }
        )
        there = (before >= 0)[:, None].expand(-1, len(ends), -1)
        causal = (ends[None] <= ends[:, None])[None].expand(len(starts), -1, -1)
        self._allowed = torch.cat([there, causal], 2)

    def run(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return (r, e, d) hidden states of the ends as they leave the last block."""
        return self.blocks.run(
            hidden, self.first, places=self._places, allowed=self._allowed, cache=self._kept
        )


class _Recorded:
    """Stands for a cache of keys and values, and remembers what it is given."""

    def __init__(self) -> None:
        self.parts: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, block: int, *_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.parts[block] = keys, values
        return keys, values


class _Continued:
    """Stands for a cache that is never added to: what it holds goes before what it is given."""

    def __init__(self, parts: dict[int, tuple[torch.Tensor, ...]]) -> None:
        self.parts = parts

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, block: int, *_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        old_keys, old_values = self.parts[block]
        return torch.cat([old_keys, keys], 2), torch.cat([old_values, values], 2)


def _taken(values: torch.Tensor, places: torch.Tensor, dim: int) -> torch.Tensor:
    """Return (..., t, d) values at (..., p) places of their last dimension but one."""
    index = places[..., None].expand(*values.shape[:dim], -1, values.shape[-1])
    return values.gather(dim, index)
