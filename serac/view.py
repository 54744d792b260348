"""The readings of a query: what its last turn asks, made to stand on its own.

A turn may refer back ("Who designed it?", "And the capital?", "And Oslo?"). Then it is read as it
was written, and for each of the names that were spoken of last with that name at its end ("Who
designed it, Space Needle?") and in place of its pronoun ("Who designed Space Needle?"). Which name
is meant is a guess; the scope classifier tells whether an edit answers the reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serac.conversation import Turn

MOST_NAMES = 4
"""Names that are tried for what a turn refers to, the one spoken of last first."""

LONGEST_FOLLOW_UP = 1_000
"""Characters of a turn above which it is read as it was written alone."""

LONGEST_NAME = 80
"""Characters of what counts as a name."""

LOOKED_BACK = 40
"""Turns before the last one that are searched for names."""

_REFERENCE = re.compile(
    r"\b(?:[Ii]ts?|[Hh]e|[Ss]he|[Hh]im|[Hh]is|[Hh]er|[Tt]hey|[Tt]hem|[Tt]heir)\b"  # not IT
)
_POSSESSIVE = {"its", "his", "their"}
_POINTED = re.compile(r"\b(?:that|this|those|these) (?!is\b|was\b|are\b)[a-z]+\b")
_WORD = re.compile(r"\w[\w'’.-]*")  # noqa: RUF001
_TRAILING = ".'’-"  # noqa: RUF001
_LINKS = frozenset({"of", "the", "de", "la", "von", "van", "and", "in", "for"})
_OPENING_WORDS = """
a an and are at but by can could did do does for from had has have he her him his how i if in is
it its list my name of on or our she should so that the their them then there these they this
those to was we were what when where which who whom whose why will with would you your
add change compare continue convert count define describe draft explain find fix give help keep
let make please rewrite say shorten show summarise summarize tell translate write
aren couldn didn doesn don hasn haven isn shouldn wasn weren won wouldn
about again any anyone around back both each every everyone few good half last many more most
much new next nobody none not often once one only other really same since some somebody someone
something sometimes soon still such then today try two usually very yesterday
call check choose come imagine invent mention pick put remind say see suggest take think use
actually also great hello hey hi hm hmm interesting maybe nice no nope now oh ok okay right
sorry sure thank thanks well wow yes
"""
_OPENERS = frozenset(_OPENING_WORDS.split())


_BACK = re.compile(
    r"\b(?:that|this|those|these|there|then|again|really|same|other)\b|^(?:and|but|or|so|the)\b"
    r"|\bthe\b|\b(?:what|how) about\b|\bsure\b",
    re.IGNORECASE,
)
"""What a turn without a name has that refers back, beside pronouns."""

_ANOTHER = re.compile(r"^(?:and|or|but|what about|how about)\b(?:\s+(?:what|how) about\b)?", re.I)
"""How the question before is asked again of another subject."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a turn asks.

    Attributes:
        text: The turn, standing on its own.
        guessed: Whether a name was put in.
    """

    text: str
    guessed: bool = False


def readings(turns: Sequence[Turn]) -> tuple[Reading, ...]:
    """Return what the last turn may ask: as it was written, and with names put in."""
    last = turns[-1].content.strip()
    found = dict.fromkeys(_with_names(last, turns[:-1]))
    found.pop(last, None)
    return (Reading(last), *(Reading(text, True) for text in found))


def _with_names(last: str, before: Sequence[Turn]) -> list[str]:
    """Return the last turn with each name that it may refer to put in."""
    again = _asked_again(last, before)
    if again is not None:
        return [again]
    if len(last) > LONGEST_FOLLOW_UP:
        return []
    refers = any(map(_lacks_name, _SENTENCE.split(last)))
    if not refers and (_names(last) or not _BACK.search(last)):
        return []
    at = len(last.rstrip("?.! \t\r\n"))
    found = []
    for name in _spoken_of(before):
        found += [_put_in(last, name), f"{last[:at]}, {name}{last[at:]}"]
    return found


def _put_in(last: str, name: str) -> str:
    """Return a turn with a name in place of what stands for it, in every sentence without one."""
    put = []
    for sentence in _SENTENCE.split(last):
        reference = _REFERENCE.search(sentence) or _POINTED.search(sentence)
        if reference and not _names(sentence[: reference.start()]):
            before, after = sentence[: reference.start()], sentence[reference.end() :]
            sentence = before + _in_form(name, reference.group().casefold(), after) + after
        put.append(sentence)
    return " ".join(put)


def _lacks_name(sentence: str) -> bool:
    """Say whether a pronoun of a sentence refers to a name outside of it."""
    reference = _REFERENCE.search(sentence)
    # A name before the pronoun is what it refers to; one after it is not.
    return reference is not None and not _names(sentence[: reference.start()])


def _asked_again(last: str, before: Sequence[Turn]) -> str | None:
    """Return the user's question before with another name, for "And Oslo?"."""
    opening = _ANOTHER.match(last)
    named = _names(last)
    previous = next((turn.content.strip() for turn in reversed(before) if turn.role == "user"), "")
    if opening is None or len(named) != 1 or not previous.endswith("?"):
        return None
    rest = last[opening.end() :].replace(named[0], "")
    old = _names(previous)
    if not old or [word for word in _WORD.findall(rest) if word.casefold() not in _LINKS]:
        return None
    places = list(re.finditer(rf"(?<!\w){re.escape(old[-1])}(?!\w)", previous))
    if not places:
        return None
    return previous[: places[-1].start()] + named[0] + previous[places[-1].end() :]


