"""Probabilities of texts under a local model, for many prompts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from serac.completing import batches
from serac.transformers_base import TransformersBase


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
    for places, batch in batches(model, texts, "right"):
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
