"""The trained query rewriter: it shares its body with the embedded base model, left as it is.

It has several guesses at what a turn asks: the likeliest one may miss it, or be worded as nobody
would word an edit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from memory_store.errors import ErrataError
from serac.adapter_files import adapted, read_adapter_config
from serac.completing import likeliest_all
from serac.conversation import Turn
from serac.query_rewriting.prompt import (
    EARLIER,
    has_new_names,
    read_rewritten,
    rewriting_prompt,
)
from serac.transformers_base import TransformersBase
from serac.view import Guess, merged

REWRITERS = ("trained", "prompted", "none")
"""Rewriters by name: the shipped one, the base model under a prompt, and no one."""

DEFAULT_REWRITER = "trained"
SHIPPED = Path(__file__).parents[1] / "artifacts" / "query-rewriter"
ADAPTER = "query-rewriter"
GUESSES = 8
"""Queries that are written for a turn."""

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
        self._known: OrderedDict[str, list[tuple[str, float]]] = OrderedDict()
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
        """Return the likeliest query of each last turn; ``None`` where that is the turn as it is.

        Args:
            conversations: The conversations, each with the user's turn last.
            progress: Told how many more were read.
        """
        return [guesses[0].query for guesses in self.guess_all(conversations, progress)]

    def guess_all(
        self,
        conversations: Sequence[Sequence[Turn]],
        progress: Callable[[int], None] = lambda more: None,
    ) -> list[list[Guess]]:
        """Return what each last turn may ask, the likeliest first, at least one.

        A query with a name that nobody has said is made up, and left out.

        Args:
            conversations: The conversations, each with the user's turn last.
            progress: Told how many more were read.
        """
        prompts = list(map(self._prompt, conversations))
        with self._one_at_a_time:
            written = iter(self._written([one for one in prompts if one is not None], progress))
        found = []
        for prompt, turns in zip(prompts, conversations, strict=True):
            texts = [] if prompt is None else next(written)
            guesses = [Guess(read_rewritten(text), chance) for text, chance in texts]
            said = [one for one in guesses if not (one.query and has_new_names(one.query, turns))]
            found.append(merged(said) or [Guess(None)])
        return found

    def _prompt(self, turns: Sequence[Turn]) -> str | None:
        """Return the prompt with as many turns as fit; ``None`` where the last alone doesn't."""
        for most in range(EARLIER, 0, -2):
            prompt = rewriting_prompt(turns, most)
            if len(prompt.encode()) <= LONGEST_PROMPT or self._count(prompt) <= LONGEST_PROMPT:
                return prompt
        return None

    def _count(self, text: str) -> int:
        return len(self.model.tokenizer(text, verbose=False)["input_ids"])

    def _written(
        self, prompts: Sequence[str], progress: Callable[[int], None]
    ) -> list[list[tuple[str, float]]]:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        found = dict(self._known)
        texts = likeliest_all(
            self.model, new, beams=GUESSES, max_new_tokens=LONGEST_QUERY, progress=progress
        )
        for prompt, guesses in zip(new, texts, strict=True):
            found[prompt] = self._known[prompt] = guesses
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
        """Return the likeliest query of each last turn; ``None`` where that is the turn as it is.

        Args:
            conversations: The conversations, each with the user's turn last.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        return [guesses[0].query for guesses in self.guess_all(conversations)]

    def guess_all(self, conversations: Sequence[Sequence[Turn]]) -> list[list[Guess]]:
        """Return what each last turn may ask, the likeliest first, at least one.

        Args:
            conversations: The conversations, each with the user's turn last.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        rewriter = self._load()
        if rewriter is None:
            return [[Guess(None)] for _ in conversations]
        return rewriter.guess_all(conversations)


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
    can = any(callable(getattr(given, name, None)) for name in ("rewrite_all", "guess_all"))
    if not (given is None or isinstance(given, (str, Path)) or can):
        raise ErrataError(f"{given!r} is no rewriter; use one of {names}, a Path, or your own")
