import io
import json
import re
import shutil
import sys

import pytest

from classifiers import SHIPPED
from serac.decomposer import SHIPPED as DECOMPOSER
from serac.demo import DemoRecord

EDIT = "The capital of Australia is Melbourne."
EXACT = "The capital of Australia is"
OTHER = "How do I boil an egg?"
NEEDLE = "The Space Needle is located in Paris."
HOPS = "Which country is the city where the Space Needle is located in?"

pytestmark = pytest.mark.model


@pytest.fixture
def queries(tmp_path):
    file = tmp_path / "queries.jsonl"
    lines = [{"id": "a", "query": EXACT}, {"id": 2, "query": OTHER}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def small_base(tmp_path):
    """A folder of a tiny transformers model, so that answers cost nothing."""
    from tiny_models import byte_tokenizer, tiny_llama

    tokenizer = byte_tokenizer()
    tiny_llama(len(tokenizer), positions=4096).save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_ask_answers_from_the_edit_and_shows_the_route(errata):
    id = errata("add", EDIT).out.strip()
    result = errata("ask", EXACT)
    assert result.code == 0
    assert "Melbourne" in result.out
    assert "[counterfactual]" in result.err and id in result.err


def test_ask_as_json_holds_the_decision(errata, small_base):
    id = errata("add", EDIT).out.strip()
    record = json.loads(errata("ask", EXACT, "--base", small_base, "--json").out)
    assert record["route"] == "counterfactual"
    assert record["edit_ids"] == [id]
    assert record["score"] >= record["threshold"]
    record = json.loads(errata("ask", OTHER, "--base", small_base, "--json").out)
    assert (record["route"], record["edit_ids"]) == ("base", [])


def test_a_trace_shows_each_hop_and_what_an_edit_overruled(errata):
    id = errata("add", NEEDLE).out.strip()
    result = errata("ask", HOPS, "--trace")
    assert (result.code, result.out.strip()) == (0, "France")
    shown = " ".join(result.err.split())
    assert shown.startswith(f"[multi_hop] 2 hops, edited by {id}: {NEEDLE} 1. ")
    assert re.search(rf" 1\. .*\?  ?Paris \(edit #{id}\); the base model says: \w+", shown)
    assert re.search(r" 2\. .*Paris.*\?  ?France \(base\)$", shown)


def test_a_decomposer_is_named_or_a_folder(errata, tmp_path, small_base):
    id = errata("add", NEEDLE).out.strip()
    folder = shutil.copytree(DECOMPOSER, tmp_path / "decomposer")
    record = json.loads(errata("ask", HOPS, "--decomposer", folder, "--json").out)
    assert (record["route"], record["edit_ids"], record["answer"]) == ("multi_hop", [id], "France")
    assert [hop["source"] for hop in record["hops"]] == [f"edit #{id}", "base"]
    assert "tentative" not in record["hops"][0]  # that is asked for with --trace alone
    for name in ("none", "prompted"):  # prompted, the small base says nothing that could be asked
        result = errata("ask", HOPS, "--decomposer", name, "--base", small_base, "--trace")
        assert result.code == 0
        assert result.err.splitlines()[-1] == "not asked hop by hop"


@pytest.mark.parametrize("command", ["ask", "batch ask", "batch multihop"])
@pytest.mark.parametrize("name", ["oracle", ""])
def test_an_unknown_decomposer_is_one_line(errata, queries, tmp_path, small_base, command, name):
    errata("add", NEEDLE)
    words = [HOPS] if command == "ask" else [queries, tmp_path / "out.jsonl"]
    result = errata(*command.split(), *words, "--base", small_base, "--decomposer", name)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f"errata: {name or '.'} holds no decomposer" in result.err
    assert not (tmp_path / "out.jsonl").exists()


def test_batch_multihop_adds_hops(errata, tmp_path):
    id = errata("add", NEEDLE).out.strip()
    questions, out = tmp_path / "questions.jsonl", tmp_path / "out.jsonl"
    lines = [{"case": 7, "question": HOPS}, {"query": EXACT}]
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = errata("batch", "multihop", questions, out)
    assert (result.code, result.out.strip()) == (0, "1 base, 1 multi_hop")
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert (first["case"], first["answer"], first["route"]) == (7, "France", "multi_hop")
    assert [hop["edit_id"] for hop in first["hops"]] == [id, None]
    assert (second["query"], second["route"], second["hops"]) == (EXACT, "base", [])


def test_batch_multihop_names_bad_lines_and_those_that_fail(errata, tmp_path, small_base):
    errata("add", NEEDLE)
    questions, out = tmp_path / "questions.jsonl", tmp_path / "out.jsonl"
    words = ["batch", "multihop", questions, out, "--base", small_base, "--decomposer", "none"]
    questions.write_text('{"question": "why?"}\n{"question": 7}\n')
    result = errata(*words)
    assert (result.code, result.err.count("\n"), out.exists()) == (2, 1, False)
    assert "questions.jsonl, line 2: needs a" in result.err
    questions.write_text(json.dumps({"question": "egg " * 2000}) + "\n" + '{"query": "why?"}\n')
    result = errata(*words, "--json")
    assert (result.code, json.loads(result.out)) == (2, {"base": 1, "error": 1})
    assert result.err.splitlines()[-1].startswith("errata: 1 of 2 queries failed; see the lines")
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert "tokens" in first["error"] and "error" not in second
    assert errata("batch", "multihop", questions, questions, *words[4:]).code == 2
    assert "why?" in questions.read_text()


def test_batch_route(errata, queries, tmp_path):
    id = errata("add", EDIT).out.strip()
    out = tmp_path / "out.jsonl"
    result = errata("batch", "route", queries, out)
    assert (result.code, result.out.strip()) == (0, "1 base, 1 counterfactual")
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert set(first) == {"id", "query", "route", "edit_ids", "score", "threshold"}
    assert (first["id"], first["route"], first["edit_ids"]) == ("a", "counterfactual", [id])
    assert (second["id"], second["route"], second["edit_ids"]) == (2, "base", [])


def test_batch_ask_adds_answers(errata, queries, tmp_path, small_base):
    errata("add", EDIT)
    out = tmp_path / "out.jsonl"
    assert errata("batch", "ask", queries, out, "--base", small_base).code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", 2]
    assert all(isinstance(line["answer"], str) for line in lines)


@pytest.mark.parametrize(
    "line", ["{oops", "[]", '{"id": 1}', '{"id": 1, "query": ""}', '{"id": null, "query": "a"}']
)
def test_a_bad_query_line_is_named_and_nothing_is_written(errata, queries, tmp_path, line):
    errata("add", EDIT)
    queries.write_text(queries.read_text() + line + "\n")
    out = tmp_path / "out.jsonl"
    result = errata("batch", "route", queries, out)
    assert result.code == 2
    assert "line 3" in result.err.splitlines()[-1]
    assert not out.exists()


@pytest.fixture
def says(monkeypatch):
    """Puts lines on stdin."""
    return lambda *lines: monkeypatch.setattr(
        sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines))
    )


