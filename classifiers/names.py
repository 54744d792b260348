"""Changes to names and letters: what keeps a name the same, what makes it another, typos."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_VOWELS = "aeiou"
_NO_NAMES = frozenset("Jr. Jr Sr. Sr II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split())
_TITLES = ("Captain", "Dame", "Dr.", "General", "Lady", "Lord", "Professor", "Sir")


def folded_name(name: str) -> str:
    """Return a name as it is compared with others: without case and accents."""
    return plain(name).casefold()


def is_named(text: str, name: str) -> bool:
    """Say whether a text has a name, both folded, and not only inside a word."""
    return bool(name) and name in text and bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))


def variant(
    name: str, chance: random.Random, *, person: bool = False, others: Sequence[str] = ()
) -> str | None:
    """Return another writing of the same name, or ``None`` where no rule gives one.

    Args:
        name: The name.
        chance: Where chance comes from.
        person: Whether it is a person's, whose first names may be shortened, left out or added.
        others: Persons to take further first names from.
    """
    words = name.split()
    options = [
        re.sub(r"\s*\([^)]*\)", "", name),
        plain(name),
        name.replace("&", "and") if "&" in name else name.replace(" and ", " & "),
        name.removeprefix("The "),
        name.replace("–", "-").replace("-", " "),  # noqa: RUF001
    ]
    if person and ", " in name:
        short = name.partition(",")[0]
        options.append(short)
        words = short.split()
    plainly = all(word[0].isupper() and word not in _NO_NAMES for word in words)
    if person and len(words) >= 2 and plainly:
        first, *rest = words
        options.append(" ".join([f"{first[0]}.", *rest]))
        if len(words) == 2:
            options.append(f"{first} {chance.choice(_LETTERS).upper()}. {rest[0]}")
        if len(words) == 3:
            options += [f"{first} {rest[1]}", f"{first} {rest[0][0]}. {rest[1]}"]
        options += _fuller(words, chance, others)
        options.append(_respelt(" ".join(words), chance))
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
    donor = chance.choice(others).split() if others else []
    if not donor:
        return None
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


def _fuller(words: list[str], chance: random.Random, others: Sequence[str]) -> list[str]:
    """Return longer and formal writings of a person's name."""
    *given, last = words
    initials = "".join(word[0] for word in given)
    found = [
        f"{chance.choice(_TITLES)} {' '.join(words)}",
        f"{last}, {' '.join(given)}",
        f"{last} {initials}",
        f"{'. '.join(initials)}. {last}",
    ]
    for donor in chance.sample(others, min(2, len(others))):
        added = donor.partition(" ")[0]
        if added.isalpha() and added[0].isupper() and len(added) > 2:
            found += [
                f"{given[0]} {' '.join([added, *given[1:]])} {last}",
                f"{' '.join(words)} {added}",
            ]
    return found


def _respelt(name: str, chance: random.Random) -> str:
    """Return a name with one of its vowels another, as transliterations differ."""
    places = [n for n, letter in enumerate(name) if letter in _VOWELS]
    if len(places) < 3:
        return name
    at = chance.choice(places)
    return name[:at] + chance.choice(_VOWELS) + name[at + 1 :]


def plain(name: str) -> str:
    """Return a name without accents."""
    split = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in split if not unicodedata.combining(letter))
