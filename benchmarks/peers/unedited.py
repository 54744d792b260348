"""The model as it is: what every editor is held against."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.editor import EditedModel, PeerEdit


class Unedited:
    """Takes edits and does nothing with them; fits :class:`benchmarks.peers.editor.Editor`.

    Args:
        model: The model.
    """

    name = "unedited"

    def __init__(self, model: EditedModel) -> None:
        self.model = model

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Return the model as it is."""
        return self.model

    def undo(self) -> None:
        """Do nothing: nothing was done."""
