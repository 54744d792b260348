"""Made-up edits about people, places and works that exist nowhere, the same for every run."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from memory_store import EditDraft

_BEGINNINGS = (
    "bra cor dal fen gor hul jas kel lom mir nov ost pel quo rud sel tam urv vel zan".split()
)
_MIDDLES = "a e i o u ai eo ia ou".split()
_ENDS = "bek dor fin gast lund mar nack pol rix sten tov vane wick zor".split()


@dataclass(frozen=True, slots=True)
class MadeUpEdit:
    """A statement with its parts, and a question in its scope."""

    text: str
    subject: str
    relation: str
    object: str
    question: str

    @property
    def draft(self) -> EditDraft:
        """What is stored of it."""
        return EditDraft(self.text, subject=self.subject, relation=self.relation)


@dataclass(frozen=True, slots=True)
class _Template:
    subject: Callable[[random.Random], str]
    relation: str
    object: Callable[[random.Random], str]
    statement: str
    question: str


def _word(chance: random.Random) -> str:
    parts = chance.choice(_BEGINNINGS), chance.choice(_MIDDLES), chance.choice(_ENDS)
    return "".join(parts).capitalize()


def _person(chance: random.Random) -> str:
    return f"{_word(chance)} {_word(chance)}"


def _city(chance: random.Random) -> str:
    return _word(chance) + chance.choice(["", "burg", "haven", " Falls", "ville"])


def _company(chance: random.Random) -> str:
    return f"{_word(chance)} {chance.choice(['Works', 'Foundries', 'Textiles', 'Instruments'])}"


def _work(chance: random.Random) -> str:
    return f"The {_word(chance)} {chance.choice(['Letters', 'Sonata', 'Ledger', 'Portraits'])}"


def _trade(chance: random.Random) -> str:
    return chance.choice(["glassblower", "cartographer", "organist", "beekeeper", "bookbinder"])


def _year(chance: random.Random) -> str:
    return str(chance.randint(1650, 2020))


_TEMPLATES = (
    _Template(_person, "born in", _city, "{s} was born in {o}.", "Where was {s} born?"),
    _Template(_person, "trade", _trade, "{s} works as a {o}.", "What does {s} do for a living?"),
    _Template(_person, "spouse", _person, "{s} is married to {o}.", "Who is {s}'s spouse?"),
    _Template(_city, "mayor", _person, "The mayor of {s} is {o}.", "Who is the mayor of {s}?"),
    _Template(_city, "twin town", _city, "{s} is twinned with {o}.", "Which town is {s}'s twin?"),
    _Template(_company, "seat", _city, "{s} has its main office in {o}.", "Where does {s} sit?"),
    _Template(_company, "head", _person, "{s} is led by {o}.", "Who runs {s}?"),
    _Template(_company, "founded", _year, "{s} was founded in {o}.", "When did {s} begin?"),
    _Template(_work, "author", _person, "{s} was made by {o}.", "Who made {s}?"),
    _Template(_work, "kept in", _city, "{s} is kept in {o}.", "In which city is {s} kept?"),
)


def made_up_edits(count: int = 1000, seed: int = 0) -> list[MadeUpEdit]:
    """Return that many edits; no two have the same subject."""
    chance = random.Random(seed)
    edits: list[MadeUpEdit] = []
    subjects: set[str] = set()
    while len(edits) < count:
        template = _TEMPLATES[len(edits) % len(_TEMPLATES)]
        subject, answer = template.subject(chance), template.object(chance)
        if subject in subjects:
            continue
        subjects.add(subject)
        edits.append(
            MadeUpEdit(
                template.statement.format(s=subject, o=answer),
                subject,
                template.relation,
                answer,
                template.question.format(s=subject),
            )
        )
    return edits