def test_chat_streams_and_shows_the_route(errata, says):
    errata("add", EDIT)
    says(EXACT, "What is the capital of Japan?", "", "never read")
    result = errata("chat")
    assert result.code == 0
    assert result.out.index("Melbourne") < result.out.index("Tokyo")
    assert result.err.index("[counterfactual]") < result.err.index("[base]")
    assert "never read" not in result.out


def test_chat_as_json_is_one_object_a_turn(errata, says, small_base):
    id = errata("add", EDIT).out.strip()
    says(EXACT, OTHER)
    result = errata("chat", "--base", small_base, "--json")
    first, second = map(json.loads, result.out.splitlines())
    assert (first["query"], first["route"], first["edit_ids"]) == (EXACT, "counterfactual", [id])
    assert (second["query"], second["route"], second["edit_ids"]) == (OTHER, "base", [])
    assert first["answer"] and second["answer"]


def test_a_turn_that_fails_is_dropped_and_the_conversation_goes_on(errata, says, small_base):
    errata("add", EDIT)
    says("Hi.", "x" * 5000, OTHER)
    result = errata("chat", "--base", small_base, "--json")
    assert result.code == 0
    assert [json.loads(line)["query"] for line in result.out.splitlines()] == ["Hi.", OTHER]
    assert "errata: the conversation has 5,0" in result.err
    assert "window is full" not in result.err


