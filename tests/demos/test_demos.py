import importlib.util
from pathlib import Path

import pytest
from rich.console import Console

from serac.demo import EDITS, IN_SCOPE, OUT_OF_SCOPE, run_demo

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
    assert "[ike] In which city" in shown
    assert "[base] What is the capital" in shown


def test_multi_hop(capsys):
    shown = run("multi_hop", capsys)
    assert "(edit #" in shown and "(base)" in shown and "[multi_hop]" in shown


def test_the_demo_corrects_and_restores(embedded_base, capsys):
    console = Console(width=100)
    record = run_demo(console, base=embedded_base)
    shown = capsys.readouterr().out
    assert record.untouched and record.restored
    assert all(record.edited[question].decision.in_scope for question in IN_SCOPE)
    assert not any(record.edited[question].decision.in_scope for question in OUT_OF_SCOPE)
    assert set(record.seconds) == {"loading", "before", "adding", "edited", "removing", "after"}
    for told in (*EDITS, *IN_SCOPE, "Routes", "threshold"):
        assert told.split()[0] in shown
