"""Similarity features of a (query, edit) pair."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

FEATURES = (
    "cosine",
    "word_jaccard",
    "query_words_in_edit",
    "edit_words_in_query",
    "edit_names_in_query",
    "query_names_in_edit",
    "trigram_jaccard",
    "common_run",
    "numbers_agree",
)
"""Names of the columns, in order."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)  # noqa: RUF001
_STOP_WORDS = frozenset(
    """
    a an and are as at be been by did do does for from had has have he her his how i in is
    it its of on or she that the their they this to was were what when where which who whom
    whose why will with you your
    """.split()
)


def pair_features(
    query: str,
    edits: Sequence[str],
    query_vector: npt.NDArray[np.float32],
    edit_vectors: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """Return (k, 9) features of one query with each of k edits.

    Args:
        query: The query.
        edits: k texts of edits.
        query_vector: (d,) unit vector of the query.
        edit_vectors: (k, d) unit vectors of the edits.
    """
    rows = np.empty((len(edits), len(FEATURES)))
    rows[:, 0] = edit_vectors @ query_vector
    asked = TextWords(query)
    for row, edit in zip(rows, edits, strict=True):
        row[1:] = _overlap(asked, TextWords(edit))
    return rows


class TextWords:
    """A text as its words, content words, names, numbers and letter trigrams."""

    @staticmethod
    @lru_cache(maxsize=65_536)
    def of(text: str) -> TextWords:
        """Return the words of a text that is likely to be asked for again, such as an edit."""
        return TextWords(text)

    def __init__(self, text: str) -> None:
        written = _WORD.findall(text)
        self.words = [word.casefold() for word in written]
        self.content = {word for word in self.words if word not in _STOP_WORDS}
        self.names = {
            word.casefold()
            for place, word in enumerate(written)
            if word[0].isupper() and (place > 0 or word.casefold() not in _STOP_WORDS)
        } & self.content
        self.numbers = {word for word in self.words if any(map(str.isdigit, word))}

    @cached_property
    def trigrams(self) -> set[str]:
        """The letter trigrams of the words, with the spaces between them."""
        padded = f"  {' '.join(self.words)} "
        return {padded[i : i + 3] for i in range(len(padded) - 2)}


def _overlap(query: TextWords, edit: TextWords) -> tuple[float, ...]:
    return (
        _share(query.content & edit.content, query.content | edit.content),
        _share(query.content & edit.content, query.content),
        _share(query.content & edit.content, edit.content),
        _share(edit.names & query.content, edit.names),
        _share(query.names & edit.content, query.names),
        _share(query.trigrams & edit.trigrams, query.trigrams | edit.trigrams),
        _longest_run(query.words, edit.words) / max(1, len(edit.words)),
        1.0 if not query.numbers else _share(query.numbers & edit.numbers, query.numbers),
    )


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / len(whole) if whole else 0.0


def _longest_run(first: list[str], second: list[str]) -> int:
    """Return the length of the longest run of words that both texts share."""
    best = 0
    above = [0] * (len(second) + 1)
    for word in first:
        row = [0] * (len(second) + 1)
        for place, other in enumerate(second, start=1):
            if word == other:
                row[place] = above[place - 1] + 1
                best = max(best, row[place])
        above = row
    return best
