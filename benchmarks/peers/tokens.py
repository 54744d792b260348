"""Prompts and continuations as tokens, and where a subject stands among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from memory_store.errors import InvalidEditError, InvalidQueryError


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """A prompt with its continuation.

    Attributes:
        ids: All tokens.
        read: How many of them are the prompt's.
    """

    ids: tuple[int, ...]
    read: int


@dataclass(frozen=True, slots=True)
class Targets:
    """The tokens of a batch's continuations, and the places that they are predicted at.

    Attributes:
        rows: (m,) row of each token.
        places: (m,) place before it.
        tokens: (m,) the token.
        counts: (n,) tokens of each row's continuation.
    """

    rows: torch.Tensor
    places: torch.Tensor
    tokens: torch.Tensor
    counts: torch.Tensor

    def mean_by_row(self, values: torch.Tensor) -> torch.Tensor:
        """Return the (n,) mean of (m,) values over each row's tokens; 0 for a row without."""
        zeros = torch.zeros(len(self.counts), dtype=values.dtype, device=values.device)
        return zeros.index_add(0, self.rows, values) / self.counts.clamp(min=1)


def continuation_of(prompt: str, text: str) -> str:
    """Return a text as it continues a prompt: a space before it, unless there is one already."""
    return text if not prompt or prompt[-1].isspace() or text[:1].isspace() else f" {text}"


def tokenize(tokenizer: Any, prompt: str, text: str | None = None) -> TokenizedText:
    """Return the tokens of a prompt and of the text that continues it.

    The two are tokenized apart: a model that generates has read the prompt's own tokens, so a
    continuation is scored after the very same ones, and the places of a subject stay what they
    are whatever follows. Where a word begins with its space, as in byte-level vocabularies, the
    tokens are the ones of the text as a whole.

    Raises:
        InvalidQueryError: The prompt or the continuation has no tokens.
    """
    ids = tuple(tokenizer(prompt)["input_ids"])
    if not ids:
        raise InvalidQueryError("a prompt without tokens can't be continued; give one with words")
    if text is None:
        return TokenizedText(ids, len(ids))
    told = continuation_of(prompt, text)
    more = tuple(tokenizer(told, add_special_tokens=False)["input_ids"])
    if not more or not text.strip():
        raise InvalidQueryError(f"nothing continues {prompt!r}; give an object with words")
    return TokenizedText(ids + more, len(ids))


def pad_token(tokenizer: Any) -> int:
    """Return the token that fills rows up; nothing ever attends to it."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return int(next(token for token in known if token is not None))


def padded(texts: Sequence[TokenizedText], padding: int, device: torch.device) -> torch.Tensor:
    """Return (n, t) tokens, filled up on the right, where causal attention doesn't look."""
    longest = max(len(text.ids) for text in texts)
    rows = [[*text.ids, *[padding] * (longest - len(text.ids))] for text in texts]
    return torch.tensor(rows, device=device)


def targets_of(texts: Sequence[TokenizedText], device: torch.device) -> Targets:
    """Return the continuations' tokens of a batch that :func:`padded` makes."""
    found = [
        (row, place - 1, text.ids[place])
        for row, text in enumerate(texts)
        for place in range(text.read, len(text.ids))
    ]
    columns = torch.tensor(found, dtype=torch.long, device=device).reshape(-1, 3)
    counts = [len(text.ids) - text.read for text in texts]
    rows, places, tokens = columns.unbind(1)
    return Targets(rows, places, tokens, torch.tensor(counts, device=device))


def subject_span(prompt: str, subject: str) -> tuple[int, int]:
    """Return where a subject begins and ends in a prompt, in characters; the last time it stands.

    Raises:
        InvalidEditError: It doesn't stand in the prompt.
    """
    start = prompt.rfind(subject) if subject else -1
    # Some letters are longer in lower case, and would move all places after them.
    if start < 0 and subject and len(prompt.lower()) == len(prompt):
        start = prompt.lower().rfind(subject.lower())
    if start < 0:
        raise InvalidEditError(f"the subject {subject!r} is not in {prompt!r}; name it as there")
    return start, start + len(subject)


def tokens_of_span(tokenizer: Any, text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Return the places of the first and the last token that a span of a text touches.

    Args:
        tokenizer: A fast tokenizer, which knows the characters of its tokens.
        text: The text.
        span: Where the span begins and ends, in characters.

    Raises:
        InvalidEditError: No token touches it.
    """
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    # A word's token may begin with the space before it; the token after it begins at the end.
    touched = [n for n, (a, b) in enumerate(offsets) if a < span[1] and b > span[0]]
    if not touched:
        raise InvalidEditError(f"no token of {text!r} is its subject's; give another prompt")
    return touched[0], touched[-1]
