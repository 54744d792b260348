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

from mello.prompted import Chat
from memory_store.errors import InvalidQueryError, ModelError
from serac.bases import BaseModel, CompletionModel, load_base
from serac.conversation import Turn
from serac.langchain_base import LangChainBase
from serac.lazily import loaded_once
from serac.query_rewriting.prompt import has_new_names, rewriting_prompt, write_rewritten

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

LONGEST_READ = 4000
"""Characters of a reply that are read."""

LONGEST_QUERY = 400
"""Characters; what is longer is no question."""

REMEMBERED = 64
"""Conversations whose queries are kept: the same turn is asked about more than once."""

TURN_THRESHOLD = 0.6
"""Probability from which on an edit is in scope of a turn that was rewritten. Chosen on the dev
conversations of ``benchmarks/own_cases`` with the queries of a large chat model, for the shipped
scope classifier: one fires on 3.6% of the turns that no edit answers. The turn classifier, which
makes up for a small rewriter, does worse there, and isn't asked."""

STOPS = ("User:", "Assistant:")
"""Words before which a local model is stopped; not every provider knows stop words."""

_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.IGNORECASE | re.DOTALL)
_GOES_ON = re.compile(r"^\W*(?:user|assistant) ?[:\uff1a]", re.IGNORECASE | re.MULTILINE)
_LABEL = re.compile(r"\bquery[\s*_`]*[:\uff1a]", re.IGNORECASE)
_SAME = re.compile(r"\W*(?:the query is\W*)?(?:same|unchanged|none|n/a)\b", re.IGNORECASE)
_REMARK = re.compile(r"(?<=[.?!\"'\u201d\u2019])\s*\([^()]*\)$")
_WORD = re.compile(r"\w{4,}")
_MARK = r"[\s*_`\"'\u201c\u201d\u2018\u2019]+"
_AROUND = re.compile(f"^{_MARK}|{_MARK}$")

log = logging.getLogger(__name__)


class PromptedRewriter:
    """Has a chat model write the last turns of conversations as queries of their own.

    It fits :class:`serac.view.Rewriter`, and is as thread-safe as the model is.

    Args:
        chat: Answers a prompt.

    Attributes:
        turn_threshold: What its turns are held to, unless the overlay is given another.
    """

    turn_threshold = TURN_THRESHOLD

    def __init__(self, chat: Chat) -> None:
        self._reply = lru_cache(maxsize=REMEMBERED)(chat)

    @classmethod
    def of(cls, base: Callable[[], BaseModel]) -> Self:
        """Return a rewriter that asks a base model.

        Args:
            base: Returns the model; called when a conversation first needs it.
        """
        return cls(lambda prompt: _asked(base(), prompt))

    @classmethod
    def over(cls, model: Any, *, device: str | None = None) -> Self:
        """Return a rewriter over a model, which is loaded when a conversation first needs it.

        It should be the plain model: one with an overlay around it would look for edits in the
        demonstrations.

        Args:
            model: What :func:`serac.bases.load_base` finds a model by.
            device: Where a local model runs; chosen by itself when ``None``.
        """
        return cls.of(loaded_once(lambda: load_base(model, device=device)))

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        """Return what each last turn asks; ``None`` where that is the turn as it is.

        Left out is what can't have been asked: a query with a name that nobody has said, one that
        has no word of the conversation, and one of the demonstrations, which a model that is too
        small repeats.

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
        shown = query in _shown_queries()
        return None if shown or _is_strange(query, turns) or has_new_names(query, turns) else query


def _asked(base: BaseModel, prompt: str) -> str:
    if isinstance(base, LangChainBase):  # handlers of a chain around it don't hear of this call
        base = LangChainBase(base.model, {"callbacks": []})
    stop = STOPS if isinstance(base, CompletionModel) else None
    try:
        said: Any = base.reply([Turn("user", prompt)], stop=stop, max_new_tokens=LONGEST_REPLY)
    except InvalidQueryError as error:  # no room for it: the turn is read as it is
        log.warning("the base model can't rewrite a turn: %s", error)
        return ""
    if not isinstance(said, str):
        raise ModelError(f"the base model replied with {type(said).__name__}, not with text")
    return said


def prompt_of(turns: Sequence[Turn]) -> str:
    """Return the instructions, the demonstrations, and a conversation; the query continues it.

    Args:
        turns: The conversation, the user's turn last.
    """
    return "\n\n".join([_beginning(), rewriting_prompt(turns)])


def read_query(text: str) -> str | None:
    """Return the query that a model wrote, or ``None`` where the turn stands as it is.

    It is the first question after the last label, or else the first line that leads to no other.
    Thoughts in their tags are not read, nor where the model goes on with another conversation.

    Args:
        text: What the model wrote.
    """
    own = _GOES_ON.split(_THOUGHTS.sub("", text[:LONGEST_READ]))[0]
    lines = [line for line in map(_bare, _LABEL.split(own)[-1].splitlines()) if line]
    asking = [line for line in lines if line.endswith("?")]
    query = next((line for line in asking or lines if not line.endswith(":")), None)
    if query is None or len(query) > LONGEST_QUERY:
        return None
    return None if _SAME.match(query) and not query.endswith("?") else query


def _is_strange(query: str, turns: Sequence[Turn]) -> bool:
    """Say whether a query has words, and none of them was said."""
    words = set(_WORD.findall(query.casefold()))
    said = _WORD.findall(" ".join(turn.content for turn in turns).casefold())
    return bool(words) and words.isdisjoint(said)


def _bare(line: str) -> str:
    """Return a line without markup, quotation marks, and a remark in brackets after its end."""
    bare = _AROUND.sub("", line)
    shorter = _REMARK.sub("", bare)
    return bare if shorter == bare else _AROUND.sub("", shorter)


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
    return rewriting_prompt(turns) + write_rewritten(entry.get("query"))
