"""ROME's keys and values: where a fact is looked up, and what shall be found there.

Meng et al. 2022, section 3.1. All that lies below the edited block, or before the subject's last
token, is run once; in the optimisation only what the change reaches is run again, and logits are
made where they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks, quick_products
from benchmarks.peers.row_ends import RowEnds
from benchmarks.peers.second_moments import keys_and_output
from benchmarks.peers.tokens import (
    Targets,
    TokenizedText,
    pad_token,
    subject_span,
    tokenize,
    tokens_of_span,
)

ESSENCE = "{} is a"
"""What else is said of a subject, and shall stay as it is."""


@dataclass(frozen=True, slots=True)
class RomeSettings:
    """How ROME edits; numbers are those that EasyEdit has for Llama where it has any.

    Attributes:
        layer: The block whose down projection is edited; the default is where tracing found the
            greatest effect of MLPs at the subject's last token. Its window reaches from block 0 to
            5, and the effect falls by two thirds once block 0 leaves it.
        prefix_lengths: Tokens of the texts that are put before a prompt; its own beginning, with
            nothing before it, always counts as one more.
        prefixes_each: How many texts there are of each length.
        steps: Adam's steps at most.
        learning_rate: Adam's.
        weight_decay: Weight of the norm of the change over the square of the old value's.
        clamp: Norm of the change at most, as a multiple of the old value's.
        kl_weight: Weight of the divergence of what follows "{subject} is a".
        stop_loss: Loss below which a value is good enough.
        moment_tokens: Tokens that the second moments of the keys are taken of.
        ridge: Share of the second moments' mean diagonal that is added to it.
        batch_size: Edits whose values are optimised at once, where they are prepared together.
        seed: Decides the texts that the model writes.
    """

    layer: int = 3
    prefix_lengths: tuple[int, ...] = (5, 10)
    prefixes_each: int = 10
    steps: int = 25
    learning_rate: float = 0.5
    weight_decay: float = 1e-3
    clamp: float = 4.0
    kl_weight: float = 0.0625
    stop_loss: float = 5e-2
    moment_tokens: int = 100_000
    ridge: float = 1e-4
    batch_size: int = 8
    seed: int = 0


@dataclass(frozen=True, slots=True)
class KeysAndValues:
    """What a down projection W is to map where, for n edits.

    Attributes:
        keys: (n, k) keys k*.
        old: (n, d) values W k*.
        values: (n, d) values v* that take their place.
        losses: (n,) losses that the optimisation ended at.
    """

    keys: torch.Tensor
    old: torch.Tensor
    values: torch.Tensor
    losses: torch.Tensor


@dataclass(frozen=True, slots=True)
class _Rows:
    """A batch of prompts under prefixes, and of essences, as it leaves the edited block.

    Each row counts from its subject's last token on, at place 0.

    Attributes:
        ends: The rows from there on.
        edits: (r,) the edit of each row.
        targets: The objects' tokens; an essence has none.
        essences: (n,) row of each edit's essence.
        last: (n,) last place of it.
    """

    ends: RowEnds
    edits: torch.Tensor
    targets: Targets
    essences: torch.Tensor
    last: torch.Tensor


def keys_and_values(
    blocks: LlamaBlocks,
    tokenizer: Any,
    edits: Sequence[PeerEdit],
    prefixes: Sequence[str],
    settings: RomeSettings,
) -> KeysAndValues:
    """Return keys and values of edits, each made as if it were alone.

    A key is the mean of the down projection's inputs at the subject's last token, over the
    prefixes. A value is the projection's output there plus the change that is found.

    Args:
        blocks: The model as it is now.
        tokenizer: Its tokenizer.
        edits: The edits.
        prefixes: What is put before each prompt; the first one empty.
        settings: How to optimise.
    """
    rows, row_keys = _rows(blocks, tokenizer, edits, prefixes, settings.layer)
    count = len(prefixes)
    weight = blocks.weight(settings.layer)
    # The essence is the last row of each edit, and its key isn't one of the fact's.
    by_edit = row_keys.reshape(len(edits), count + 1, -1)[:, :count]
    keys = by_edit.mean(1)
    scale = (by_edit[:, 0] @ weight.T).norm(dim=1)
    with quick_products(blocks.device):
        change, losses = _optimised(blocks, rows, scale, settings)
    old = keys @ weight.T
    return KeysAndValues(keys, old, old + change, losses)


@torch.no_grad()
def _rows(
    blocks: LlamaBlocks,
    tokenizer: Any,
    edits: Sequence[PeerEdit],
    prefixes: Sequence[str],
    layer: int,
) -> tuple[_Rows, torch.Tensor]:
    """Return the rows of a batch of edits, and the (r, k) key at each row's subject."""
    texts: list[TokenizedText] = []
    subjects: list[int] = []
    for edit in edits:
        for prefix in prefixes:
            text = under(prefix, edit.prompt)
            texts.append(tokenize(tokenizer, text, edit.target))
            start, end = subject_span(edit.prompt, edit.subject)
            shift = len(text) - len(edit.prompt)
            subjects.append(tokens_of_span(tokenizer, text, (start + shift, end + shift))[1])
        essence = ESSENCE.format(edit.subject)
        texts.append(tokenize(tokenizer, essence))
        subjects.append(tokens_of_span(tokenizer, essence, (0, len(edit.subject)))[1])
    device = blocks.device
    ids, targets = blocks.batch(texts, pad_token(tokenizer))
    below = blocks.run(blocks.embed(ids), end=layer)
    keys, hidden = keys_and_output(blocks, layer, below)
    each = len(prefixes) + 1
    at = torch.tensor(subjects, device=device)
    everything = torch.arange(len(texts), device=device)
    essences = everything[each - 1 :: each]
    # What follows an object's last token isn't asked; what follows an essence is.
    asked = [len(text.ids) - (text.read < len(text.ids)) for text in texts]
    lengths = torch.tensor(asked, device=device)
    rows = _Rows(
        RowEnds(blocks, hidden, lengths, at, layer + 1),
        everything // each,
        replace(targets, places=targets.places - at[targets.rows]),
        essences,
        (lengths - at)[essences] - 1,
    )
    return rows, keys[everything, at]


