import json

import pytest
from fakes import FakeBase, FakeEncoder, FakeScorer

from memory_store import EditMemory
from memory_store.errors import InvalidQueryError, MissingModelError, ModelError
from serac.batch import AT_ONCE, answer_file, read_queries
from serac.overlay import FactOverlay

NEEDLE = "The Space Needle is located in Paris."
IN_SCOPE = "In which city is the Space Needle located, Paris?"
OUT_OF_SCOPE = "How do I boil an egg?"


class PickyEncoder(FakeEncoder):
    """Fails at texts that hold a word."""

    word = "poison"
    error: Exception = ModelError("can't encode\nthat")

    def encode(self, texts):
        if any(self.word in text for text in texts):
            raise self.error
        return super().encode(texts)


def picky(asked):
    if "long" in asked:
        raise InvalidQueryError("too many tokens\nfor this")
    return "fine"


@pytest.fixture
def encoder():
    return PickyEncoder()


@pytest.fixture
def overlay(encoder):
    memory = EditMemory.open(":memory:", encoder)
    with FactOverlay(memory, FakeScorer(), 0.9, base=FakeBase(picky), answerer="ike") as one:
        one.add(NEEDLE, id="needle")
        yield one


@pytest.fixture
def run(overlay, tmp_path):
    """Write the queries, answer the file, and give counts and lines."""

    def run(*queries, with_answers=True, **options):
        lines = [
            json.dumps({"id": number, "query": query}, ensure_ascii=False) + "\n"
            for number, query in enumerate(queries)
        ]
        (tmp_path / "in.jsonl").write_text("".join(lines), encoding="utf-8", newline="")
        to = tmp_path / "out.jsonl"
        counts = answer_file(
            overlay, tmp_path / "in.jsonl", to, with_answers=with_answers, **options
        )
        written = to.read_text(encoding="utf-8").split("\n")[:-1]
        return counts, [json.loads(line) for line in written]

    return run


def test_each_query_gets_a_line(run):
    told = []
    counts, (first, second) = run(IN_SCOPE, OUT_OF_SCOPE, progress=told.append)

    assert counts == {"base": 1, "ike": 1} and sum(told) == 2
    assert list(first) == ["id", "query", "route", "edit_ids", "score", "threshold", "answer"]
    assert (first["route"], first["edit_ids"], first["answer"]) == ("ike", ["needle"], "fine")
    assert (second["route"], second["edit_ids"], second["answer"]) == ("base", [], "fine")


def test_a_query_that_can_not_be_answered_leaves_its_error_and_the_rest_goes_on(run):
    told = []
    counts, lines = run("one", "too long", "three", progress=told.append)

    assert counts == {"base": 2, "error": 1} and sum(told) == 3
    assert [line["answer"] for line in lines] == ["fine", None, "fine"]
    assert lines[1]["error"] == "too many tokens for this"
    assert lines[1]["route"] == "base" and lines[1]["score"] is not None
    assert "error" not in lines[0]


@pytest.mark.parametrize("with_answers", [True, False])
def test_a_query_that_can_not_be_routed_likewise(run, with_answers):
    queries = [OUT_OF_SCOPE] * AT_ONCE
    queries[3] = "the poison"
    counts, lines = run(*queries, IN_SCOPE, with_answers=with_answers)

    assert counts == {"base": AT_ONCE - 1, "error": 1, "ike": 1}
    expected = {
        "id": 3,
        "query": "the poison",
        "route": None,
        "edit_ids": [],
        "score": None,
        "threshold": None,
        "error": "can't encode that",
    }
    assert lines[3] == (expected | {"answer": None} if with_answers else expected)


def test_a_model_that_is_missing_ends_all(run, encoder, overlay, tmp_path):
    encoder.error = MissingModelError("run: pip install it")
    with pytest.raises(MissingModelError):
        run(OUT_OF_SCOPE, "the poison")
    other = FactOverlay(
        overlay.memory, FakeScorer(), 0.9, base=str(tmp_path / "none"), answerer="ike"
    )
    with pytest.raises(ModelError, match="can't load"):
        answer_file(other, tmp_path / "in.jsonl", tmp_path / "out.jsonl", with_answers=True)
    assert not (tmp_path / "out.jsonl").exists()


def test_line_separators_inside_a_query_are_kept(run):
    query = "a\u2028b\u2029c\x85d"

    assert run(query)[1][0]["query"] == query


def test_windows_line_ends_and_a_mark_at_the_start_are_read(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"id": 1, "query": "a"}\r\n\r\n{"id": 2, "query": "b"}')

    assert [query.query for query in read_queries(file)] == ["a", "b"]


@pytest.mark.parametrize(
    "line", ['{"id": "\\ud800", "query": "why?"}', '{"id": 1, "query": ' + "[" * 99999]
)
def test_a_line_that_could_not_be_written_back_or_read_is_named(tmp_path, line):
    file = tmp_path / "in.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(InvalidQueryError, match="line 1"):
        read_queries(file)


def test_the_queries_are_not_written_over(overlay, tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_text('{"id": 1, "query": "why?"}\n')
    with pytest.raises(InvalidQueryError, match="holds the queries"):
        answer_file(overlay, file, file, with_answers=True)
    assert "why?" in file.read_text()
