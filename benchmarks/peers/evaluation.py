"""What an edited model says: success, locality, longer texts, and what it is still able to do."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.answers_text import generation_entropy
from benchmarks.peers.cases import EXACT, NEIGHBORHOOD, PARAPHRASE, PORTABILITY, PeerCase
from benchmarks.peers.editor import EditedModel
from benchmarks.peers.routed import Asked, asked_of, generate, log_probabilities
from benchmarks.success import follows_edit, states

HELD_TEXT = Path(__file__).with_name("held_text.toml")
LETTERS = {EXACT: "E", PARAPHRASE: "P", NEIGHBORHOOD: "N"}
"""The first letter of ROME's scores, by kind of query."""

FOLLOWS = "answer follows the edit"
OLD = "old object in the answer"
SAME = "same text as unedited"
FROM_EDIT = "answer has what follows from the edit"
GE, WORDS = "GE (bits)", "words written"
GENERAL, TEXT, EVERYDAY = "held text", "longer text", "everyday"
NLL = "negative log-likelihood a token"
WORST_NLL = 50.0
"""What a model is given that has no number for it, or a greater one: a perplexity of 5e21."""

Progress = Callable[[int], None]
Observations = dict[tuple[str, str], list[tuple[float, int]]]
"""By kind and metric: what was observed, each with the number of its record."""


@dataclass(frozen=True, slots=True)
class PeerSizes:
    """How much is asked.

    Attributes:
        cases: Cases that are asked of those that are edited.
        neighbors: Neighbourhood prompts of each.
        questions: Everyday questions.
        passages: Passages of held text.
        texts: Cases of which a longer text is written.
        alone: Of the cases that are edited one at a time, those of which longer texts are written
            and after which held text and everyday questions are asked.
        tokens: Tokens that are read of an answer.
        text_tokens: Tokens of a longer text.
    """

    cases: int = 100
    neighbors: int = 5
    questions: int = 100
    passages: int = 12
    texts: int = 25
    alone: int = 3
    tokens: int = 16
    text_tokens: int = 100


SMALL = PeerSizes(
    cases=2, neighbors=1, questions=2, passages=2, texts=1, alone=1, tokens=6, text_tokens=12
)


@dataclass(frozen=True, slots=True)
class Put:
    """A query about a case as it was put to an edited model."""

    case: PeerCase
    kind: str
    query: str
    asked: Asked
    expected: str | None = None


@dataclass(slots=True)
class Found:
    """Observations that are gathered."""

    seen: Observations = field(default_factory=dict)

    def add(self, kind: str, metric: str, value: float, record: int) -> None:
        """Add one."""
        self.seen.setdefault((kind, metric), []).append((float(value), record))


def put(
    model: EditedModel,
    cases: Sequence[PeerCase],
    near: dict[int, tuple[str, ...]],
    texts: Sequence[PeerCase],
) -> list[Put]:
    """Put all queries about cases to an edited model, which decides now how it answers.

    Args:
        model: The edited model.
        cases: The cases.
        near: Their neighbourhood prompts, by their numbers.
        texts: Those of which longer texts are written.
    """
    told: list[tuple[PeerCase, str, str, str | None]] = []
    for case in cases:
        told += [(case, EXACT, query, None) for query in case.asked[EXACT]]
        told += [(case, PARAPHRASE, query, None) for query in case.asked[PARAPHRASE]]
        told += [(case, NEIGHBORHOOD, query, None) for query in near[case.number]]
        told += [(case, PORTABILITY, query, answer) for query, answer in case.hops]
    told += [(case, TEXT, case.begins, None) for case in texts if case.begins]
    asked = asked_of(model, [query for _, _, query, _ in told])
    return [
        Put(case, kind, query, how, expected)
        for (case, kind, query, expected), how in zip(told, asked, strict=True)
    ]


def answers(model: EditedModel, queries: Sequence[str], tokens: int) -> dict[str, str]:
    """Return what a model says to queries in so many tokens, by query."""
    return dict(zip(queries, generate([Asked(model, q) for q in queries], tokens), strict=True))


