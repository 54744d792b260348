import json

import pytest

from classifiers import ARTIFACTS
from classifiers.similarity import KIND

TEXT = "The Space Needle is located in Paris."
SCOPE = ("--scope", ARTIFACTS / KIND)


@pytest.fixture
def queries(tmp_path):
    file = tmp_path / "queries.txt"
    file.write_text("".join(f"How do I boil {n} eggs?\n" for n in range(40)))
    return file


def threshold_in_use(errata, tmp_path):
    """The threshold that the next command has."""
    asked, out = tmp_path / "asked.jsonl", tmp_path / "out.jsonl"
    asked.write_text('{"id": 1, "query": "Where is the Space Needle?"}\n')
    assert errata("batch", "route", asked, out, *SCOPE).code == 0
    return json.loads(out.read_text())["threshold"]


@pytest.mark.model
def test_a_threshold_chosen_on_own_queries_is_used_until_it_is_forgotten(errata, queries, tmp_path):
    errata("add", TEXT)
    default = threshold_in_use(errata, tmp_path)
    result = errata("calibrate", "--false-fire", "0.05", "--queries", queries, *SCOPE, "--json")
    assert result.code == 0
    record = json.loads(result.out)
    assert record["queries"] == 40
    assert record["low"] <= record["observed"] <= min(0.05, record["high"])
    assert (record["memory"], record["namespace"]) == (str(errata.memory), "default")
    assert threshold_in_use(errata, tmp_path) == record["threshold"]
    assert json.loads(errata("calibrate", "--forget", "--json").out) == {"forgotten": True}
    assert threshold_in_use(errata, tmp_path) == default
    assert "there was nothing to forget" in errata("calibrate", "--forget").out


def test_without_queries_it_is_what_the_classifier_was_measured_at(errata, tmp_path):
    errata("add", TEXT)
    shown = errata("calibrate", "--false-fire", "0.005", *SCOPE)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == "threshold 0.9453 for a false-fire rate of 0.005; edits in memory: 1"
    assert lines[1] == "on dev 0.500% (0.240% – 0.918%), n = 2,000"  # noqa: RUF001
    assert lines[2] == f"now used for {errata.memory}, namespace default"
    assert threshold_in_use(errata, tmp_path) == pytest.approx(0.9453, abs=1e-4)


def test_the_shipped_classifier_s_threshold_is_said_to_rise_with_the_number_of_edits(errata):
    errata("add", TEXT)
    words = ("calibrate", "--false-fire", "0.01")
    shown = errata(*words).out.splitlines()
    assert shown[2] == "it rises with the number of edits, as the classifier was measured"
    record = json.loads(errata(*words, "--json").out)
    assert (record["edits"], record["edits_in_memory"], record["follows_edits"]) == (1000, 1, True)


def test_each_namespace_has_its_own(errata, tmp_path):
    errata("add", TEXT)
    default = threshold_in_use(errata, tmp_path)
    assert errata("calibrate", "--false-fire", "0.001", "--namespace", "b", *SCOPE).code == 0
    assert threshold_in_use(errata, tmp_path) == default


@pytest.mark.parametrize(
    "words, told",
    [
        ((), "state a rate with --false-fire"),
        (("--false-fire", "0.003"), "no threshold was measured"),
        (("--forget", "--false-fire", "0.01"), "goes without"),
        (("--false-fire", "1.5", "--queries", "QUERIES"), "rate of 1.5 can't be had"),
        (("--false-fire", "0.01", "--queries", "QUERIES"), "at least 100 are needed"),
        (("--false-fire", "0.05", "--queries", "none.txt"), "can't read none.txt"),
    ],
)
def test_what_allows_no_threshold_is_one_line_and_exit_code_2(errata, queries, words, told):
    errata("add", TEXT)
    words = [queries if word == "QUERIES" else word for word in words]
    result = errata("calibrate", *words, *SCOPE)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert told in result.err
    assert "nothing to forget" in errata("calibrate", "--forget").out


@pytest.mark.parametrize(
    "name, content, told",
    [
        ("q.txt", b"", "holds no query"),
        ("q.txt", b"\xff\xff", "is not UTF-8"),
        ("q.jsonl", b'{"query": "a"}\n{oops\n', "line 2: not JSON"),
        ("q.jsonl", b'{"question": "a"}\n', 'line 1: needs an object with "query"'),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_2(errata, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    errata("add", TEXT)
    result = errata("calibrate", "--false-fire", "0.05", "--queries", tmp_path / name, *SCOPE)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert told in result.err


@pytest.mark.parametrize("words", [("--forget",), ("--false-fire", "0.01")])
def test_a_memory_that_is_not_there_is_not_begun(errata, words):
    result = errata("calibrate", *words)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not errata.memory.exists()
