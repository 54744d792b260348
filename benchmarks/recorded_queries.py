"""What a large chat model wrote under the prompt of :class:`PromptedRewriter`, kept to be replayed.

None runs on a machine without a GPU; so one was asked once, about each later turn of the test
conversations and of those for dev that are most like them, and its replies stand in
``own_cases/follow_up_queries_dev.toml`` and ``..._test.toml``.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.own import FOLDER, Conversation, Part, follow_ups
from memory_store.errors import ErrataError
from serac.conversation import Turn
from serac.query_rewriting import PromptedRewriter
from serac.query_rewriting.prompted import prompt_of
from serac.view import may_refer_back


class RecordedModel:
    """A base model that says again what another one said to each prompt.

    Args:
        replies: What was said, by the prompt.
    """

    def __init__(self, replies: dict[str, str]) -> None:
        self._replies = replies

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return what was said to the last turn.

        Raises:
            ErrataError: It was never asked.
        """
        try:
            return self._replies[turns[-1].content]
        except KeyError:
            raise ErrataError("nothing was recorded for this prompt; record it anew") from None

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the same in one piece."""
        yield self.reply(turns)


def recorded_rewriter(part: Part, folder: Path = FOLDER) -> PromptedRewriter:
    """Return a rewriter that asks the recorded model.

    Args:
        part: Whose conversations it was asked about.
        folder: Where the replies lie: of each conversation those to its later turns, in order.

    Raises:
        ErrataError: The replies are to other conversations, or to another prompt.
    """
    file, recorded = _read(part, folder)
    prompts = later_prompts(recorded_conversations(part, folder))
    replies = [entry["queries"] for entry in recorded["conversation"]]
    counted = list(map(len, prompts)) == list(map(len, replies))
    if not counted or recorded["prompts"] != fingerprint(prompts):
        raise ErrataError(f"{file} holds replies to other prompts; record them anew")
    pairs = zip(prompts, replies, strict=True)
    model = RecordedModel(
        {prompt: reply for own, said in pairs for prompt, reply in zip(own, said, strict=True)}
    )
    return PromptedRewriter(lambda: model)


def recorded_conversations(part: Part, folder: Path = FOLDER) -> tuple[Conversation, ...]:
    """Return the conversations of a part that replies were recorded for: all from one on."""
    return follow_ups(part)[_read(part, folder)[1]["first"] :]


def later_prompts(conversations: Sequence[Conversation]) -> list[list[str]]:
    """Return the prompt for each later turn of each conversation, but for openings."""
    return [
        [
            prompt_of(turns)
            for turn, turns in conversation.read()
            if turn.kind != "opening" and may_refer_back(turns)
        ]
        for conversation in conversations
    ]


def fingerprint(prompts: Sequence[Sequence[str]]) -> str:
    """Return what names prompts: the beginning of a hash of them all."""
    return hashlib.sha256("\0".join(p for own in prompts for p in own).encode()).hexdigest()[:12]


def _read(part: Part, folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / f"follow_up_queries_{part}.toml"
    return file, tomllib.loads(file.read_text("utf-8"))
