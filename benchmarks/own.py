"""Cases of our own writing: edits that are no triples, facts, conversations with follow-ups."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.success import folded, states
from serac.conversation import Turn

FOLDER = Path(__file__).parent / "own_cases"

Part = Literal["dev", "test"]


@dataclass(frozen=True, slots=True)
class Statement:
    """An edit that is no triple, and a query about it.

    Attributes:
        kind: What sort of edit it is: ``date``, ``list``, ``refusal`` and so on.
        edit: The edit.
        query: The query.
        answers: One of these stands in a right answer.
        excluded: None of these stands in it.
    """

    kind: str
    edit: str
    query: str
    answers: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """An edit, queries that it answers, and near ones that it doesn't."""

    edit: str
    asks: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A turn of the user, with the reply that stands in the history after it.

    Attributes:
        kind: ``opening``, ``follow_up`` (an edit answers it, read with the turns before it) or
            ``unrelated`` (none does).
        user: What the user says.
        assistant: The scripted reply.
        edit: For a follow-up, place of the edit that answers.
        answers: For a follow-up, one of these stands in a right answer.
        excluded: None of these stands in it.
    """

    kind: Literal["opening", "follow_up", "unrelated"]
    user: str
    assistant: str
    edit: int | None
    answers: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Edits, and a conversation in which some turns are about them."""

    edits: tuple[str, ...]
    turns: tuple[ConversationTurn, ...]

    def read(self) -> Iterator[tuple[ConversationTurn, list[Turn]]]:
        """Yield each turn of the user, with the conversation up to it."""
        said: list[Turn] = []
        for turn in self.turns:
            said.append(Turn("user", turn.user))
            yield turn, list(said)
            said.append(Turn("assistant", turn.assistant))


def beyond_triples() -> tuple[Statement, ...]:
    """Return the edits that are no triples."""
    return tuple(
        Statement(case["kind"], case["edit"], case["query"], *_expected(case))
        for case in _read("beyond_triples.toml")["case"]
    )


def own_facts() -> tuple[Fact, ...]:
    """Return the facts to test with, which were not looked at."""
    return tuple(
        Fact(record["edit"], tuple(record["asks"]), tuple(record["others"]))
        for record in _read("facts_test.toml")["fact"]
    )


def follow_ups(part: Part) -> tuple[Conversation, ...]:
    """Return the conversations of a part.

    Those for dev were read while query rewriting was worked on; those for test were written apart
    from what is trained on and from its prompts, and not looked at before they were measured.
    """
    return tuple(
        Conversation(
            tuple(record["edits"]),
            tuple(
                ConversationTurn(
                    turn["kind"],
                    turn["user"],
                    turn["assistant"],
                    turn.get("edit"),
                    *_expected(turn),
                )
                for turn in record["turn"]
            ),
        )
        for record in _read(f"follow_ups_{part}.toml")["conversation"]
    )


def is_right(answer: str, expected: Sequence[str], excluded: Sequence[str]) -> bool:
    """Say whether an answer has one of the texts expected and none excluded, as whole words.

    Case and punctuation are folded; a text with an asterisk at its end is the beginning of a word.
    """
    return any(_has(answer, text) for text in expected) and not any(
        _has(answer, text) for text in excluded
    )


def _has(answer: str, text: str) -> bool:
    if text.endswith("*"):
        return f" {folded(text)}" in f" {folded(answer)}"
    return states(answer, text)


def _expected(record: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(record.get("answers", ())), tuple(record.get("not", ()))


def _read(name: str) -> dict[str, Any]:
    with (FOLDER / name).open("rb") as file:
        return tomllib.load(file)
