"""A query rewriter that is any chat model, prompted with a few demonstrations.

It costs a call for every later turn of a conversation, and is as good as the model: a large one
understands doubts, tasks and remarks that a small one, trained for it, leaves as they are.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

from memory_store.errors import InvalidQueryError
from serac.bases import BaseModel, load_base
from serac.conversation import Turn
from serac.query_rewriting.prompt import conversation_lines, has_new_names, read_rewritten

FILE = Path(__file__).with_name("demonstrations.toml")

INSTRUCTIONS = """\
Of each conversation below, the last message is written again so that it can be understood without \
the others: as one question, with the names that pronouns and left out words stand for. Where it \
doubts what was said, or sets a task that turns on a fact, that is the question for the fact. Only \
names that were said are used, and nothing is answered. A last message that asks for nothing, or \
that can be understood without the others, is left alone: then the query is "same".
Write the last query, in one line, and nothing else."""

LONGEST_REPLY = 256
"""Tokens: some models think aloud first."""

LONGEST_QUERY = 400
"""Characters; what is longer is no question."""

REMEMBERED = 64
"""Conversations whose queries are kept: the same turn is asked about more than once."""

_LABEL = re.compile(r"\bquery ?[:\uff1a]", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:user|assistant) ?[:\uff1a]", re.IGNORECASE | re.MULTILINE)
_ENDS = (".", "?", "!")
_REMARK = re.compile(r"(?:(?<=[.?!])|(?<=[.?!][\"'\u201d\u2019])|(?<=\bsame))\s*\([^()]*\)$", re.I)
_AROUND = " \t*_`\"'\u201c\u201d\u2018\u2019"

log = logging.getLogger(__name__)


class PromptedRewriter:
    """Has a chat model write the last turns of conversations as queries of their own.

    It fits :class:`serac.view.Rewriter`, and is as thread-safe as the model is.

    Args:
        base: Returns the model; called when a conversation first needs it.
    """

    def __init__(self, base: Callable[[], BaseModel]) -> None:
        self._base = base
        self._reply = lru_cache(maxsize=REMEMBERED)(self._asked)

    @classmethod
    def over(cls, model: Any, *, device: str | None = None) -> Self:
        """Return a rewriter over a model, which is loaded when a conversation first needs it.

        It should be the plain model: one with an overlay around it would look for edits in the
        demonstrations.

        Args:
            model: What :func:`serac.bases.load_base` finds a model by.
            device: Where a local model runs; chosen by itself when ``None``.
        """
        return cls(cache(lambda: load_base(model, device=device)))

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        """Return what each last turn asks; ``None`` where that is the turn as it is.

        A query with a name that nobody has said is made up, and left out.

        Args:
            conversations: The conversations, each with the user's turn last.

        Raises:
            ModelError: The model can't be had, or failed.
        """
        return [self._rewritten(turns) for turns in conversations]

    def _rewritten(self, turns: Sequence[Turn]) -> str | None:
        query = read_query(self._reply(prompt_of(turns)))
        if query is None or query.casefold() == turns[-1].content.strip().casefold():
            return None
        # A model that is too small repeats what it was shown.
        return None if query in _shown_queries() or has_new_names(query, turns) else query

    def _asked(self, prompt: str) -> str:
        try:
            return self._base().reply([Turn("user", prompt)], max_new_tokens=LONGEST_REPLY)
        except InvalidQueryError as error:  # no room for it: the turn is read as it is
            log.warning("the base model can't rewrite a turn: %s", error)
            return ""


def prompt_of(turns: Sequence[Turn]) -> str:
    """Return the instructions, the demonstrations, and a conversation; the query continues it.

    Args:
        turns: The conversation, the user's turn last.
    """
    return "\n\n".join([_beginning(), "\n".join([*conversation_lines(turns), "Query:"])])


def read_query(text: str) -> str | None:
    """Return the query that a model wrote, or ``None`` where the turn stands as it is.

    It stands after the last label, or else in the last line: what comes before are thoughts. Where
    the model goes on with another conversation, that is not read; nor is a last line that was cut
    off.

    Args:
        text: What the model wrote.
    """
    after = _LABEL.split(_GOES_ON.split(text)[0])
    said = [line for line in map(_bare, after[-1].splitlines()) if line]
    if not said:
        return None
    alone = len(after) > 1 or len(said) == 1
    line = said[0] if alone else said[-1]
    if len(line) > LONGEST_QUERY or not (alone or line.endswith(_ENDS)):
        return None
    return read_rewritten(line)


def _bare(line: str) -> str:
    """Return a line without markup, quotation marks, and a remark in brackets after its end."""
    bare = line.strip(_AROUND)
    return _REMARK.sub("", bare).strip(_AROUND) if _REMARK.search(bare) else bare


@cache
def _beginning() -> str:
    return "\n\n".join([INSTRUCTIONS, *map(_demonstration, _shown())])


@cache
def _shown_queries() -> frozenset[str]:
    return frozenset(entry["query"] for entry in _shown() if "query" in entry)


def _shown() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = tomllib.loads(FILE.read_text("utf-8"))["demonstration"]
    return read


def _demonstration(entry: dict[str, Any]) -> str:
    roles = ("user", "assistant")
    turns = [Turn(roles[n % 2], text) for n, text in enumerate(entry["turns"])]
    return "\n".join([*conversation_lines(turns), f"Query: {entry.get('query', 'same')}"])
