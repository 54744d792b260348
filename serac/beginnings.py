"""Having a model begin its text with one of some words, the likeliest.

The tokens that may come next are those of the words' tree, until a word is whole: De Cao et al.,
"Autoregressive Entity Retrieval", ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Beginnings:
    """Leaves a model only the tokens that begin one of the words; a processor of ``generate``.

    Args:
        rows: For each prompt of a batch, the tokens of each word; all tokens are left to a row
            without any.
        read: Tokens of the prompts, padding included.
    """

    def __init__(self, rows: Sequence[Sequence[Sequence[int]]], read: int) -> None:
        self.rows, self.read = rows, read

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return the scores (b, v), with minus infinity where a token may not be next."""
        left = scores.clone()
        beams = scores.shape[0] // len(self.rows)
        for place in range(scores.shape[0]):
            following = self._following(place // beams, input_ids[place, self.read :].tolist())
            # A model's own settings may bar them all; then they have the last word.
            if following and scores[place, following].isfinite().any():
                left[place] = float("-inf")
                left[place, following] = scores[place, following]
        return left

    def _following(self, row: int, written: list[int]) -> list[int]:
        """Return the tokens that may be next; none where all may be."""
        words = self.rows[row]
        if any(written[: len(word)] == list(word) for word in words):
            return []
        begun = [word for word in words if list(word[: len(written)]) == written]
        return sorted({word[len(written)] for word in begun})


def beginnings(tokenizer: Any, prompt: str, words: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each word where it continues a prompt after a space.

    A word that changes the tokens of the prompt itself is left out, and one that the tokenizer
    doesn't know.
    """
    line = prompt.rpartition("\n")[2] or prompt
    before, *longer = tokenizer([line, *(f"{line} {word}" for word in words)])["input_ids"]
    read, unknown = len(before), tokenizer.unk_token_id
    found = [tokens[read:] for tokens in longer if tokens[:read] == before]
    return [tokens for tokens in found if tokens and unknown not in tokens]