def under(prefix: str, prompt: str) -> str:
    """Return a prompt with a text before it."""
    return f"{prefix}. {prompt}" if prefix else prompt


def _optimised(
    blocks: LlamaBlocks, rows: _Rows, scale: torch.Tensor, settings: RomeSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (n, d) changes of the values, and the (n,) losses that they end at.

    The changes of different edits share a batch and nothing else: losses are summed, Adam works
    on each number by itself, and an edit whose loss is low is left as it is.

    Args:
        blocks: The model.
        rows: The batch.
        scale: (n,) norms of the old values.
        settings: How to optimise.
    """
    hidden = rows.ends.hidden
    change = hidden.new_zeros(len(rows.essences), hidden.shape[2], requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=settings.learning_rate)
    with torch.no_grad():
        before = _essences(blocks, rows, rows.ends.run(hidden))
    limit = settings.clamp * scale[:, None]
    for step in range(settings.steps + 1):
        with torch.enable_grad():
            losses = _losses(blocks, rows, change, before, scale, settings)
        going_on = losses.detach() >= settings.stop_loss
        if step == settings.steps or not going_on.any():
            break
        optimizer.zero_grad()
        losses.sum().backward()
        kept = change.detach().clone()
        optimizer.step()
        with torch.no_grad():
            norms = change.norm(dim=1, keepdim=True)
            moved = torch.where(norms > limit, change * (limit / norms), change)
            change.copy_(torch.where(going_on[:, None], moved, kept))
    return change.detach(), losses.detach()


def _losses(
    blocks: LlamaBlocks,
    rows: _Rows,
    change: torch.Tensor,
    before: torch.Tensor,
    scale: torch.Tensor,
    settings: RomeSettings,
) -> torch.Tensor:
    """Return each edit's loss: its object's, the essence's divergence, and the change's norm."""
    hidden = rows.ends.hidden
    changed = hidden[:, :1] + change[rows.edits][:, None]
    above = rows.ends.run(torch.cat([changed, hidden[:, 1:]], 1))
    by_row = blocks.losses(above, rows.targets).reshape(len(change), -1)
    now = _essences(blocks, rows, above)
    divergence = (before.exp() * (before - now)).sum(-1)
    return (
        by_row[:, :-1].mean(1)
        + settings.kl_weight * divergence
        + settings.weight_decay * change.norm(dim=1) / scale**2
    )


def _essences(blocks: LlamaBlocks, rows: _Rows, above: torch.Tensor) -> torch.Tensor:
    """Return the (n, v) log-probabilities of what follows each essence."""
    return blocks.logits(above[rows.essences, rows.last]).log_softmax(-1)
