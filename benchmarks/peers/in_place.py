"""Editors of weights, asked through the model that all are asked through."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.editor import EditedModel, Editor, PeerEdit


class InPlace:
    """An editor that changes a model in place; fits ``Editor``.

    What comes out of it is the very model that was given. Asking it in the same way as the unedited
    one leaves no difference between their answers but that of the weights.

    Args:
        editor: The editor.
        model: Asks the model whose weights it changes.
    """

    def __init__(self, editor: Editor, model: EditedModel) -> None:
        self.editor, self.model = editor, model
        self.name = editor.name

    def prepare(self, edits: Sequence[PeerEdit]) -> None:
        """Let the editor make the changes of edits at once, if it can: each is the first one."""
        prepare = getattr(self.editor, "prepare", None)
        if prepare is not None:
            prepare(edits)

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Change the weights by edits, and return the model as it is then."""
        self.editor.apply(edits)
        return self.model

    def undo(self) -> None:
        """Put the weights back."""
        self.editor.undo()
