"""Whether an answer takes anything from the edits that it is given from.

A small model that has just read an edit may still say what it believes. The object of an edit is
not known, but an answer that follows it has some word of it that the query doesn't have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from classifiers.features import TextWords
from memory_store import Edit

_WRITTEN = re.compile(r"[^\W_]+(?:[^\w\s]+[^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s\b", re.IGNORECASE)  # noqa: RUF001
_PART = re.compile(r"[\W_]+")
_JOINED = ("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "DEVANAGARI", "BENGALI", "TAMIL", "TELUGU")
"""Scripts, by the names of their letters, without spaces between words or with vowels as marks."""

_VERDICTS = frozenset("yes no not never none nobody nothing".split())
"""What an answer may begin with that follows an edit without a word of it."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What edits say that a query doesn't.

    Attributes:
        words: The words of the edits with anything new in them, as they are written.
        parts: What is new in them, folded.
    """

    words: tuple[str, ...]
    parts: frozenset[str]

    @classmethod
    def of(cls, query: str, edits: Sequence[Edit]) -> Grounding:
        """Return what the edits say that the query doesn't, small words aside.

        Scripts that put no spaces between words, or whose vowels are marks, are left out.
        """
        known = _parts(query)
        told = [unicodedata.normalize("NFC", edit.text) for edit in edits]
        words = [
            word
            for text in told
            for word in _WRITTEN.findall(_POSSESSIVE.sub("", text))
            if _content(word) - known and not _is_wide(word)
        ]
        parts = [part for word in words for part in _content(word) - known]
        return cls(tuple(dict.fromkeys(words)), frozenset(parts))

    def holds(self, answer: str) -> bool:
        """Say whether an answer has something of it; a yes or a no needs nothing."""
        first = next(iter(_PART.sub(" ", answer.casefold()).split()), "")
        return not self.parts or first in _VERDICTS or bool(self.parts & _parts(answer))

    def checked(self, pieces: Iterator[str], others: Callable[[], Iterator[str]]) -> Iterator[str]:
        """Yield the pieces of an answer that has something of it, and the others otherwise.

        Pieces are held back until they have it.
        """
        held = ""
        for piece in pieces:
            held += piece
            whole = held.rpartition(" ")[0]  # the last word may go on
            if whole.strip() and self.holds(whole):
                yield held
                yield from pieces
                return
        if held.strip() and self.holds(held):
            yield held
            return
        said = False
        for piece in others():
            said = said or bool(piece.strip())
            yield piece
        if not said:  # better an answer without a word of the edits than none
            yield held


def _parts(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKC", _POSSESSIVE.sub("", text)).casefold()
    return set(_PART.sub(" ", plain).split())


def _content(word: str) -> set[str]:
    return _parts(word) & TextWords(_PART.sub(" ", word)).content


def _is_wide(word: str) -> bool:
    """Say whether a word is of a script whose words aren't told apart here."""
    return any(
        unicodedata.east_asian_width(letter) in "WF"
        or unicodedata.name(letter, "").startswith(_JOINED)
        for letter in word
    )
