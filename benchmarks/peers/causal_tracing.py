"""Causal tracing: which states carry a fact. Meng et al. 2022, section 2 and appendix B.

A clean run tells the probability of the object; in a corrupted run noise on the subject's
embeddings hides the fact; in a restored run one state is put back to what it was in the clean run,
and the probability that comes back is that state's indirect effect.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.peers.llama_blocks import LlamaBlocks, quick_products
from benchmarks.peers.tracing_roles import (
    LAST_SUBJECT,
    ROLES,
    Fact,
    TracedPrompt,
    embedding_spread,
    traced_prompt,
)
from memory_store.errors import InvalidQueryError

Restored = Literal["hidden", "mlp", "attention", "mlp_severed", "attention_severed"]
KINDS: tuple[Restored, ...] = ("hidden", "mlp", "attention", "mlp_severed", "attention_severed")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """How to trace.

    Attributes:
        noise: Spread of the noise, as a multiple of the spread of subjects' embeddings.
        samples: How often each prompt is corrupted.
        window: How many blocks' MLPs or attentions are restored together; when ``None`` as large
            a share of the depth as the paper's 10 of 48 blocks.
        most_rows: Rows that are run at once.
        seed: Decides the noise.
    """

    noise: float = 3.0
    samples: int = 10
    window: int | None = None
    most_rows: int = 4096
    seed: int = 0

    def window_of(self, depth: int) -> int:
        """Return the size of the window in a model of so many blocks."""
        return max(1, round(10 * depth / 48)) if self.window is None else self.window


@dataclass(frozen=True, slots=True)
class Traces:
    """What was traced, for n facts and l blocks.

    Attributes:
        facts: The facts.
        clean: (n,) probability of the object's first token.
        corrupted: (n,) the same with the subject corrupted, the mean over the noise.
        effects: Of each kind of state (n, 6, l) indirect effects: how much likelier the object is
            than corrupted when the state of a token at a block is restored, the mean over the
            tokens of each of the ``ROLES``; nan where a prompt has none of a role.
        window: How many blocks around each the windows of MLP and attention have.
        spread: Standard deviation of the noise.
    """

    facts: tuple[Fact, ...]
    clean: npt.NDArray[np.float64]
    corrupted: npt.NDArray[np.float64]
    effects: dict[Restored, npt.NDArray[np.float64]]
    window: int
    spread: float

    @property
    def total(self) -> npt.NDArray[np.float64]:
        """Return the (n,) total effects: how much likelier the object is clean than corrupted."""
        return self.clean - self.corrupted

    def average(self, kind: Restored) -> npt.NDArray[np.float64]:
        """Return the (6, l) average indirect effects; nan for a role that no prompt has."""
        effects = self.effects[kind]
        there = ~np.isnan(effects)
        counts = there.sum(0)
        sums = np.where(there, effects, 0.0).sum(0)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def decisive_block(self, kind: Restored = "mlp") -> int:
        """Return the block that ROME edits: where the last subject token has the most effect."""
        return int(np.argmax(self.average(kind)[LAST_SUBJECT]))


@dataclass(frozen=True, slots=True)
class _Run:
    """The states of a run of one prompt, by block.

    Attributes:
        entering: (r, t, d) what goes into each block; at the end what leaves the last.
        mlp: (r, t, d) what each MLP adds.
        attention: (r, t, d) what each attention adds.
    """

    entering: list[torch.Tensor] = field(default_factory=list)
    mlp: list[torch.Tensor] = field(default_factory=list)
    attention: list[torch.Tensor] = field(default_factory=list)


def trace(
    model: Any,
    tokenizer: Any,
    facts: Sequence[Fact],
    settings: TracingSettings | None = None,
    *,
    kinds: Sequence[Restored] = KINDS,
    progress: Callable[[int], None] = lambda more: None,
) -> Traces:
    """Trace facts that a model knows; see :func:`benchmarks.peers.tracing_roles.known_facts`.

    On a GPU, float32 products are made with TF32 while this runs: effects are means over noise,
    which is far coarser.

    Args:
        model: The model, built as Llama is, in float32, already on its device.
        tokenizer: Its tokenizer, a fast one.
        facts: The facts, at least one.
        settings: How to trace.
        kinds: Which states are restored.
        progress: Told how many more facts are done.

    Raises:
        InvalidQueryError: There are no facts.
        InvalidEditError: A subject doesn't stand in its prompt.
        ModelError: The model is built otherwise.
    """
    if not facts:
        raise InvalidQueryError("there are no facts to trace; give some that the model knows")
    settings = settings or TracingSettings()
    blocks = LlamaBlocks(model.eval())
    prompts = [traced_prompt(tokenizer, fact) for fact in facts]
    spread = settings.noise * embedding_spread(blocks, prompts)
    ends: list[tuple[float, float]] = []
    effects: dict[Restored, list[npt.NDArray[np.float64]]] = {kind: [] for kind in kinds}
    with quick_products(blocks.device):
        for number, prompt in enumerate(prompts):
            traced = TracedRun(blocks, prompt, spread, settings, settings.seed + number)
            ends.append((traced.clean, traced.corrupted))
            for kind in kinds:
                effects[kind].append(by_role(prompt, traced.restored(kind) - traced.corrupted))
            progress(1)
    clean, corrupted = np.array(ends).T
    return Traces(
        tuple(facts),
        clean,
        corrupted,
        {kind: np.stack(found) for kind, found in effects.items()},
        settings.window_of(blocks.depth),
        spread,
    )


def by_role(prompt: TracedPrompt, effects: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the (6, l) means of (t, l) effects over the tokens of each role; nan without any."""
    found = np.full((len(ROLES), effects.shape[1]), np.nan)
    roles = [prompt.role(place) for place in range(len(prompt.ids))]
    for role in set(roles) - {None}:
        found[role] = effects[[place for place, own in enumerate(roles) if own == role]].mean(0)
    return found