def observe(
    found: Found,
    puts: Sequence[Put],
    as_ever: Mapping[str, str],
    sizes: PeerSizes,
    progress: Progress,
) -> None:
    """Ask what was put, and add what is seen.

    Args:
        found: Where observations go.
        puts: The queries.
        as_ever: What the unedited model says to the neighbourhood prompts. It was asked before:
            an editor of weights works on the same model.
        sizes: How long an answer is.
        progress: Told how many more queries were answered.
    """
    short = [one for one in puts if one.kind != TEXT]
    _scores(found, [one for one in short if one.kind in LETTERS and one.case.edit.original])
    written = generate([one.asked for one in short], sizes.tokens)
    for one, text in zip(short, written, strict=True):
        _judge(found, one, text, as_ever)
    progress(len(short))
    _texts(found, [one for one in puts if one.kind == TEXT], sizes.text_tokens)


def _scores(found: Found, puts: Sequence[Put]) -> None:
    """Add ROME's scores and magnitudes."""
    objects = [text for one in puts for text in (one.case.edit.target, str(one.case.edit.original))]
    logs = log_probabilities([one.asked for one in puts for _ in (0, 1)], objects)
    told = np.nan_to_num(np.exp(logs))  # a model that editing broke may have no numbers
    for one, (new, old) in zip(puts, told.reshape(-1, 2), strict=True):
        if one.kind == NEIGHBORHOOD and not one.case.relation:
            continue  # an unrelated question, whose answer is neither object
        margin = float(old - new if one.kind == NEIGHBORHOOD else new - old)
        letter = LETTERS[one.kind]
        found.add(one.kind, f"{letter}S", margin > 0, one.case.number)
        found.add(one.kind, f"{letter}M", margin, one.case.number)


def _judge(found: Found, one: Put, text: str, as_ever: Mapping[str, str]) -> None:
    edit, number = one.case.edit, one.case.number
    if one.kind == NEIGHBORHOOD:
        found.add(one.kind, SAME, text == as_ever[one.query], number)
    elif one.kind == PORTABILITY:
        found.add(one.kind, FROM_EDIT, states(text, str(one.expected)), number)
    else:
        found.add(one.kind, FOLLOWS, follows_edit(text, edit.target, edit.original), number)
        if edit.original and not states(edit.target, edit.original):
            found.add(one.kind, OLD, states(text, edit.original), number)


def _texts(found: Found, puts: Sequence[Put], tokens: int) -> None:
    for one, text in zip(puts, generate([p.asked for p in puts], tokens), strict=True):
        words = f"{one.query} {text}".split()  # with its beginning, as in ROME
        found.add(TEXT, GE, generation_entropy(words), one.case.number)
        found.add(TEXT, WORDS, len(text.split()), one.case.number)


def observe_general(
    found: Found,
    model: EditedModel,
    questions: Sequence[str],
    as_ever: Mapping[str, str],
    sizes: PeerSizes,
) -> None:
    """Add what a model is still able to do: held text is as likely, everyday answers the same.

    Args:
        found: Where observations go.
        model: The edited model.
        questions: The everyday questions.
        as_ever: What the unedited model says to them.
        sizes: How long an answer is, and how many passages are read.
    """
    passages = held_text()[: sizes.passages]
    asked = asked_of(model, [*(first for first, _ in passages), *questions])
    told = log_probabilities(asked[: len(passages)], [rest for _, rest in passages])
    for place, value in enumerate(told):
        found.add(GENERAL, NLL, WORST_NLL if np.isnan(value) else min(-value, WORST_NLL), place)
    said = generate(asked[len(passages) :], sizes.tokens)
    for place, (question, answer) in enumerate(zip(questions, said, strict=True)):
        found.add(EVERYDAY, SAME, answer == as_ever[question], place)


@cache
def held_text() -> tuple[tuple[str, str], ...]:
    """Return passages of our own writing, each as its first sentence and the rest."""
    with HELD_TEXT.open("rb") as file:
        return tuple((first, rest) for first, rest in tomllib.load(file)["passage"])
