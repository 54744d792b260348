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
        found = [at for at in map(held.find, words) if at >= 0]
        if found:
            if held[: min(found)]:
                yield held[: min(found)]
            return
        safe = len(held) - (longest - 1)
        if safe > 0:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held
