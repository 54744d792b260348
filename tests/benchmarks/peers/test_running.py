import numpy as np
import pytest
import torch
from tiny_models import tiny_base

from benchmarks.peers.cases import PeerCases, everyday_questions
from benchmarks.peers.costs import Original
from benchmarks.peers.evaluation import PeerSizes
from benchmarks.peers.rag import Rag
from benchmarks.peers.running import PeerRun, overall
from benchmarks.peers.scoring import PlainModel, Remembered
from benchmarks.peers.unedited import Unedited
from benchmarks.rows import Rows

SIZES = PeerSizes(cases=3, questions=2, passages=2, texts=2, alone=1, tokens=4, text_tokens=6)


class Louder:
    """Fits ``Editor``: makes one weight larger for each edit, in place."""

    name = "louder"

    def __init__(self, model, plain, forgets=True):
        self.weight, self.plain, self.forgets = model.lm_head.weight, plain, forgets
        self.before, self.ready = self.weight.detach().clone(), []

    def prepare(self, edits):
        self.ready += edits

    def apply(self, edits):
        with torch.no_grad():
            self.weight[: len(edits)] += 9
        return self.plain

    def undo(self):
        if self.forgets:
            with torch.no_grad():
                self.weight.copy_(self.before)


@pytest.fixture
def run(data):
    """Runs an editor over a tiny model of its own; returns rows by kind and metric."""

    def measured(make, size, name="counterfact"):
        base = tiny_base()
        plain = PlainModel(base.model, base.tokenizer)
        original = Original(base.model, base.tokenizer, ("Oslo",))
        questions = everyday_questions(data, 2, 0)
        runs = PeerRun(
            PeerCases(name, data, 0), Remembered(plain), original, questions, SIZES, "cpu"
        )
        rows, done = Rows("peers", 0, "command"), []
        editor = make(base.model, plain)
        runs.measure(editor, size, rows, done.append)
        assert done
        assert {row.setting["editor"] for row in rows.rows} == {editor.name}
        return {(row.kind, row.metric): row for row in rows.rows}

    return measured


@pytest.mark.parametrize("size", [1, 6])
def test_the_unedited_model_is_as_ever(run, size):
    rows = run(lambda model, plain: Unedited(plain), size)
    assert rows["neighborhood", "same text as unedited"].value == 1
    assert rows["everyday", "same text as unedited"].value == 1
    assert rows["cost", "undone bit for bit"].value == 1
    assert rows["cost", "MiB kept"].value == 0
    assert rows["exact", "ES"].n == 3
    assert rows["longer text", "GE (bits)"].n == (1 if size == 1 else 2)
    assert rows["all", "S"].n == 3
    held = rows["held text", "negative log-likelihood a token"]
    assert rows["held text", "perplexity"].value == pytest.approx(np.exp(held.value))
    assert rows["exact", "ES"].setting["edits"] == size
    assert ("cost", "seconds a query") in rows or size == 1


@pytest.mark.parametrize("size", [1, 6])
def test_an_editor_of_weights_is_asked_while_they_are_changed(run, size):
    editors = []

    def make(model, plain):
        editors.append(Louder(model, plain))
        return editors[0]

    rows = run(make, size)
    assert len(editors[0].ready) == (3 if size == 1 else 0)
    assert rows["cost", "undone bit for bit"].value == 1
    assert rows["cost", "MiB kept"].value > 0
    assert rows["held text", "perplexity"].value > 1
    assert rows["cost", "seconds an edit"].value > 0


def test_an_editor_that_forgets_nothing_is_found_out(run):
    rows = run(lambda model, plain: Louder(model, plain, forgets=False), 6)
    assert rows["cost", "undone bit for bit"].value == 0


@pytest.mark.parametrize("size", [1, 6])
def test_prompts_made_under_one_edit_are_answered_later(run, encoder, size):
    rows = run(lambda model, plain: Rag(plain, encoder), size, "zsre")
    assert rows["one hop", "answer has what follows from the edit"].n == 3
    assert rows["exact", "answer follows the edit"].n == 3
    assert ("neighborhood", "NS") not in rows
    assert ("all", "S") not in rows
    assert rows["cost", "undone bit for bit"].value == 1


def test_an_editor_that_fails_is_undone(run):
    undone = []

    class Failing(Unedited):
        def apply(self, edits):
            raise ZeroDivisionError

        def undo(self):
            undone.append(1)

    with pytest.raises(ZeroDivisionError):
        run(lambda model, plain: Failing(plain), 6)
    assert undone


def test_the_overall_score_is_the_harmonic_mean():
    ones, halves = [(1.0, 0), (1.0, 1)], [(1.0, 0), (0.0, 1)]
    value, low, high = overall([ones, ones, halves], 0)
    assert value == pytest.approx(3 / (1 + 1 + 2))
    assert low == 0 and high == 1
    assert overall([[(0.0, 0)], [(1.0, 0)]], 0) == (0.0, None, None)
