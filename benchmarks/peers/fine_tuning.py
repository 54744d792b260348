"""Fine-tuning of one projection on the edits: the plainest of all editors.

FT+L keeps each weight within a distance of what it was: Zhu et al., *Modifying Memories in
Transformer Models*, 2020, as Meng et al. use both in *Locating and Editing Factual Associations in
GPT*, 2022, appendix E. Where ours departs: the block is the fourteenth of 30, nearer to their depth
for GPT-J (21 of 28) than to the early blocks that they found best for GPT-2 XL (0 and 1 of 48), and
was not searched for; training ends at a loss of 0.01 (theirs at 0.03); and the distance was chosen
on train edits. Paraphrases follow far less often than in their tables (PS 88 for FT on GPT-2 XL).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.peers.edited_weights import WeightEditor
from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tokens import Targets, pad_token, tokenize


@dataclass(frozen=True, slots=True)
class FineTuningSettings:
    """How to fine-tune.

    Attributes:
        layer: The block whose down projection is trained.
        learning_rate: Adam's.
        steps: Passes over the edits at most.
        stop_loss: Mean loss of a token, in nats, below which a batch is not trained on, and with
            all batches below it training ends.
        batch_size: Edits in a batch.
        epsilon: How far a weight may go from what it was before any edit (FT+L); as far as it
            likes when ``None`` (FT).
    """

    layer: int = 13
    learning_rate: float = 5e-4
    steps: int = 25
    stop_loss: float = 1e-2
    batch_size: int = 32
    epsilon: float | None = None


FT = FineTuningSettings()
FT_L = FineTuningSettings(epsilon=5e-3)
"""The paper's distance for GPT-2 XL, 5e-4, moves this width too little to edit anything; of 1e-3,
2e-3, 5e-3 and 1e-2 this one was chosen on train edits."""


class FineTuning(WeightEditor):
    """FT, or FT+L where the settings have an epsilon.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer.
        settings: How to fine-tune.

    Raises:
        ModelError: The model is built otherwise, or has no such block.
    """

    def __init__(self, model: Any, tokenizer: Any, settings: FineTuningSettings = FT) -> None:
        super().__init__(model, tokenizer)
        self.settings = settings
        self.name = "FT" if settings.epsilon is None else "FT+L"
        self._weight = self.blocks.weight(settings.layer)

    def edit(self, edits: Sequence[PeerEdit]) -> None:
        """Train on the objects' tokens until the loss is low, or the steps are through."""
        batches = self._batches(edits)
        old = self.kept.keep(self._weight)
        self._weight.requires_grad_(True)
        try:
            self._fit(batches, old)
        finally:
            self._weight.requires_grad_(False)
            self._weight.grad = None

    def _fit(self, batches: Sequence[tuple[torch.Tensor, Targets]], old: torch.Tensor) -> None:
        settings = self.settings
        optimizer = torch.optim.Adam([self._weight], lr=settings.learning_rate)
        for _ in range(settings.steps):
            done = True
            for hidden, targets in batches:
                with torch.enable_grad():
                    loss = mean_loss(self.blocks, hidden, settings.layer, targets)
                if loss.item() < settings.stop_loss:
                    continue
                done = False
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if settings.epsilon is not None:
                    keep_within(self._weight, old, settings.epsilon)
            if done:
                return

    @torch.no_grad()
    def _batches(self, edits: Sequence[PeerEdit]) -> list[tuple[torch.Tensor, Targets]]:
        """Return what goes into the trained block, which training doesn't change, with targets."""
        texts = [tokenize(self.tokenizer, edit.prompt, edit.target) for edit in edits]
        found = []
        for start in range(0, len(texts), self.settings.batch_size):
            part = texts[start : start + self.settings.batch_size]
            ids, targets = self.blocks.batch(part, pad_token(self.tokenizer))
            hidden = self.blocks.run(self.blocks.embed(ids), end=self.settings.layer)
            found.append((hidden, targets))
        return found


def mean_loss(
    blocks: LlamaBlocks, hidden: torch.Tensor, first: int, targets: Targets
) -> torch.Tensor:
    """Return the mean over rows of the loss of a token, from what goes into block ``first``."""
    return blocks.losses(blocks.run(hidden, first), targets).mean()


@torch.no_grad()
def keep_within(weight: torch.Tensor, old: torch.Tensor, epsilon: float) -> None:
    """Move each weight back to within ``epsilon`` of what it was, in place."""
    weight.copy_(torch.minimum(torch.maximum(weight, old - epsilon), old + epsilon))
