"""What every editor takes and gives: edits go in, and a model that can be asked comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PeerEdit:
    """An edit as the editors of weights need it.

    Attributes:
        prompt: What the object continues, the subject in it: "The mother tongue of X is".
        subject: The subject, as it stands in the prompt.
        target: The object that shall hold from now on.
        original: The object that held before, where it is known.
        text: The edit as a statement, for the editors that keep text.
    """

    prompt: str
    subject: str
    target: str
    original: str | None
    text: str


class EditedModel(Protocol):
    """A model after its edits."""

    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return, for (prompt, continuation) pairs, the (n,) mean log-probability of a token."""
        ...

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return what follows each prompt, decoded greedily."""
        ...


class Editor(Protocol):
    """A way to edit a model.

    It may have two methods more: ``prepare(edits)``, which makes the changes of edits that will
    each be the first one, several at once; and ``bytes_kept()``, how many bytes are kept for the
    edits, where these are no weights.

    Attributes:
        name: What rows and tables call it.
    """

    name: str

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Apply edits, to those already applied, and return the model as it is then."""
        ...

    def undo(self) -> None:
        """Take back everything that was applied."""
        ...
