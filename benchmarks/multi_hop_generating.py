"""Continuations of many prompts that begin alike: what they share is read once.

The peers show the model a thousand tokens of demonstrations before each question; read again for
every prompt, they would make up nine tenths of the work.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from serac.completing import complete_all
from serac.stop_words import cut_at_stop
from serac.transformers_base import TransformersBase

LEAST_SHARED = 48
"""Tokens from which on a beginning is worth being kept."""

TOKENS_IN_BATCH = 4096
"""Tokens after the beginning that are read at once, padding included."""

ROWS_IN_BATCH = 16
"""Prompts in a batch: each holds the beginning's keys and values."""


def complete_alike(
    model: TransformersBase,
    prompts: Sequence[str],
    *,
    stop: Sequence[str],
    max_new_tokens: int,
    progress: Callable[[int], None],
) -> list[str]:
    """Return what :func:`serac.completing.complete_all` would, reading what is shared once.

    Args:
        model: The model.
        prompts: The prompts.
        stop: Words before which a continuation ends.
        max_new_tokens: Longest continuation.
        progress: Told how many more were continued.
    """
    import torch
    from transformers import StoppingCriteriaList

    tokens = [model.tokenizer(prompt)["input_ids"] for prompt in prompts]
    shared = _shared(tokens)
    if shared < LEAST_SHARED or len(prompts) < 2:
        return complete_all(
            model, prompts, stop=stop, max_new_tokens=max_new_tokens, progress=progress
        )
    place = model.model.device
    beginning = torch.tensor([tokens[0][:shared]], device=place)
    with torch.inference_mode():
        read = model.model(beginning, use_cache=True, logits_to_keep=1).past_key_values
    stop = [word for word in stop if word]
    answers = [""] * len(prompts)
    for places in _batches([row[shared:] for row in tokens]):
        batch = _padded([tokens[n] for n in places], shared, model)
        cache = copy.deepcopy(read)
        cache.batch_repeat_interleave(len(places))
        ends: dict[str, Any] = {}
        if stop:
            written_after = model.has_written(stop, batch["input_ids"].shape[1])
            ends["stopping_criteria"] = StoppingCriteriaList([written_after])
        with torch.inference_mode():
            written = model.model.generate(
                **batch,
                past_key_values=cache,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=_padding(model),
                **ends,
            )
        length = batch["input_ids"].shape[1]
        texts = model.tokenizer.batch_decode(written[:, length:], skip_special_tokens=True)
        for n, text in zip(places, texts, strict=True):
            answers[n] = "".join(cut_at_stop([text], stop)).strip()
        progress(len(places))
    return answers


def _shared(tokens: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all begin with; each has one more at least."""
    if not tokens:
        return 0
    columns = zip(*tokens, strict=False)
    alike = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return min(alike, *(len(row) - 1 for row in tokens), len(tokens[0]) - 1)


def _batches(rests: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the places of prompts whose rests are of like length."""
    found: list[list[int]] = []
    for place in sorted(range(len(rests)), key=lambda n: len(rests[n])):
        full = found and (
            len(found[-1]) >= ROWS_IN_BATCH
            or (len(found[-1]) + 1) * len(rests[place]) > TOKENS_IN_BATCH
        )
        if not found or full:
            found.append([])
        found[-1].append(place)
    return found


def _padded(rows: Sequence[list[int]], shared: int, model: TransformersBase) -> dict[str, Any]:
    """Return a batch of (n, t) tensors, filled up between the beginning and the rest."""
    import torch

    longest = max(map(len, rows))
    ids = [row[:shared] + [_padding(model)] * (longest - len(row)) + row[shared:] for row in rows]
    mask = [[1] * shared + [0] * (longest - len(row)) + [1] * (len(row) - shared) for row in rows]
    place = model.model.device
    return {
        "input_ids": torch.tensor(ids, device=place),
        "attention_mask": torch.tensor(mask, device=place),
    }


def _padding(model: TransformersBase) -> int:
    found = model.tokenizer.pad_token_id
    return int(model.tokenizer.eos_token_id if found is None else found)
