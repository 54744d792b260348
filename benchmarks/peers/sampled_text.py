"""Text that a model writes by itself: the stand-in for a corpus, none of which is at hand."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.peers.tokens import pad_token
from memory_store.quiet import quiet_transformers

OPENINGS = (
    "The", "In", "A", "He", "She", "When", "It", "They", "This", "After", "For", "At", "On",
    "There", "Most", "Many", "As", "During", "One", "From", "We", "If", "His", "Some", "With",
    "Today", "By", "These", "Her", "Its", "Two", "Early", "New", "Each", "First", "What",
)  # fmt: skip


@torch.inference_mode()
def sampled_tokens(model: Any, tokenizer: Any, count: int, length: int, seed: int) -> torch.Tensor:
    """Return (count, length) tokens that the model writes, drawn from its own probabilities.

    Each text begins with the first token of a common opening, one after the other. Special
    tokens are never drawn, so that no text ends early.

    Args:
        model: A causal LM, already on its device.
        tokenizer: Its tokenizer.
        count: How many texts.
        length: Tokens of each, the opening's included.
        seed: Decides what is drawn.
    """
    device = model.lm_head.weight.device
    openings = [tokenizer(text, add_special_tokens=False)["input_ids"][0] for text in OPENINGS]
    ids = torch.tensor([[openings[n % len(openings)]] for n in range(count)], device=device)
    if length < 2:
        return ids[:, :length]
    with torch.random.fork_rng([device] if device.type == "cuda" else []), quiet_transformers():
        torch.manual_seed(seed)
        written: torch.Tensor = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=length - 1,
            do_sample=True,
            top_k=0,
            top_p=1.0,
            temperature=1.0,
            suppress_tokens=sorted(set(tokenizer.all_special_ids)),
            pad_token_id=pad_token(tokenizer),
        )
    return written


def sampled_texts(model: Any, tokenizer: Any, count: int, length: int, seed: int) -> list[str]:
    """Return texts of ``length`` tokens that the model writes, each on one line."""
    tokens = sampled_tokens(model, tokenizer, count, length, seed)
    return [" ".join(text.split()) for text in tokenizer.batch_decode(tokens)]
