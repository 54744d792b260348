import importlib.util
import io
from pathlib import Path

import pytest
from fakes import FakeBase, FakeEncoder
from rich.console import Console

from memory_store.encoder import EMBEDDED_DIMENSION, EMBEDDED_FINGERPRINT
from serac.demo import (
    CONVERSATION,
    EDITS,
    FOLLOW_UPS,
    IN_SCOPE,
    OUT_OF_SCOPE,
    run_demo,
)

DEMOS = Path(__file__).parents[2] / "demos"

pytestmark = pytest.mark.model


def run(name, capsys):
    spec = importlib.util.spec_from_file_location(name, DEMOS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()
    return capsys.readouterr().out


def test_every_demo_has_a_test():
    assert {file.stem for file in DEMOS.glob("*.py")} == {
        "correct_a_model",
        "dated_facts",
        "langchain_chat",
        "multi_hop",
    }


def test_correct_a_model(capsys):
    before, edited, removed = run("correct_a_model", capsys).splitlines()
    assert "Paris" in edited and "[" in edited
    assert before.removeprefix("before:").split() == removed.removeprefix("removed:").split()


def test_dated_facts(capsys):
    now, then = run("dated_facts", capsys).splitlines()
    assert "Tomas Reyes" in now
    assert "Odile Brandt" in then


def test_langchain_chat(capsys):
    shown = run("langchain_chat", capsys)
    assert "[counterfactual] In which city" in shown
    assert "[base] What is the capital" in shown


def test_multi_hop(capsys):
    shown = run("multi_hop", capsys)
    assert "(edit #" in shown and "(base)" in shown and "[multi_hop]" in shown


def test_the_demo_corrects_and_restores(embedded_base, capsys):
    console = Console(width=100, markup=False)  # as the command has it
    record = run_demo(console, base=embedded_base)
    shown = capsys.readouterr().out
    assert record.untouched and record.restored
    assert all(record.edited[question].decision.in_scope for question in IN_SCOPE)
    assert not any(record.edited[question].decision.in_scope for question in OUT_OF_SCOPE)
    parts = {
        "loading",
        "before",
        "adding",
        "edited",
        "conversation",
        "by hops",
        "removing",
        "after",
    }
    assert set(record.seconds) == parts
    before, by_hops, after = record.by_hops
    assert [hop.answer.source == "base" for hop in by_hops.trace.hops] == [True, False, True]
    assert by_hops.text == "Rome" and before.text == after.text != "Rome"
    for place, reply in enumerate(record.conversation):
        assert reply.decision.in_scope == (place in FOLLOW_UPS)
        assert ("Paris" in reply.text) == (place in FOLLOW_UPS)
    seen = " ".join(shown.split())
    for told in (
        *EDITS,
        *IN_SCOPE,
        *OUT_OF_SCOPE,
        *CONVERSATION,
        "Routes",
        "[counterfactual]",
        "[base]",
    ):
        assert told in seen
    assert "Answers out of scope: the same, character for character." in seen
    assert "Answers now: as before the edits, every one." in seen
    assert "[bold]" not in shown and "[dim]" not in shown


def test_the_demo_loads_the_encoder_with_the_models():
    base = FakeBase("the same")
    encoder = NotingEncoder(base)
    run_demo(Console(file=io.StringIO(), markup=False), base=base, encoder=encoder)
    assert encoder.asked_before == 0


class NotingEncoder(FakeEncoder):
    """Notes how many questions the base model was asked before a text was encoded."""

    fingerprint = EMBEDDED_FINGERPRINT

    def __init__(self, base):
        super().__init__(EMBEDDED_DIMENSION)
        self.base = base
        self.asked_before = None

    def encode(self, texts):
        if self.asked_before is None:
            self.asked_before = len(self.base.asked)
        return super().encode(texts)