def _spoken_of(before: Sequence[Turn]) -> list[str]:
    """Return the names that were spoken of last: by the user first, then by the assistant.

    A single word that opens a sentence may be no name; such a one comes last.
    """
    near = before[-LOOKED_BACK:]
    texts = [t.content for t in reversed(near) if t.role == "user"]
    texts += [t.content for t in reversed(near) if t.role == "assistant"]
    sure: dict[str, None] = {}
    unsure: dict[str, None] = {}
    for text in texts:
        sentences = [one for one in _SENTENCE.split(text) if one.strip()]
        opening = {one.split(maxsplit=1)[0].strip(f"{_TRAILING},!?:;") for one in sentences}
        for name in reversed(_names(text)):
            if len(name) <= LONGEST_NAME:
                (unsure if name in opening else sure)[name] = None
        if len(sure) >= MOST_NAMES:
            break
    return list(dict.fromkeys([*sure, *unsure]))[:MOST_NAMES]


def _in_form(name: str, pronoun: str, after: str) -> str:
    # "her" owns what follows it, if anything does.
    owns = pronoun in _POSSESSIVE or (pronoun == "her" and after[:1] == " ")
    return f"{name}'s" if owns else name


def _names(text: str) -> list[str]:
    """Return the capitalised names of a text, without numbers and words that open a sentence."""
    names: list[str] = []
    begin = end = None  # of the name that is being read
    before = ""
    for match in _WORD.finditer(text):
        word = match.group().rstrip(_TRAILING)
        if begin is not None and not _joined(before, text[end : match.start()]):
            names.append(text[begin:end])
            begin = None
        if word[0].isupper() or word[0].isdigit():
            abbreviation = word.isupper() and len(word) > 1
            if begin is None and not abbreviation and _base_form(word) in _OPENERS:
                continue
            begin = match.start() if begin is None else begin
            end = match.start() + len(word)
            before = word
    if begin is not None:
        names.append(text[begin:end])
    found = [re.sub(r"['’]s$", "", name) for name in names]  # noqa: RUF001
    return [name for name in found if not name.isdigit()]


def _joined(word: str, gap: str) -> bool:
    """Say whether a name goes on after a gap: a space, linking words, the dot of ``St.``."""
    short = len(word.rpartition(".")[2]) <= 3
    between = gap.removeprefix(".") if short else gap
    return between.startswith(" ") and all(word in _LINKS for word in between.split())


def _base_form(word: str) -> str:
    """Return ``what`` for ``What's`` and ``i`` for ``I'm``."""
    return re.split("['’]", word.casefold(), maxsplit=1)[0]  # noqa: RUF001
