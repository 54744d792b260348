"""What the editors of weights share: weights that are changed in place and can be put back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.scoring import PlainModel


class KeptWeights:
    """Copies of the tensors that were edited, as they were before; nothing else is copied."""

    def __init__(self) -> None:
        self._kept: list[tuple[torch.nn.Parameter, torch.Tensor]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return a weight as it was before any edit, and copy it first where it wasn't yet."""
        for known, copy in self._kept:
            if known is weight:
                return copy
        copy = weight.detach().clone()
        self._kept.append((weight, copy))
        return copy

    @torch.no_grad()
    def restore(self) -> None:
        """Put everything back, bit for bit, and forget the copies."""
        for weight, copy in self._kept:
            weight.copy_(copy)
        self._kept.clear()


class WeightEditor(ABC):
    """An editor that changes weights in place; fits ``Editor``.

    Several editors may share a model, if what one did is undone before another applies anything.

    The model's parameters are set to need no gradients, and it is set to evaluation.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer, a fast one.

    Attributes:
        name: What rows and tables call it.

    Raises:
        ModelError: The model is built otherwise, or in another precision.
    """

    name: str

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.blocks = LlamaBlocks(model.eval().requires_grad_(False))
        self.edited = PlainModel(model, tokenizer)
        self.tokenizer = tokenizer
        self.kept = KeptWeights()

    def apply(self, edits: Sequence[PeerEdit]) -> PlainModel:
        """Apply edits, to those already applied, and return the model as it is then.

        It is the model that was given, changed in place: a later ``apply`` or ``undo`` shows in
        what was returned before.

        Raises:
            InvalidEditError: The subject of an edit doesn't stand in its prompt.
            InvalidQueryError: A prompt or an object has no tokens.
        """
        if edits:
            self.edit(edits)
        return self.edited

    def undo(self) -> None:
        """Put the weights back as they were before the first edit, bit for bit."""
        self.kept.restore()

    @abstractmethod
    def edit(self, edits: Sequence[PeerEdit]) -> None:
        """Change the weights by edits, at least one, and keep what was there."""
