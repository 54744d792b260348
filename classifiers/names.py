"""Changes to names and letters: what keeps a name the same, what makes it another, typos."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def variant(name: str, chance: random.Random, *, person: bool = False) -> str | None:
    """Return another writing of the same name, or ``None`` where no rule gives one.

    Args:
        name: The name.
        chance: Where chance comes from.
        person: Whether it is a person's, whose first names may be shortened or left out.
    """
    words = name.split()
    options = [
        re.sub(r"\s*\([^)]*\)", "", name),
        _plain(name),
        name.replace("&", "and") if "&" in name else name.replace(" and ", " & "),
        name.removeprefix("The "),
        name.replace("–", "-").replace("-", " "),  # noqa: RUF001
    ]
    if person and len(words) >= 2 and all(word[0].isupper() for word in words):
        first, *rest = words
        options.append(" ".join([f"{first[0]}.", *rest]))
        if len(words) == 2:
            options.append(f"{first} {chance.choice(_LETTERS).upper()}. {rest[0]}")
        if len(words) == 3:
            options += [f"{first} {rest[1]}", f"{first} {rest[0][0]}. {rest[1]}"]
    options = [option for option in dict.fromkeys(options) if option and option != name]
    return chance.choice(options) if options else None


def near_miss(name: str, others: Sequence[str], chance: random.Random) -> str | None:
    """Return a name that looks alike but is another: a number or one word is changed.

    Args:
        name: The name.
        others: Names to take words from.
        chance: Where chance comes from.
    """
    digits = list(re.finditer(r"\d", name))
    if digits:
        at = chance.choice(digits).start()
        return name[:at] + str((int(name[at]) + chance.randrange(1, 9)) % 10) + name[at + 1 :]
    words = name.split()
    if len(words) < 2:
        return None
    donor = chance.choice(others).split()
    place = chance.choice([0, len(words) - 1])
    taken = donor[0 if place == 0 else -1]
    if taken == words[place] or not taken[:1].isupper():
        return None
    return " ".join([*words[:place], taken, *words[place + 1 :]])


def typo(text: str, chance: random.Random) -> str:
    """Return the text with one letter lost, doubled, swapped or mistyped."""
    places = [n for n in range(1, len(text) - 1) if text[n].isalpha() and text[n + 1].isalpha()]
    if not places:
        return text
    at = chance.choice(places)
    return chance.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + chance.choice(_LETTERS) + text[at + 1 :],
        )
    )


def careless(text: str) -> str:
    """Return a question as it is typed in haste: no capitals, no mark at its end."""
    return text.lower().rstrip("?. ")


def _plain(name: str) -> str:
    split = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in split if not unicodedata.combining(letter))
