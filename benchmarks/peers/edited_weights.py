"""What the editors of weights share: the model that is asked, and weights that can be put back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tokens import pad_token, tokenize
from memory_store.errors import InvalidQueryError
from memory_store.quiet import quiet_transformers

BATCH = 64
"""Rows that are run at once."""


class WeightsModel:
    """A causal LM asked as its weights are now; fits ``EditedModel``.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer.
        batch_size: Rows that are run at once.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = BATCH) -> None:
        self.blocks = LlamaBlocks(model)
        self.model = model
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @torch.inference_mode()
    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return the (n,) mean log-probability of a token of each continuation, in nats.

        Args:
            pairs: Prompts, and what continues them; a space is put between the two where there is
                none. They are tokenized apart; see :func:`benchmarks.peers.tokens.tokenize`.

        Raises:
            InvalidQueryError: A prompt or a continuation has no tokens.
        """
        texts = [tokenize(self.tokenizer, *pair) for pair in pairs]
        found = np.zeros(len(texts))
        order = sorted(range(len(texts)), key=lambda n: len(texts[n].ids))  # little is padded
        for start in range(0, len(order), self.batch_size):
            part = order[start : start + self.batch_size]
            ids, targets = self.blocks.batch([texts[n] for n in part], pad_token(self.tokenizer))
            losses = self.blocks.losses(self.blocks.run(self.blocks.embed(ids)), targets)
            found[part] = -losses.double().cpu().numpy()
        return found

    @torch.inference_mode()
    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return what follows each prompt, decoded greedily, to the end token or the limit.

        Args:
            prompts: The prompts.
            max_new_tokens: How many tokens are written at most.

        Raises:
            InvalidQueryError: A prompt has no tokens, or none are to be written.
        """
        if max_new_tokens < 1:
            raise InvalidQueryError(f"max_new_tokens is {max_new_tokens}; give 1 or more")
        read = [tokenize(self.tokenizer, prompt).ids for prompt in prompts]
        said = [""] * len(read)
        order = sorted(range(len(read)), key=lambda n: len(read[n]))
        for start in range(0, len(order), self.batch_size):
            part = order[start : start + self.batch_size]
            written = self._written([read[n] for n in part], max_new_tokens)
            for n, text in zip(part, written, strict=True):
                said[n] = text
        return said

    def _written(self, rows: Sequence[tuple[int, ...]], max_new_tokens: int) -> list[str]:
        """Return the continuations of a batch, whose rows are filled up on the left."""
        padding = pad_token(self.tokenizer)
        longest = max(map(len, rows))
        device = self.blocks.device
        ids = [[padding] * (longest - len(row)) + list(row) for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        with quiet_transformers():
            output = self.model.generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=padding,
            )
        written: list[str] = self.tokenizer.batch_decode(
            output[:, longest:], skip_special_tokens=True
        )
        return written


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
        self.edited = WeightsModel(model.eval().requires_grad_(False), tokenizer)
        self.blocks = self.edited.blocks
        self.tokenizer = tokenizer
        self.kept = KeptWeights()

    def apply(self, edits: Sequence[PeerEdit]) -> WeightsModel:
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
