"""The views of a query: what is looked up in the memory.

An edit's subject drowns in a long message, so a message of several sentences is seen
whole and sentence by sentence. A last turn that refers back ("Who designed it?") is made
to stand on its own with the name that the user's turn before it was about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from classifiers import text_views
from serac.conversation import Turn

_REFERENCE = re.compile(
    r"\b(?:[Ii]ts?|[Hh]e|[Ss]he|[Hh]im|[Hh]is|[Hh]er|[Tt]hey|[Tt]hem|[Tt]heir)\b"  # not IT
)
_POSSESSIVE = {"its", "his", "their"}
_WORD = re.compile(r"\w[\w'’.-]*")  # noqa: RUF001
_TRAILING = ".'’-"  # noqa: RUF001
_LINKS = frozenset({"of", "the", "de", "la", "von", "van", "and", "in", "for"})
_OPENING_WORDS = """
a an and are at but by can could did do does for from had has have he her him his how i if in is
it its list my name of on or our she should so that the their them then there these they this
those to was we were what when where which who whom whose why will with would you your
add change compare continue convert count define describe draft explain find fix give help keep
let make please rewrite say shorten show summarise summarize tell translate write
actually also great hello hey hi hm hmm interesting maybe nice no nope now oh ok okay right
sorry sure thank thanks well wow yes
"""
_OPENERS = frozenset(_OPENING_WORDS.split())


def views(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return the texts under which the last user turn is looked up.

    A turn that refers back is seen standing alone first, and as it was written last: the
    name that was put in is a guess.
    """
    last = turns[-1].content.strip()
    return tuple(dict.fromkeys([*text_views(_standing_alone(turns)), last]))


def _standing_alone(turns: Sequence[Turn]) -> str:
    last = turns[-1].content.strip()
    earlier = [turn.content for turn in turns[:-1] if turn.role == "user"]
    reference = _REFERENCE.search(last)
    # A name before the pronoun is what it refers to; one after it is not.
    if not earlier or reference is None or _names(last[: reference.start()]):
        return last
    names = _names(earlier[-1])
    if not names:
        return last
    before, after = last[: reference.start()], last[reference.end() :]
    return before + _in_form(names[-1], reference.group().casefold(), after) + after


def _in_form(name: str, pronoun: str, after: str) -> str:
    # "her" owns what follows it, if anything does.
    owns = pronoun in _POSSESSIVE or (pronoun == "her" and after[:1] == " ")
    return f"{name}'s" if owns else name


def _names(text: str) -> list[str]:
    """Return the capitalised names of a text, without the words that open a sentence."""
    names: list[str] = []
    begin = end = None  # of the name that is being read
    before = ""
    for match in _WORD.finditer(text):
        word = match.group().rstrip(_TRAILING)
        if begin is not None and not _joined(before, text[end : match.start()]):
            names.append(text[begin:end])
            begin = None
        if word[0].isupper() or word[0].isdigit():
            if begin is None and _base_form(word) in _OPENERS:
                continue
            begin = match.start() if begin is None else begin
            end = match.start() + len(word)
            before = word
    if begin is not None:
        names.append(text[begin:end])
    return [re.sub(r"['’]s$", "", name) for name in names]  # noqa: RUF001


def _joined(word: str, gap: str) -> bool:
    """Say whether a name goes on after a gap: a space, linking words, the dot of ``St.``."""
    short = len(word.rpartition(".")[2]) <= 3
    between = gap.removeprefix(".") if short else gap
    return between.startswith(" ") and all(word in _LINKS for word in between.split())


def _base_form(word: str) -> str:
    """Return ``what`` for ``What's`` and ``i`` for ``I'm``."""
    return re.split("['’]", word.casefold(), maxsplit=1)[0]  # noqa: RUF001
