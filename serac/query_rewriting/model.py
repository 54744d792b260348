"""The trained query rewriter: it shares its body with the embedded base model, left as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from serac.adapter_files import adapted, read_adapter_config
from serac.completing import complete_all
from serac.conversation import Turn
from serac.query_rewriting.prompt import STOP, read_rewritten, rewriting_prompt
from serac.transformers_base import TransformersBase

SHIPPED = Path(__file__).parents[1] / "artifacts" / "query-rewriter"
ADAPTER = "query-rewriter"
LONGEST_QUERY = 64
"""Tokens."""


class TrainedRewriter:
    """Writes the last turns of conversations as queries of their own.

    Args:
        model: Continues the prompts.
        facts: What its artifact says of itself.
    """

    def __init__(self, model: TransformersBase, facts: dict[str, Any]) -> None:
        self.model = model
        self.facts = facts
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

        Args:
            conversations: The conversations, each with the user's turn last.
            progress: Told how many more were read.
        """
        with self._one_at_a_time:
            written = complete_all(
                self.model,
                list(map(rewriting_prompt, conversations)),
                stop=[STOP],
                max_new_tokens=LONGEST_QUERY,
                progress=progress,
            )
        return list(map(read_rewritten, written))


class LazyRewriter:
    """An artifact's rewriter, loaded when a conversation first needs it.

    Args:
        body: Returns the embedded model, or ``None`` where it isn't installed: then every turn is
            read as it was written.
        folder: Where the artifact lies.

    Raises:
        ArtifactError: Its config is missing or damaged. The adapter is read when it is needed.
    """

    def __init__(self, body: Callable[[], TransformersBase | None], folder: Path = SHIPPED) -> None:
        read_adapter_config(folder, ADAPTER)
        self._body, self._folder = body, folder
        self._loaded: list[TrainedRewriter | None] = []
        self._loading = threading.Lock()

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        """Return what each last turn asks; ``None`` where it can be understood as it is."""
        with self._loading:
            if not self._loaded:
                body = self._body()
                self._loaded.append(None if body is None else load_rewriter(body, self._folder))
        rewriter = self._loaded[0]
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
