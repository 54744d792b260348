"""Training of MEND's networks: ``python -m benchmarks train mend``.

Every step takes the gradients of a batch of edits, maps them, and looks at what the model would
say under each update: of the edit's prompt and a rephrasing of it, and of an unrelated prompt. The
updates are never made as matrices, and blocks below the edited ones need no gradients, so that one
batch holds many edits, each in a model of its own.
"""

from __future__ import annotations

import json
import logging
import math
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.peers.llama_blocks import LlamaBlocks, quick_products
from benchmarks.peers.mend import save_network
from benchmarks.peers.mend_examples import MendBatch, MendExample, make_batch
from benchmarks.peers.mend_network import (
    LAST_BLOCKS,
    MendNetwork,
    edited_matrices,
    gradient_factors,
    updated,
)
from benchmarks.peers.tokens import pad_token
from classifiers.lora_training import CHECKPOINTS, begun, check_out
from memory_store.errors import ErrataError

RATES = tuple(10.0 ** (power / 2) for power in range(-9, 1))
"""Edit rates that are tried with the plain gradient, to begin at the best of them."""

STATE_FILE = "state.safetensors"
NOTE_FILE = "progress.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MendSettings:
    """How to train.

    Attributes:
        steps: Optimizer steps.
        batch_size: Edits in a step.
        group_sizes: How many edits share an update; steps take one after the other. Each must
            divide the batch size.
        learning_rate: Its peak; it rises over the first steps and falls to 0.
        rate_learning_rate: The same for the logarithms of the edit rates.
        warmup_steps: Over how many steps it rises.
        edit_weight: Weight of the edit's loss; that of the divergence on unrelated prompts is 1.
        clip: Norm of the gradient at most.
        rank: Rank of the networks' layers.
        blocks: How many blocks at the end are edited.
        evaluate_every: Steps between two looks at dev, each with a checkpoint.
        dev_edits: Edits that are looked at.
        seed: Decides every random choice.
    """

    steps: int = 3000
    batch_size: int = 32
    group_sizes: tuple[int, ...] = (1, 1, 1, 8)
    learning_rate: float = 3e-4
    rate_learning_rate: float = 1e-2
    warmup_steps: int = 100
    edit_weight: float = 0.1
    clip: float = 1.0
    rank: int = 128
    blocks: int = LAST_BLOCKS
    evaluate_every: int = 250
    dev_edits: int = 128
    seed: int = 0

    def check(self) -> None:
        """Refuse settings that don't go together.

        Raises:
            ErrataError: A group size doesn't divide the batch size, or a number is below 1.
        """
        if not self.group_sizes or any(n < 1 or self.batch_size % n for n in self.group_sizes):
            raise ErrataError(
                f"groups of {self.group_sizes} edits don't fill a batch of {self.batch_size}; "
                "give sizes that divide it"
            )
        if min(self.steps, self.evaluate_every, self.dev_edits) < 1:
            raise ErrataError("steps, evaluate_every and dev_edits must be 1 or more")


@dataclass(frozen=True, slots=True)
class MendLosses:
    """What an update is judged by, in nats.

    Attributes:
        edit: Mean loss of a token of the objects, of prompts and rephrasings.
        unrelated: Mean divergence from the unedited model where unrelated prompts are answered.
    """

    edit: torch.Tensor
    unrelated: torch.Tensor

    def total(self, edit_weight: float) -> torch.Tensor:
        """Return what is made small."""
        return edit_weight * self.edit + self.unrelated


def mend_losses(
    blocks: LlamaBlocks, network: MendNetwork, batch: MendBatch, padding: int
) -> MendLosses:
    """Return the losses of a batch, every group of edits under an update of its own.

    Args:
        blocks: The model, which needs no gradients.
        network: The networks; gradients flow into them.
        batch: The batch.
        padding: The token that fills rows up.
    """
    raw, real = gradient_factors(blocks, network.matrices, batch.edits, padding)
    updates = [factors.grouped(batch.size) for factors in network(raw, real)]
    first = min(matrix.layer for matrix in network.matrices)
    kept = batch.unrelated
    with torch.no_grad():
        below = blocks.run(blocks.embed(batch.ids), end=first)
        rows = kept.rows.unique()
        plain = torch.empty_like(below)
        plain[rows] = blocks.run(below[rows], first)
        before = blocks.logits(plain[kept.rows, kept.places]).log_softmax(-1)
    with updated(blocks, network.matrices, updates):
        above = blocks.run(below, first)
    by_row = blocks.losses(above, batch.edited)
    after = blocks.logits(above[kept.rows, kept.places]).log_softmax(-1)
    divergence = (before.exp() * (before - after)).sum(-1)
    return MendLosses(
        by_row[batch.edited.counts > 0].mean(),
        kept.mean_by_row(divergence)[kept.counts > 0].mean(),
    )


