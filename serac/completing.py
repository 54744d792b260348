"""The continuations of many plain prompts at once, by a local model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from serac.beginnings import Beginnings, beginnings
from serac.stop_words import cut_at_stop
from serac.transformers_base import TransformersBase

TOKENS_IN_BATCH = 4096
"""Prompt tokens that are read at once, padding included."""

WITH_BEAMS = 1024, 8
"""Prompt tokens, and prompts, that are read at once where each has several beams."""


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


def likeliest_all(
    model: TransformersBase,
    prompts: Sequence[str],
    *,
    beams: int,
    max_new_tokens: int,
    progress: Callable[[int], None],
) -> list[list[tuple[str, float]]]:
    """Return the likeliest continuations of each plain prompt, by beam search.

    A prompt is read once for all its beams.

    Args:
        model: The model.
        prompts: What is continued.
        beams: How many continuations of each.
        max_new_tokens: Longest continuation; one ends where the model ends it.
        progress: Told how many more prompts are done.

    Returns:
        For each prompt, continuations with their probabilities, the likeliest first.
    """
    import torch

    found: list[list[tuple[str, float]]] = [[] for _ in prompts]
    for places, batch in batches(model, prompts, "left", *WITH_BEAMS):
        read = batch["input_ids"].shape[1]
        with torch.inference_mode():
            written = model.model.generate(
                **batch,
                **_read_for_beams(model, batch, beams),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=beams,
                num_return_sequences=beams,
                length_penalty=0.0,  # scores are the log-probabilities of whole continuations
                early_stopping=True,
                pad_token_id=model.tokenizer.eos_token_id,
                return_dict_in_generate=True,
                output_scores=True,
            )
        texts = model.tokenizer.batch_decode(written.sequences[:, read:], skip_special_tokens=True)
        scores = written.sequences_scores.tolist()
        for number, place in enumerate(places):
            own = slice(number * beams, (number + 1) * beams)
            found[place] = [
                (text.strip(), math.exp(score))
                for text, score in zip(texts[own], scores[own], strict=True)
            ]
        progress(len(places))
    return found


def _read_for_beams(model: TransformersBase, batch: dict[str, Any], beams: int) -> dict[str, Any]:
    """Return what ``generate`` needs so that no prompt is read again for every beam."""
    mask = batch["attention_mask"][:, :-1]
    if not mask.shape[1]:
        return {}
    read = model.model(
        input_ids=batch["input_ids"][:, :-1],
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    )
    read.past_key_values.batch_repeat_interleave(beams)
    return {"past_key_values": read.past_key_values}


def batches(
    model: TransformersBase,
    texts: Sequence[str],
    side: str,
    most_tokens: int = TOKENS_IN_BATCH,
    most_texts: int | None = None,
) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Yield (places, tensors) of texts of like length, padded on the ``left`` or ``right``."""
    tokens = [model.tokenizer(text)["input_ids"] for text in texts]
    order = sorted(range(len(texts)), key=lambda n: len(tokens[n]))
    start = 0
    while start < len(order):
        end, last = start + 1, start + (most_texts or len(order))
        while end < min(last, len(order)) and (
            len(tokens[order[end]]) * (end + 1 - start) <= most_tokens
        ):
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
