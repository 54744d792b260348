"""Answers and probabilities of a local model for many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from serac.stop_words import cut_at_stop
from serac.transformers_base import TransformersBase

TOKENS_IN_BATCH = 4096
"""Prompt tokens that are read at once, padding included."""


def complete_all(
    model: TransformersBase,
    prompts: Sequence[str],
    *,
    stop: Sequence[str],
    max_new_tokens: int,
    progress: Callable[[int], None],
) -> list[str]:
    """Return the greedy continuation of each plain prompt, as ``complete`` would give it.

    Prompts of like length are read together, padded on the left.
    """
    import torch

    answers = [""] * len(prompts)
    for places, batch in _batches(model, prompts, "left"):
        read = batch["input_ids"].shape[1]
        ends = {"tokenizer": model.tokenizer, "stop_strings": list(stop)} if stop else {}
        with torch.inference_mode():
            written = model.model.generate(
                **batch, max_new_tokens=max_new_tokens, do_sample=False, **ends
            )
        texts = model.tokenizer.batch_decode(written[:, read:], skip_special_tokens=True)
        for place, text in zip(places, texts, strict=True):
            answers[place] = "".join(cut_at_stop([text], stop)).strip()
        progress(len(places))
    return answers


def target_log_probabilities(
    model: TransformersBase,
    asked: Sequence[tuple[str, str]],
    progress: Callable[[int], None] = lambda more: None,
) -> np.ndarray:
    """Return (n,) log-probabilities a token of each target after its prompt.

    As in ROME's evaluation: the mean over the target's tokens, a space before its first.
    """
    import torch

    found = np.empty(len(asked))
    prompts = [prompt for prompt, _ in asked]
    lengths = [
        len(model.tokenizer(f" {t}", add_special_tokens=False)["input_ids"]) for _, t in asked
    ]
    texts = [f"{prompt} {target}" for prompt, (_, target) in zip(prompts, asked, strict=True)]
    for places, batch in _batches(model, texts, "right"):
        with torch.inference_mode():
            logits = model.model(**batch).logits
        for row, place in enumerate(places):
            end = int(batch["attention_mask"][row].sum())
            begin = end - lengths[place]
            told = torch.log_softmax(logits[row, begin - 1 : end - 1].float(), dim=-1)
            tokens = batch["input_ids"][row, begin:end, None]
            found[place] = float(told.gather(1, tokens).mean())
        progress(len(places))
    return found


def _batches(model: TransformersBase, texts: Sequence[str], side: str) -> Any:
    """Yield (places, tensors) of texts of like length."""
    tokens = [model.tokenizer(text)["input_ids"] for text in texts]
    order = sorted(range(len(texts)), key=lambda n: len(tokens[n]))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and len(tokens[order[end]]) * (end + 1 - start) <= TOKENS_IN_BATCH:
            end += 1
        places = order[start:end]
        yield places, _padded([tokens[place] for place in places], model, side)
        start = end


def _padded(rows: Sequence[list[int]], model: TransformersBase, side: str) -> dict[str, Any]:
    import torch

    longest = max(map(len, rows))
    padding = model.tokenizer.pad_token_id
    padding = model.tokenizer.eos_token_id if padding is None else padding
    ids, mask = [], []
    for row in rows:
        filling = longest - len(row)
        before, after = (filling, 0) if side == "left" else (0, filling)
        ids.append([padding] * before + row + [padding] * after)
        mask.append([0] * before + [1] * len(row) + [0] * after)
    place = model.model.device
    return {
        "input_ids": torch.tensor(ids, device=place),
        "attention_mask": torch.tensor(mask, device=place),
    }
