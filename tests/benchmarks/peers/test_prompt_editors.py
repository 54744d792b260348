"""The editors of prompts: what they put before which query, and to whom."""

import pytest
from fakes import FunctionScorer

from benchmarks.peers.ike import Ike
from benchmarks.peers.overlay import Overlay
from benchmarks.peers.rag import Rag
from benchmarks.peers.serac_rule import SeracRule
from benchmarks.peers.stuffing import Stuffing, with_facts
from benchmarks.peers.unedited import Unedited
from memory_store import EditMemory
from serac.demonstrations import IkeSettings
from serac.overlay import FactOverlay

QUERIES = ["Needle stands in", "Who wrote Hamlet?"]


def prompts(model):
    return [asked.prompt for asked in model.choose(QUERIES)]


def test_unedited_stays_as_it_is(said, edits):
    editor = Unedited(said)
    assert editor.apply(edits) is said
    editor.undo()


def test_ike_shows_the_nearest_edits_to_every_query(said, encoder, edits):
    editor = Ike(said, encoder, IkeSettings(8), k=2)
    about, other = prompts(editor.apply(edits))
    assert about.endswith("New Fact: Needle stands in Paris.\nPrompt: Needle stands in")
    assert about.count("New Fact:") == 8 + 2
    assert other.endswith("\nPrompt: Who wrote Hamlet?")
    assert other.count("stands in") == 2
    assert editor.bytes_kept() > 0
    assert editor.apply([]).generate(QUERIES[:1], 3) == ["base of in"]
    editor.undo()
    assert prompts(editor.apply([])) == QUERIES


def test_serac_s_rule_asks_the_counterfactual_model_where_an_edit_is_near(
    said, other, encoder, edits
):
    editor = SeracRule(said, other, encoder)
    near, far = editor.apply(edits).choose(QUERIES)
    assert near.model is other
    assert near.prompt == "Edit: Needle stands in Paris.\nQuery: Needle stands in\nAnswer:"
    assert (far.model, far.prompt) == (said, "Who wrote Hamlet?")
    assert editor.bytes_kept() > 0
    editor.undo()
    assert prompts(editor.apply([])) == QUERIES


def test_stuffing_keeps_the_newest_that_fit(said, edits):
    editor = Stuffing(said, room=140)  # 60 of 200 positions, a letter being a token
    found, _ = prompts(editor.apply(edits))
    assert found == with_facts(["Louvre stands in Oslo.", "Brandt stands in Rome."], QUERIES[0])
    editor.undo()
    assert prompts(editor.apply(edits[:1]))[0].startswith("Needle stands in Paris.\n\nNeedle")
    assert editor.bytes_kept() > 0
    assert with_facts([], "x") == "x"


def test_rag_puts_the_nearest_last_and_forgets_them(said, encoder, edits):
    editor = Rag(said, encoder, k=2)
    about, other = prompts(editor.apply(edits))
    assert about.endswith("\nNeedle stands in Paris.\n\nNeedle stands in")
    assert about.count("\n") == 3 == other.count("\n")
    assert editor.bytes_kept() > 0
    editor.undo()
    assert prompts(editor.apply([])) == QUERIES
    assert prompts(editor.apply(edits[1:2]))[0].startswith("Louvre")


@pytest.fixture
def overlay(tmp_path, encoder, base):
    def judge(query, edit):
        return float(edit.split()[0] in query)

    with FactOverlay(
        EditMemory.open(tmp_path / "facts.db", encoder), FunctionScorer(judge), 0.5, base=base
    ) as made:
        yield made


def test_the_overlay_leaves_to_the_base_what_no_edit_is_about(overlay, said, other, edits):
    editor = Overlay(overlay, said, other)
    near, far, task = editor.apply(edits).choose(
        [*QUERIES, "Write two lines about the city where Needle stands."]
    )
    assert near.model is other
    assert near.prompt == "Edit: Needle stands in Paris.\nQuery: Needle stands in\nAnswer:"
    assert (far.model, far.prompt, far.stop) == (said, "Who wrote Hamlet?", ())
    assert task.model is said and "New Fact: Needle stands in Paris." in task.prompt
    assert editor.bytes_kept() > 0
    editor.undo()
    assert len(overlay.memory) == 0
    assert prompts(editor.apply([])) == QUERIES
