from benchmarks.peers.in_place import InPlace
from benchmarks.peers.unedited import Unedited


class Noting(Unedited):
    """Remembers what it was told."""

    def __init__(self, model):
        super().__init__(model)
        self.told = []

    def apply(self, edits):
        self.told.append(len(edits))
        return self.model

    def undo(self):
        self.told.append("undone")


class Preparing(Noting):
    def prepare(self, edits):
        self.told.append("prepared")


def test_the_shared_model_is_asked_once_the_editor_has_changed_it(said, other, edits):
    inner = Noting(other)
    editor = InPlace(inner, said)
    editor.prepare(edits)
    assert editor.apply(edits) is said
    editor.undo()
    assert inner.told == [3, "undone"]
    assert editor.name == "unedited"


def test_what_can_be_prepared_is(said, edits):
    inner = Preparing(said)
    InPlace(inner, said).prepare(edits)
    assert inner.told == ["prepared"]
