"""Turns as they are typed in haste."""

from __future__ import annotations

import random

from classifiers import names

CARELESS = 0.15
TYPO = 0.05


def in_haste(text: str, chance: random.Random) -> str:
    """Return a turn as it is, or now and then without capitals, or with a typing error."""
    draw = chance.random()
    if draw < CARELESS:
        return names.careless(text)
    return names.typo(text, chance) if draw < CARELESS + TYPO else text
