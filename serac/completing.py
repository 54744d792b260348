"""The continuations of many plain prompts at once, by a local model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from serac.beginnings import Beginnings, beginnings
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
    begins: Sequence[Sequence[str]] = (),
) -> list[str]:
    """Return the greedy continuation of each plain prompt, as ``complete`` would give it.

    Prompts of like length are read together, padded on the left.

    Args:
        model: The model.
        prompts: What is continued.
        stop: Words before which a continuation ends.
        max_new_tokens: Longest continuation.
        progress: Told how many more are done.
        begins: For each prompt, words of which its continuation begins with one.
    """
    import torch
    from transformers import StoppingCriteriaList

    stop = [word for word in stop if word]
    answers = [""] * len(prompts)
    for places, batch in batches(model, prompts, "left"):
        read = batch["input_ids"].shape[1]
        ends: dict[str, Any] = {"pad_token_id": model.tokenizer.eos_token_id}
        if stop:
            ends["stopping_criteria"] = StoppingCriteriaList([model.has_written(stop, read)])
        if begins and any(begins):
            rows = [beginnings(model.tokenizer, prompts[n], begins[n]) for n in places]
            ends["logits_processor"] = [Beginnings(rows, read)]
        with torch.inference_mode():
            written = model.model.generate(
                **batch, max_new_tokens=max_new_tokens, do_sample=False, **ends
            )
        texts = model.tokenizer.batch_decode(written[:, read:], skip_special_tokens=True)
        for place, text in zip(places, texts, strict=True):
            answers[place] = "".join(cut_at_stop([text], stop)).strip()
        progress(len(places))
    return answers


def batches(
    model: TransformersBase, texts: Sequence[str], side: str
) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Yield (places, tensors) of texts of like length, padded on the ``left`` or ``right``."""
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
