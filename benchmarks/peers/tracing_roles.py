"""The facts that are traced, and the roles that the tokens of their prompts play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tokens import (
    pad_token,
    subject_span,
    tokenize,
    tokens_of_span,
)

ROLES = (
    "first subject token",
    "middle subject tokens",
    "last subject token",
    "first subsequent token",
    "further tokens",
    "last token",
)
LAST_SUBJECT = ROLES.index("last subject token")
BATCH = 64


@dataclass(frozen=True, slots=True)
class Fact:
    """What a model may know.

    Attributes:
        prompt: What the object continues, the subject in it.
        subject: The subject, as it stands in the prompt.
        object: The true object.
    """

    prompt: str
    subject: str
    object: str


@dataclass(frozen=True, slots=True)
class TracedPrompt:
    """A fact as tokens.

    Attributes:
        ids: Tokens of the prompt.
        first: Place of the subject's first token.
        last: Place of its last token.
        answer: First token of the object.
    """

    ids: tuple[int, ...]
    first: int
    last: int
    answer: int

    def role(self, place: int) -> int | None:
        """Return the role of a token, by its place in ``ROLES``; ``None`` before the subject.

        A subject's only token is its last; the prompt's last token is nothing else.
        """
        if place < self.first:
            return None
        if place == self.last:
            return LAST_SUBJECT
        if place < self.last:
            return 0 if place == self.first else 1
        if place == len(self.ids) - 1:
            return 5
        return 3 if place == self.last + 1 else 4


def traced_prompt(tokenizer: Any, fact: Fact) -> TracedPrompt:
    """Return a fact as tokens.

    Raises:
        InvalidEditError: The subject doesn't stand in the prompt.
        InvalidQueryError: The prompt or the object has no tokens.
    """
    text = tokenize(tokenizer, fact.prompt, fact.object)
    span = subject_span(fact.prompt, fact.subject)
    first, last = tokens_of_span(tokenizer, fact.prompt, span)
    return TracedPrompt(text.ids[: text.read], first, last, text.ids[text.read])


@torch.inference_mode()
def known_facts(
    blocks: LlamaBlocks, tokenizer: Any, facts: Sequence[Fact], most: int | None = None
) -> list[Fact]:
    """Return the facts that a model knows: its greedy next tokens are the true object's.

    Args:
        blocks: The model.
        tokenizer: Its tokenizer.
        facts: The facts, the ones to prefer first.
        most: How many are wanted; all when ``None``.
    """
    found: list[Fact] = []
    for start in range(0, len(facts), BATCH):
        part = facts[start : start + BATCH]
        texts = [tokenize(tokenizer, fact.prompt, fact.object) for fact in part]
        ids, targets = blocks.batch(texts, pad_token(tokenizer))
        hidden = blocks.run(blocks.embed(ids))
        # Greedy decoding writes the object if each of its tokens is the likeliest after those
        # before it, so one pass over the whole text tells.
        best = blocks.logits(hidden[targets.rows, targets.places]).argmax(-1)
        right = targets.mean_by_row((best == targets.tokens).float()).cpu() > 1 - 1e-6
        found += [fact for fact, known in zip(part, right.tolist(), strict=True) if known]
        if most is not None and len(found) >= most:
            return found[:most]
    return found


@torch.inference_mode()
def embedding_spread(blocks: LlamaBlocks, prompts: Sequence[TracedPrompt]) -> float:
    """Return the standard deviation of the numbers in the embeddings of all subjects' tokens."""
    tokens = [token for one in prompts for token in one.ids[one.first : one.last + 1]]
    return float(blocks.embed(torch.tensor(tokens, device=blocks.device)).std())