class TracedRun:
    """The clean and the corrupted run of one prompt, and runs with states restored.

    Args:
        blocks: The model.
        prompt: The prompt.
        spread: Standard deviation of the noise.
        settings: How to trace.
        seed: Decides the noise.

    Attributes:
        clean: Probability of the object's first token.
        corrupted: The same with the subject corrupted, the mean over the noise.
    """

    @torch.inference_mode()
    def __init__(
        self,
        blocks: LlamaBlocks,
        prompt: TracedPrompt,
        spread: float,
        settings: TracingSettings,
        seed: int,
    ) -> None:
        self._blocks, self._prompt, self._settings = blocks, prompt, settings
        device = self._blocks.device
        embedded = self._blocks.embed(torch.tensor([prompt.ids], device=device))
        # Drawn on the CPU, so that it is the same on every device.
        chance = torch.Generator().manual_seed(seed)
        subject = slice(prompt.first, prompt.last + 1)
        size = (self._settings.samples, prompt.last + 1 - prompt.first, embedded.shape[-1])
        noise = spread * torch.randn(size, generator=chance)
        noisy = embedded.repeat(self._settings.samples, 1, 1)
        noisy[:, subject] += noise.to(device)
        self._clean, self._corrupted = self._whole(embedded), self._whole(noisy)
        self.clean = float(self._object(self._clean.entering[-1]).mean())
        self.corrupted = float(self._object(self._corrupted.entering[-1]).mean())

    @torch.inference_mode()
    def restored(self, kind: Restored) -> npt.NDArray[np.float64]:
        """Return the (t, l) probabilities with the state of a token at a block restored.

        Of ``hidden`` it is what leaves the block; of ``mlp`` and ``attention`` what this part adds,
        in a window of blocks around it. In the severed kinds it is the hidden state, and the
        token's MLPs, or attentions, of all blocks above stay at what they are corrupted.
        """
        depth, length = self._blocks.depth, len(self._prompt.ids)
        at_once = max(1, self._settings.most_rows // (depth * self._settings.samples))
        found = np.zeros((length, depth))
        for start in range(0, length, at_once):
            places = range(start, min(start + at_once, length))
            found[start : places.stop] = self._at(kind, places)
        return found

    def _at(self, kind: Restored, places: range) -> npt.NDArray[np.float64]:
        """Return the (p, l) probabilities for some places, all blocks' rows as one batch.

        A restored run is the corrupted one up to the block where something is restored. So its
        rows join the batch there, and go on with the others from block to block.
        """
        depth, samples = self._blocks.depth, self._settings.samples
        windows = {"mlp": self._clean.mlp, "attention": self._clean.attention}
        joined: list[int] = []  # blocks whose restored runs are in the batch, in their order
        batch = self._corrupted.entering[0][:0]
        part: Literal["mlp", "attention"] = "mlp" if "mlp" in kind else "attention"
        for block in range(depth):
            if kind in windows:
                new = [n for n in range(depth) if self._window(n).start == block]
                joined += new
                batch = torch.cat([batch, self._runs(block, len(new) * len(places))])
            if kind == "hidden":
                batch = self._blocks.run(batch, block, block + 1) if joined else batch
            elif joined:
                if kind in windows:
                    inside = [n for n, one in enumerate(joined) if block in self._window(one)]
                    state = windows[kind][block].expand(samples, -1, -1)
                else:
                    inside = list(range(len(joined)))
                    state = (self._corrupted.mlp if part == "mlp" else self._corrupted.attention)[
                        block
                    ]
                with self._put(part, block, inside, places, state):
                    batch = self._blocks.run(batch, block, block + 1)
            if kind not in windows:
                joined.append(block)
                new_rows = self._runs(block + 1, len(places))
                state = self._clean.entering[block + 1].expand(samples, -1, -1)
                self._place(new_rows, [0], places, state)
                batch = torch.cat([batch, new_rows])
        chances = self._object(batch).reshape(len(joined), len(places), samples).mean(-1)
        found = np.zeros((len(places), depth))
        found[:, joined] = chances.double().cpu().numpy().T
        return found

    def _window(self, block: int) -> range:
        size = self._settings.window_of(self._blocks.depth)
        start = block - size // 2
        return range(max(0, start), min(self._blocks.depth, start + size))

    def _runs(self, block: int, count: int) -> torch.Tensor:
        """Return (count * s, t, d) corrupted runs, as they enter a block, to be changed."""
        return self._corrupted.entering[block].repeat(count, 1, 1)

    def _place(
        self, batch: torch.Tensor, which: Sequence[int], places: range, state: torch.Tensor
    ) -> None:
        """Replace the states of tokens by those of another run, in place.

        Args:
            batch: (j * p * s, t, d) rows: of each joined block, of each place, of each sample.
            which: Which of the joined blocks' rows are changed; they follow one another.
            places: (p,) the token of each.
            state: (s, t, d) where the states are taken from.
        """
        if not which:
            return
        rows = batch.view(-1, len(places), *state.shape)[which[0] : which[-1] + 1]
        order = torch.arange(len(places), device=batch.device)
        tokens = order + places.start
        # Indices with a slice between them put their own dimension first: (p, j, s, d).
        rows[:, order, :, tokens] = state[:, tokens].transpose(0, 1)[:, None]

    @contextmanager
    def _put(
        self,
        part: Literal["mlp", "attention"],
        block: int,
        which: Sequence[int],
        places: range,
        state: torch.Tensor,
    ) -> Iterator[None]:
        """Have a part of a block give other states for some tokens; see :meth:`_place`."""

        def put(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            given = output[0] if isinstance(output, tuple) else output
            self._place(given, which, places, state)

        hook = self._part(part, block).register_forward_hook(put)
        try:
            yield
        finally:
            hook.remove()

    def _part(self, part: Literal["mlp", "attention"], block: int) -> torch.nn.Module:
        found: torch.nn.Module = getattr(
            self._blocks.blocks[block], "mlp" if part == "mlp" else "self_attn"
        )
        return found

    def _whole(self, embedded: torch.Tensor) -> _Run:
        """Return all states of a run."""
        run = _Run([embedded])

        def see(seen: list[torch.Tensor]) -> Callable[..., None]:
            def keep(module: torch.nn.Module, inputs: Any, output: Any) -> None:
                seen.append(output[0] if isinstance(output, tuple) else output)

            return keep

        hooks = [
            self._part(part, block).register_forward_hook(see(getattr(run, part)))
            for block in range(self._blocks.depth)
            for part in ("mlp", "attention")
        ]
        try:
            for block in range(self._blocks.depth):
                run.entering.append(self._blocks.run(run.entering[-1], block, block + 1))
        finally:
            for hook in hooks:
                hook.remove()
        return run

    def _object(self, leaving: torch.Tensor) -> torch.Tensor:
        """Return the (r,) probability of the object's first token after (r, t, d) states."""
        logits = self._blocks.logits(leaving[:, -1])
        return logits.softmax(-1)[:, self._prompt.answer]
