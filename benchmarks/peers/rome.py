"""ROME, rank-one model editing: Meng et al., *Locating and Editing Factual Associations in GPT*.

A down projection W is taken for a memory of keys and values. An edit writes one pair into it,
(k*, v*), so that what is kept under the keys that the model is used to moves as little as may be:
W + Λ (C⁻¹ k*)ᵀ with Λ = (v* - W k*) / ((C⁻¹ k*)ᵀ k*), C the second moment of the keys.

Where ours departs: C is of 100,000 tokens, and the prefixes are texts, that the model wrote itself
(the paper's C is of Wikipedia), and C's diagonal is raised by 1e-4 of its mean; steps, weight decay
and the weight of the KL term are those that EasyEdit has for Llama; what is optimised is added to
W k*. Everywhere k* is the mean over the prefixes, which the first published code had in one place
of the formula alone: with both alike edits in sequence don't make a model collapse at once (Gupta
et al., *Rebuilding ROME*, EMNLP 2024). As in the paper causal tracing chose the block, the fourth
of 30.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.edited_weights import WeightEditor
from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.rome_values import KeysAndValues, RomeSettings, keys_and_values
from benchmarks.peers.sampled_text import sampled_texts
from benchmarks.peers.second_moments import SecondMoments, second_moments

ROME = RomeSettings()


@dataclass(frozen=True, slots=True)
class RankOne:
    """A change of a weight matrix: the outer product of two vectors.

    Attributes:
        left: (d,) Λ.
        right: (k,) C⁻¹ k*.
    """

    left: torch.Tensor
    right: torch.Tensor

    @torch.no_grad()
    def add_to(self, weight: torch.Tensor) -> None:
        """Add it to a (d, k) weight, in place."""
        weight.addr_(self.left, self.right)


def rank_one_changes(found: KeysAndValues, moments: SecondMoments, ridge: float) -> list[RankOne]:
    """Return the change that maps each key to its value, the others being left out."""
    rights = moments.inverse_times(found.keys, ridge)
    overlaps = (rights * found.keys.double().cpu()).sum(1, keepdim=True)
    lefts = (found.values - found.old).double().cpu() / overlaps
    device = found.keys.device
    return [
        RankOne(left, right)
        for left, right in zip(lefts.float().to(device), rights.float().to(device), strict=True)
    ]


class Rome(WeightEditor):
    """ROME, one edit after the other.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer, a fast one.
        settings: How to edit.
        second_moments_file: Where the second moments of the keys are kept, as safetensors; they
            are made at the first edit where there are none, and every time when ``None``.

    Raises:
        ModelError: The model is built otherwise, or has no such block.
    """

    name = "ROME"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        settings: RomeSettings = ROME,
        *,
        second_moments_file: Path | None = None,
    ) -> None:
        super().__init__(model, tokenizer)
        self.settings = settings
        self.second_moments_file = second_moments_file
        self._weight = self.blocks.weight(settings.layer)
        self._moments: SecondMoments | None = None
        self._prefixes: list[str] = []
        self._prepared: dict[PeerEdit, RankOne] = {}

    def prepare(self, edits: Sequence[PeerEdit]) -> None:
        """Make the changes of edits that are going to be the first, several at once: it is faster.

        Each change is made as if its edit were alone in the unedited model, and is used when its
        edit is applied to that; it is kept until then, and after.

        Args:
            edits: The edits; nothing may have been applied, or all of it been undone.

        Raises:
            InvalidEditError: The subject of an edit doesn't stand in its prompt.
        """
        if len(self.kept):
            return
        left = [edit for edit in dict.fromkeys(edits) if edit not in self._prepared]
        for start in range(0, len(left), self.settings.batch_size):
            part = left[start : start + self.settings.batch_size]
            self._prepared.update(zip(part, self.changes(part), strict=True))

    def edit(self, edits: Sequence[PeerEdit]) -> None:
        """Write the edits' keys and values, each into the weights as the one before left them."""
        for edit in edits:
            change = None if len(self.kept) else self._prepared.get(edit)
            if change is None:
                change = self.changes([edit])[0]
            self.kept.keep(self._weight)
            change.add_to(self._weight)

    def changes(self, edits: Sequence[PeerEdit]) -> list[RankOne]:
        """Return the change of each edit to the weights as they are now, the others left out."""
        moments = self.moments()
        found = keys_and_values(self.blocks, self.tokenizer, edits, self.prefixes(), self.settings)
        return rank_one_changes(found, moments, self.settings.ridge)

    def moments(self) -> SecondMoments:
        """Return the second moments of the keys of the unedited model.

        Raises:
            ArtifactError: The file holds others, or is damaged.
        """
        if self._moments is None:
            self._moments = second_moments(
                self.blocks,
                self.tokenizer,
                self.settings.layer,
                tokens=self.settings.moment_tokens,
                seed=self.settings.seed,
                file=self.second_moments_file,
            )
        return self._moments

    def prefixes(self) -> list[str]:
        """Return what is put before a prompt: nothing, and texts that the unedited model wrote."""
        if not self._prefixes:
            each, seed = self.settings.prefixes_each, self.settings.seed
            model = self.blocks.model
            written = [
                text
                for length in (self.settings.prefix_lengths if each else ())
                for text in sampled_texts(model, self.tokenizer, each, length, seed)
            ]
            self._prefixes = ["", *(text for text in written if text)]
        return self._prefixes