def test_when_the_window_is_full_the_oldest_turns_are_dropped(errata, says, small_base):
    errata("add", EDIT)
    says("a" * 2500, "b" * 2500, "c")
    result = errata("chat", "--base", small_base, "--json")
    assert result.code == 0
    assert [json.loads(line)["query"][0] for line in result.out.splitlines()] == list("abc")
    assert result.err.count("errata: the window is full; the oldest turns were dropped") == 1


def test_a_batch_with_a_query_that_fails_is_written_and_ends_with_2(
    errata, queries, tmp_path, small_base
):
    errata("add", EDIT)
    long = json.dumps({"id": "long", "query": "egg " * 2000})
    queries.write_text(f"{long}\n{queries.read_text()}")
    out = tmp_path / "out.jsonl"
    result = errata("batch", "ask", queries, out, "--base", small_base)
    assert (result.code, result.out.strip()) == (2, "1 base, 1 counterfactual, 1 error")
    assert result.err.splitlines()[-1].startswith("errata: 1 of 3 queries failed; see the lines")
    lines = [json.loads(line) for line in out.read_text().split("\n")[:-1]]
    assert [line["id"] for line in lines] == ["long", "a", 2]
    assert "tokens" in lines[0]["error"] and lines[0]["answer"] is None
    assert "error" not in lines[1]


@pytest.mark.parametrize("command", ["ask", "chat", "batch route", "batch ask", "batch multihop"])
def test_a_scope_classifier_of_one_s_own_can_be_named(
    errata, says, queries, tmp_path, small_base, command
):
    errata("add", EDIT)
    folder = shutil.copytree(SHIPPED, tmp_path / "scope")
    words = {"ask": [OTHER], "chat": []}.get(command, [queries, tmp_path / "out.jsonl"])
    base = [] if command == "batch route" else ["--base", small_base]
    says()
    assert errata(*command.split(), *words, *base, "--scope", folder).code == 0
    (folder / "config.json").unlink()
    says()
    result = errata(*command.split(), *words, *base, "--scope", folder)
    assert result.code == 2
    assert f"{folder} holds no scope classifier" in result.err


class ChangedRecord(DemoRecord):
    """A demo that did not come out as it should."""

    untouched = False


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_demo_that_went_wrong_ends_with_2_after_it_was_shown(errata, monkeypatch, words):
    monkeypatch.setattr("serac.demo.run_demo", lambda *_, **__: ChangedRecord())
    result = errata("demo", *words, memory=False)
    assert result.code == 2
    assert result.err.startswith("errata: an answer out of scope was changed")
    if words:
        assert json.loads(result.out)["untouched"] is False


def test_a_base_that_is_none_is_one_line(errata, tmp_path):
    errata("add", EDIT)
    (tmp_path / "empty").mkdir()
    result = errata("ask", OTHER, "--base", tmp_path / "empty")
    assert result.code == 2
    assert result.err.count("\n") == 1
    result = errata("ask", OTHER, "--base", "langchain:nobody")
    assert (result.code, result.err.count("\n")) == (2, 1)


@pytest.mark.parametrize("option", [("--answerer", "oracle"), ("--device", "abacus")])
def test_an_unknown_choice_is_one_line(errata, option):
    errata("add", EDIT)
    result = errata("ask", EXACT, *option)
    assert (result.code, result.err.count("\n")) == (2, 1)


def test_a_false_fire_rate_that_was_not_measured_is_refused(errata):
    errata("add", EDIT)
    for rate in ("0.00001", "0.04"):
        result = errata("ask", EXACT, "--false-fire", rate)
        assert result.code == 2
        assert "use one of 0.001, 0.002, 0.005, 0.01, 0.05" in result.err
