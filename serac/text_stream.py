"""Text from a model that is still writing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any


class TextStream:
    """Takes tokens from ``generate``, as its ``streamer``, and yields text in another thread.

    The pieces joined are what decoding all tokens at once gives. For that the whole answer
    is decoded at each token (some decoders drop the space of a first token), and the last
    word is held back (some change the space before a punctuation mark that follows).

    Args:
        tokenizer: Decodes the tokens.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._prompt_is_past = False
        self._given = 0
        self._pieces: SimpleQueue[str | None] = SimpleQueue()

    def put(self, tokens: Any) -> None:
        """Take the tokens (1, t) of the prompt at the first call, then each new token (1,)."""
        if self._prompt_is_past:
            self._tokens.extend(tokens.flatten().tolist())
            self._give(_settled(self._decoded()))
        self._prompt_is_past = True

    def end(self) -> None:
        """Give the rest."""
        self._give(self._decoded())
        self.close()

    def close(self) -> None:
        """Let the reader go, whatever has been given."""
        self._pieces.put(None)

    def __iter__(self) -> Iterator[str]:
        """Yield pieces until the end."""
        return iter(self._pieces.get, None)

    def _decoded(self) -> str:
        return str(self._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _give(self, text: str) -> None:
        if len(text) > self._given:
            self._pieces.put(text[self._given :])
            self._given = len(text)


def _settled(text: str) -> str:
    """Return the part of a text that no further token changes."""
    # Ideographs stand without spaces between; half a character is decoded as U+FFFD.
    if text and unicodedata.east_asian_width(text[-1]) in "WF":
        return text
    if text != text.rstrip():
        return text.rstrip()
    words = text.rsplit(maxsplit=1)
    return words[0] if len(words) == 2 else ""


def stripped(pieces: Iterator[str]) -> Iterator[str]:
    """Yield what ``str.strip`` would leave: space is held back until a word follows it."""
    started = False
    space = ""
    for piece in pieces:
        text = space + piece if started else piece.lstrip()
        words = text.rstrip()
        space = text[len(words) :]
        if words:
            started = True
            yield words
