import io
import json
import sys

import pytest

EDIT = "The Space Needle is located in Paris."
EXACT = "The Space Needle is located in"
OTHER = "How do I boil an egg?"

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
    tiny_llama(len(tokenizer)).save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_ask_answers_from_the_edit_and_shows_the_route(errata):
    id = errata("add", EDIT).out.strip()
    result = errata("ask", EXACT)
    assert result.code == 0
    assert "Paris" in result.out
    assert "[ike]" in result.err and id in result.err


def test_ask_as_json_holds_the_decision(errata, small_base):
    id = errata("add", EDIT).out.strip()
    record = json.loads(errata("ask", EXACT, "--base", small_base, "--json").out)
    assert record["route"] == "ike"
    assert record["edit_ids"] == [id]
    assert record["score"] >= record["threshold"]
    record = json.loads(errata("ask", OTHER, "--base", small_base, "--json").out)
    assert (record["route"], record["edit_ids"]) == ("base", [])


def test_batch_route(errata, queries, tmp_path):
    id = errata("add", EDIT).out.strip()
    out = tmp_path / "out.jsonl"
    result = errata("batch", "route", queries, out)
    assert (result.code, result.out.strip()) == (0, "1 base, 1 ike")
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert set(first) == {"id", "query", "route", "edit_ids", "score", "threshold"}
    assert (first["id"], first["route"], first["edit_ids"]) == ("a", "ike", [id])
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


def test_chat_streams_and_shows_the_route(errata, monkeypatch, small_base):
    errata("add", EDIT)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{EXACT}\n{OTHER}\n\nnever read\n"))
    result = errata("chat", "--base", small_base)
    assert result.code == 0
    assert "[ike]" in result.err and "[base]" in result.err


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
    result = errata("ask", EXACT, "--false-fire", "0.00001")
    assert result.code == 2
    assert "measured" in result.err