@dataclass(slots=True)
class _Progress:
    """How far a training is: the step, and the best on dev."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    best_edit: float = math.inf
    best_unrelated: float = math.inf


class MendTraining:
    """A training of MEND's networks, which can be broken off and gone on with.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer.
        fit: What to train on.
        dev: What to choose the best step by.
        out: Where the networks and the checkpoints go.
        settings: How to train.
        progress: Told how many more steps are done.

    Raises:
        ErrataError: The folder can't be one, or has checkpoints of another training.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        fit: Sequence[MendExample],
        dev: Sequence[MendExample],
        out: Path,
        settings: MendSettings,
        progress: Callable[[int], None] = lambda more: None,
    ) -> None:
        check_out(out)
        settings.check()
        self.blocks = LlamaBlocks(model.eval().requires_grad_(False))
        self.body = self.blocks.fingerprint()
        self.tokenizer = tokenizer
        self.padding = pad_token(tokenizer)
        self.fit, self.dev = list(fit), list(dev)
        self.out, self.settings, self.progress = out, settings, progress
        self.checkpoints = out / CHECKPOINTS
        with torch.random.fork_rng([]):
            torch.manual_seed(settings.seed)
            network = MendNetwork(edited_matrices(self.blocks, settings.blocks), settings.rank)
        self.network = network.to(self.blocks.device)
        rates = [self.network.log_rates]
        others = [p for p in self.network.parameters() if p is not self.network.log_rates]
        self.optimizer = torch.optim.Adam([{"params": others}, {"params": rates}])
        self.dev_batches = self._dev_batches()
        self.done = _Progress()
        self.best = self._weights()

    def run(self) -> dict[str, Any]:
        """Train to the end, write the best networks, and return their config."""
        with quick_products(self.blocks.device):
            self._fit()
        return self._write()

    def _fit(self) -> None:
        wanted = json.loads(json.dumps({**asdict(self.settings), "body": self.body}))
        if begun(self.checkpoints, wanted, [self.fit, self.dev]):
            self._resume()
        else:
            self._begin()
        self.progress(self.done.step)
        while self.done.step < self.settings.steps:
            self.step()
            self.progress(1)
            at_end = self.done.step == self.settings.steps
            if at_end or self.done.step % self.settings.evaluate_every == 0:
                self._look_at_dev()
                self._save()

    def step(self) -> MendLosses:
        """Make one step, and return its losses; what it draws depends on its number alone."""
        settings, number = self.settings, self.done.step
        chance = random.Random(f"{settings.seed}-{number}")  # noqa: S311
        size = settings.group_sizes[number % len(settings.group_sizes)]
        examples = chance.choices(self.fit, k=settings.batch_size)
        batch = make_batch(self.blocks, self.tokenizer, examples, size, chance)
        share = min(1.0, (number + 1) / settings.warmup_steps) * (1 - number / settings.steps)
        peaks = (settings.learning_rate, settings.rate_learning_rate)
        for group, peak in zip(self.optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * share
        losses = mend_losses(self.blocks, self.network, batch, self.padding)
        self.optimizer.zero_grad()
        losses.total(settings.edit_weight).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip)
        self.optimizer.step()
        self.done.step += 1
        return losses

    @torch.no_grad()
    def dev_losses(self) -> MendLosses:
        """Return the mean losses on dev, each edit by itself."""
        found = [
            mend_losses(self.blocks, self.network, batch, self.padding)
            for batch in self.dev_batches
        ]
        return MendLosses(
            torch.stack([one.edit for one in found]).mean(),
            torch.stack([one.unrelated for one in found]).mean(),
        )

    def _dev_batches(self) -> list[MendBatch]:
        chance = random.Random(self.settings.seed)  # noqa: S311
        chosen = self.dev[: self.settings.dev_edits]
        size = self.settings.batch_size
        return [
            make_batch(self.blocks, self.tokenizer, chosen[start : start + size], 1, chance)
            for start in range(0, len(chosen), size)
        ]

    def _begin(self) -> None:
        """Normalise by what the gradients of dev's edits are, and find a rate to begin at."""
        texts = [batch.edits for batch in self.dev_batches]
        self.network.normalise_by(
            [
                gradient_factors(self.blocks, self.network.matrices, part, self.padding)
                for part in texts
            ]
        )
        tried = []
        for rate in RATES:
            with torch.no_grad():
                self.network.log_rates.fill_(math.log(rate))
            loss = self.dev_losses().total(self.settings.edit_weight).item()
            log.info("the plain gradient at a rate of %.2g: %.4f on dev", rate, loss)
            tried.append((loss if math.isfinite(loss) else math.inf, rate))
        with torch.no_grad():
            self.network.log_rates.fill_(math.log(min(tried)[1]))
        self._look_at_dev()

    def _look_at_dev(self) -> None:
        losses = self.dev_losses()
        total = losses.total(self.settings.edit_weight).item()
        edit, unrelated = losses.edit.item(), losses.unrelated.item()
        step = self.done.step
        log.info("step %d: dev %.4f (edit %.4f, unrelated %.4f)", step, total, edit, unrelated)
        if total < self.done.best_loss:
            self.done = _Progress(step, step, total, edit, unrelated)
            self.best = self._weights()

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def _save(self) -> None:
        """Write a checkpoint aside and move it into place; the one before is removed."""
        state = {f"now.{name}": tensor for name, tensor in self._weights().items()}
        state |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for name, parameter in self.network.named_parameters():
            moments = self.optimizer.state[parameter]
            state |= {f"{key}.{name}": moments[key] for key in ("exp_avg", "exp_avg_sq")}
        aside = self.checkpoints / "writing"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        save_file(
            {name: tensor.cpu().contiguous() for name, tensor in state.items()}, aside / STATE_FILE
        )
        (aside / NOTE_FILE).write_text(json.dumps(asdict(self.done)), encoding="utf-8")
        older = list(self.checkpoints.glob("checkpoint-*"))
        aside.replace(self.checkpoints / f"checkpoint-{self.done.step}")
        for folder in older:
            shutil.rmtree(folder)

    def _resume(self) -> None:
        """Go on from the last checkpoint.

        Raises:
            ErrataError: It is damaged.
        """
        folders = self.checkpoints.glob("checkpoint-*")
        folder = max(folders, key=lambda found: int(found.name.rpartition("-")[2]))
        try:
            noted = json.loads((folder / NOTE_FILE).read_text(encoding="utf-8"))
            state = load_file(folder / STATE_FILE, device=str(self.blocks.device))
            self.done = _Progress(**noted)
            self.network.load_state_dict(_part(state, "now."))
            self.best = _part(state, "best.")
            for name, parameter in self.network.named_parameters():
                self.optimizer.state[parameter] = {
                    "step": torch.tensor(float(self.done.step)),
                    "exp_avg": state[f"exp_avg.{name}"],
                    "exp_avg_sq": state[f"exp_avg_sq.{name}"],
                }
        except Exception as error:  # damage is told in many ways
            raise ErrataError(f"{folder} is damaged; remove it") from error
        log.info("going on from step %d", self.done.step)

    def _write(self) -> dict[str, Any]:
        self.network.load_state_dict(self.best)
        done = self.done
        config: dict[str, Any] = {
            "body": self.body,
            "blocks": self.settings.blocks,
            "rank": self.settings.rank,
            "seed": self.settings.seed,
            "settings": asdict(self.settings),
            "examples": len(self.fit),
            "best_step": done.best_step,
            "dev": {
                "edits": sum(len(batch.edits) for batch in self.dev_batches),
                "edit_loss": done.best_edit,
                "unrelated_divergence": done.best_unrelated,
            },
        }
        config["bytes"] = save_network(self.network, self.out, config)
        shutil.rmtree(self.checkpoints)
        return config


def _part(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def train_mend(
    model: Any,
    tokenizer: Any,
    examples: tuple[Sequence[MendExample], Sequence[MendExample]],
    out: Path,
    *,
    seed: int,
    settings: MendSettings = MendSettings(),
    progress: Callable[[int], None] = lambda more: None,
) -> dict[str, Any]:
    """Train MEND's networks for a model, and return the config that was written with them.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer.
        examples: What to train on, and what to choose the best step by.
        out: Where the networks go; checkpoints that lie there are gone on from.
        seed: Decides every random choice.
        settings: How to train.
        progress: Told how many more steps are done.

    Raises:
        ErrataError: The folder can't be one, or has checkpoints of another training.
    """
    settings = replace(settings, seed=seed)
    training = MendTraining(model, tokenizer, *examples, out, settings, progress)
    return training.run()
