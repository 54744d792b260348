"""Cutting a stream of text where a stop word begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def cut_at_stop(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """Yield pieces of text up to the first stop word, which is left out.

    A stop word may lie across pieces: as much as could still become one is held back.
    """
    words = [word for word in stop if word]
    if not words:
        yield from pieces
        return
    longest = max(map(len, words))
    held = ""
    for piece in pieces:
        held += piece
        end = _first(held, words)
        if end is not None:
            if _may_begin_before(held, end, words):
                continue  # the next piece tells
            break
        safe = len(held) - (longest - 1)
        if safe > 0:
            yield held[:safe]
            held = held[safe:]
    rest = held[: _first(held, words)]
    if rest:
        yield rest


def _first(text: str, words: Sequence[str]) -> int | None:
    """Return where the first of some words begins, or ``None`` where there is none."""
    return min((at for at in map(text.find, words) if at >= 0), default=None)


def _may_begin_before(text: str, end: int, words: Sequence[str]) -> bool:
    """Say whether a longer word that begins before a place may still be going on."""
    return any(
        word.startswith(text[start:])
        for word in words
        for start in range(max(0, len(text) - len(word) + 1), end)
    )
