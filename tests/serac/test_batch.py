import json
import re

import pytest
from fakes import FakeBase, FakeEncoder, FakeScorer

from mello import PlannedDecomposer
from memory_store import EditMemory
from memory_store.errors import (
    ArtifactError,
    ErrataError,
    InvalidQueryError,
    MissingModelError,
    ModelError,
)
from serac.batch import AT_ONCE, answer_file, multihop_file, read_queries
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


# Hop by hop

HOPS = "Who is the mayor of the city in which the Space Needle is located?"
PLAN = f"1. {IN_SCOPE}\n2. Who is the mayor of #1?"


@pytest.fixture
def by_hops(overlay):
    """The overlay with a decomposer that plans for questions about a mayor."""
    overlay.decomposer = PlannedDecomposer(lambda asked: PLAN if "mayor" in asked else "none")
    return overlay


@pytest.fixture
def multihop(by_hops, tmp_path):
    """Write the lines, answer them hop by hop, and give counts and lines."""

    def run(*lines, **options):
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (tmp_path / "in.jsonl").write_text("\n".join(texts), encoding="utf-8", newline="")
        to = tmp_path / "out.jsonl"
        counts = multihop_file(by_hops, tmp_path / "in.jsonl", to, **options)
        written = to.read_text(encoding="utf-8").split("\n")[:-1]
        return counts, [json.loads(line) for line in written]

    return run


def test_a_batch_of_answers_goes_by_hops_too(by_hops, run):
    counts, (first, second) = run(HOPS, OUT_OF_SCOPE)

    assert counts == {"base": 1, "multi_hop": 1}
    assert list(first) == ["id", "query", "route", "edit_ids", "score", "threshold", "answer"]
    assert (first["route"], first["edit_ids"], first["answer"]) == ("multi_hop", ["needle"], "fine")
    assert (first["score"], first["threshold"]) == (None, 0.9)
    assert second["route"] == "base"


def test_to_say_where_queries_go_takes_nothing_apart(by_hops, run):
    assert run(HOPS, with_answers=False)[0] == {"base": 1}


def test_where_a_hop_cant_be_asked_the_question_is_asked_as_it_is(by_hops, run):
    by_hops.decomposer = PlannedDecomposer(lambda asked: f"1. {IN_SCOPE}\n2. How long is #1?")
    counts, (first, second) = run(HOPS, IN_SCOPE)

    assert counts == {"base": 1, "ike": 1}
    for line in (first, second):
        assert "error" not in line and line["answer"]


def test_each_question_gets_its_hops(multihop):
    told = []
    counts, (first, second) = multihop(
        {"question": HOPS}, {"query": OUT_OF_SCOPE}, progress=told.append
    )

    assert counts == {"base": 1, "multi_hop": 1} and sum(told) == 2
    assert list(first) == ["question", "answer", "route", "hops"]
    assert (first["answer"], first["route"]) == ("fine", "multi_hop")
    assert [set(hop) for hop in first["hops"]] == [
        {"question", "answer", "source", "edit_id", "score"}
    ] * 2
    assert [hop["source"] for hop in first["hops"]] == ["edit #needle", "base"]
    assert second == {"query": OUT_OF_SCOPE, "answer": "fine", "route": "base", "hops": []}


def test_whatever_else_a_line_has_is_kept(multihop):
    more = {"case_id": 7, "gold": ["Ada", None], "of": {"é": "\u2028"}, "query": "not asked"}
    _, (line,) = multihop({"question": HOPS, **more})

    assert {key: line[key] for key in more} == more
    assert line["answer"] == "fine"


def test_a_line_that_was_answered_before_is_answered_anew(multihop):
    """One may give it the failed lines of a file that it wrote."""
    before = {"answer": "old", "route": "old", "hops": [1], "error": "no model"}
    counts, (line,) = multihop({"question": HOPS, **before})

    assert counts == {"multi_hop": 1}
    assert (line["answer"], line["route"]) == ("fine", "multi_hop")
    assert "error" not in line


def test_a_question_that_fails_leaves_its_error_and_the_rest_goes_on(multihop):
    told = []
    lines = [{"question": HOPS}, {"question": "too long", "n": 1}, {"question": "why?"}]
    counts, (first, second, third) = multihop(*lines, progress=told.append)

    assert counts == {"base": 1, "error": 1, "multi_hop": 1} and sum(told) == 3
    expected = {"answer": None, "route": None, "hops": [], "error": "too many tokens for this"}
    assert second == {"question": "too long", "n": 1, **expected}
    assert first["answer"] == third["answer"] == "fine"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{oops", "not JSON"),
        ('{"question": ' + "[" * 99999, "not JSON"),
        ('["who?"]', "needs an object"),
        ('"who?"', "needs an object"),
        ("{}", 'needs a "question" or a "query"'),
        ('{"question": 7}', 'needs a "question" or a "query"'),
        ('{"query": null}', 'needs a "question" or a "query"'),
        ('{"question": " "}', "the query is empty"),
        ('{"question": "\\ud800"}', "lone surrogate"),
        ('{"question": "why?", "id": "\\ud800"}', "surrogates not allowed"),
        (json.dumps({"question": "x" * 100_001}), "the limit is 100,000"),
    ],
)
def test_a_bad_question_line_is_named_and_nothing_is_written(multihop, tmp_path, line, told):
    with pytest.raises(InvalidQueryError) as caught:
        multihop({"question": "why?"}, "", line)

    assert re.search(rf"in\.jsonl, line 3: .*{re.escape(told)}", str(caught.value))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.jsonl").exists()


def test_no_question_is_no_line_and_needs_no_model(overlay, tmp_path):
    other = FactOverlay(overlay.memory, FakeScorer(), 0.9, base="/no/such/model")
    (tmp_path / "in.jsonl").write_text("\n")

    assert multihop_file(other, tmp_path / "in.jsonl", tmp_path / "out.jsonl") == {}
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_what_no_question_would_get_past_ends_all(multihop, by_hops, tmp_path):
    by_hops.decomposer = tmp_path
    with pytest.raises(ArtifactError, match="holds no decomposer"):
        multihop({"question": HOPS})
    other = FactOverlay(by_hops.memory, FakeScorer(), 0.9, base=str(tmp_path / "none"))
    with pytest.raises(ModelError, match="can't load"):
        multihop_file(other, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_files_that_can_not_be_read_or_written_are_said(by_hops, tmp_path):
    file = tmp_path / "in.jsonl"
    with pytest.raises(InvalidQueryError, match="can't read"):
        multihop_file(by_hops, file, tmp_path / "out.jsonl")
    file.write_text('{"question": "why?"}\n')
    with pytest.raises(ErrataError, match="no/out"):
        multihop_file(by_hops, file, tmp_path / "no" / "out.jsonl")


def test_the_questions_are_not_written_over(by_hops, tmp_path):
    file, link = tmp_path / "in.jsonl", tmp_path / "link.jsonl"
    file.write_text('{"question": "why?"}\n')
    link.symlink_to(file)
    for to in (file, link):
        with pytest.raises(InvalidQueryError, match="holds the questions; name another file"):
            multihop_file(by_hops, file, to)
    assert file.read_text() == '{"question": "why?"}\n'
