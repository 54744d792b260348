"""What a large chat model wrote under the prompt of :class:`PromptedRewriter`, kept to be replayed.

None runs on a machine without a GPU; so one was asked once, about each later turn of the test
conversations and of those for dev that are most like them, and its replies stand in
``own_cases/follow_up_queries_dev.toml`` and ``..._test.toml``.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.own import FOLDER, Conversation, Part, follow_ups
from memory_store.errors import ErrataError
from serac.query_rewriting import PromptedRewriter
from serac.query_rewriting.prompted import prompt_of
from serac.view import may_refer_back


def recorded_rewriter(part: Part, folder: Path = FOLDER) -> PromptedRewriter:
    """Return a rewriter that is told again what the model said to each prompt.

    Args:
        part: Whose conversations it was asked about.
        folder: Where the replies lie: of each conversation those to its later turns, in order.

    Raises:
        ErrataError: The replies are to other conversations, or to another prompt. The rewriter
            raises it too, of a conversation that was not recorded.
    """
    file, recorded = _read(part, folder)
    prompts = later_prompts(follow_ups(part)[recorded["first"] :])
    replies = [entry["queries"] for entry in recorded["conversation"]]
    counted = list(map(len, prompts)) == list(map(len, replies))
    if not counted or recorded["prompts"] != fingerprint(prompts):
        raise ErrataError(f"{file} holds replies to other prompts; record them anew")
    known = dict(zip(chain(*prompts), chain(*replies), strict=True))

    def said(prompt: str) -> str:
        if prompt not in known:
            raise ErrataError("nothing was recorded for this prompt; record it anew")
        return str(known[prompt])

    return PromptedRewriter(said)


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
    return hashlib.sha256("\0".join(chain(*prompts)).encode()).hexdigest()[:12]


def _read(part: Part, folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / f"follow_up_queries_{part}.toml"
    return file, tomllib.loads(file.read_text("utf-8"))
