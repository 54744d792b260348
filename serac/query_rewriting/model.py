"""The trained query rewriter: it shares its body with the embedded base model, left as it is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from memory_store.errors import ErrataError
from serac.adapter_files import adapted, read_adapter_config
from serac.completing import complete_all
from serac.conversation import Turn
from serac.query_rewriting.prompt import (
    EARLIER,
    STOP,
    has_new_names,
    read_rewritten,
    rewriting_prompt,
)
from serac.transformers_base import TransformersBase

REWRITERS = ("trained", "none")
"""Rewriters by name: the shipped one, and no one."""

DEFAULT_REWRITER = "trained"
SHIPPED = Path(__file__).parents[1] / "artifacts" / "query-rewriter"
ADAPTER = "query-rewriter"
LONGEST_QUERY = 64
"""Tokens."""

LONGEST_PROMPT = 768
"""Tokens; of a conversation that has more the end is read."""

REMEMBERED = 64
"""Conversations whose queries are kept: the same turn is asked about more than once."""


class TrainedRewriter:
    """Writes the last turns of conversations as queries of their own.

    Args:
        model: Continues the prompts.
        facts: What its artifact says of itself.
    """

    def __init__(self, model: TransformersBase, facts: dict[str, Any]) -> None:
        self.model = model
        self.facts = facts
        self._known: OrderedDict[str, str] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Name of the adapter's weights."""
        return f"{ADAPTER}@{self.facts['model_sha256'][:12]}"

    def rewrite_all(
        self,
        conversations: Sequence[Sequence[Turn]],
        progress: Callable[[int], None] = lambda more: None,
    ) -> list[str | None]:
        """Return what each last turn asks; ``None`` where it can be understood as it is.

        A query with a name that nobody has said is made up, and counts as none.

        Args:
            conversations: The conversations, each with the user's turn last.
            progress: Told how many more were read.
        """
        prompts = list(map(self._prompt, conversations))
        with self._one_at_a_time:
            written = self._written([one for one in prompts if one is not None], progress)
        texts = iter(written)
        queries = [None if one is None else read_rewritten(next(texts)) for one in prompts]
        return [
            None if query is None or has_new_names(query, turns) else query
            for query, turns in zip(queries, conversations, strict=True)
        ]

    def _prompt(self, turns: Sequence[Turn]) -> str | None:
        """Return the prompt with as many turns as fit; ``None`` where the last alone doesn't."""
        for most in range(EARLIER, 0, -2):
            prompt = rewriting_prompt(turns, most)
            if len(prompt.encode()) <= LONGEST_PROMPT or self._count(prompt) <= LONGEST_PROMPT:
                return prompt
        return None

    def _count(self, text: str) -> int:
        return len(self.model.tokenizer(text, verbose=False)["input_ids"])

    def _written(self, prompts: Sequence[str], progress: Callable[[int], None]) -> list[str]:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        found = dict(self._known)
        texts = complete_all(
            self.model, new, stop=[STOP], max_new_tokens=LONGEST_QUERY, progress=progress
        )
        for prompt, text in zip(new, texts, strict=True):
            found[prompt] = self._known[prompt] = text
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return [found[prompt] for prompt in prompts]


class LazyRewriter:
    """A rewriter that is loaded when a conversation first needs it.

    Args:
        load: Returns it, the same each time; ``None`` where there can be none: then every turn is
            read as it was written.
    """

    def __init__(self, load: Callable[[], TrainedRewriter | None]) -> None:
        self._load = load

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        """Return what each last turn asks; ``None`` where it can be understood as it is.

        Args:
            conversations: The conversations, each with the user's turn last.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        rewriter = self._load()
        return rewriter.rewrite_all(conversations) if rewriter else [None] * len(conversations)


def load_rewriter(body: TransformersBase, folder: Path = SHIPPED) -> TrainedRewriter:
    """Put an artifact's adapter beside the embedded body.

    Args:
        body: The embedded model, as :func:`serac.embedded.load_embedded_base` returns it.
        folder: Where the artifact lies.

    Raises:
        ArtifactError: A file is missing or damaged, or was made for another body.
    """
    return TrainedRewriter(*adapted(body, folder, ADAPTER))


def read_config(folder: Path) -> dict[str, Any]:
    """Return what an artifact says of itself.

    Raises:
        ArtifactError: It is missing, damaged or of another kind.
    """
    return read_adapter_config(folder, ADAPTER)


def check_rewriter(given: object) -> None:
    """Refuse what is no rewriter: another name than those there are, or an object without one.

    Raises:
        ErrataError: It is none.
    """
    names = ", ".join(REWRITERS)
    if isinstance(given, str) and given not in REWRITERS:
        raise ErrataError(f"unknown rewriter {given!r}; use one of {names}, or a Path")
    if not (given is None or isinstance(given, (str, Path)) or hasattr(given, "rewrite_all")):
        raise ErrataError(f"{given!r} is no rewriter; use one of {names}, a Path, or your own")
