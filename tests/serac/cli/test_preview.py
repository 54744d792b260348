import json

import pytest

from classifiers import ARTIFACTS
from classifiers.similarity import KIND

TEXT = "The Space Needle is located in Paris."
SCOPE = ("--scope", ARTIFACTS / KIND)


@pytest.fixture
def reference(tmp_path):
    file = tmp_path / "reference.txt"
    questions = [f"How do I boil {n} eggs?" for n in range(20)]
    file.write_text("\n".join([*questions, "The Space Needle is located in"]))
    return file


@pytest.mark.model
def test_a_dry_run_stores_nothing_and_begins_no_memory(errata, reference):
    result = errata("add", TEXT, "--dry-run", "--reference", reference, *SCOPE)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("would answer 1 of 21 reference questions: 4.76% (")
    assert lines[2].endswith("  The Space Needle is located in")
    assert len(lines) == 7
    assert result.err.startswith("errata: this edit is broad: it would answer 1 of 21 ")
    assert result.err.count("\n") == 1
    assert not errata.memory.exists()


@pytest.mark.model
def test_as_json_it_is_the_whole_record(errata, reference):
    record = json.loads(
        errata("add", TEXT, "--dry-run", "--reference", reference, *SCOPE, "--json").out
    )
    assert (record["text"], record["questions"], record["fired"]) == (TEXT, 21, 1)
    assert record["broad"] and record["warning"]
    assert len(record["closest"]) == 5
    assert set(record["closest"][0]) == {"question", "probability", "similarity"}


@pytest.mark.model
def test_the_threshold_is_the_one_in_use_for_that_memory(errata, reference):
    words = ("add", TEXT, "--dry-run", "--reference", reference, *SCOPE, "--json")
    errata("add", "Gold is worth nothing.")
    before = json.loads(errata(*words).out)["threshold"]
    errata("calibrate", "--false-fire", "0.001", *SCOPE)
    assert json.loads(errata(*words).out)["threshold"] > before
    assert len(json.loads(errata("list", "--json").out)) == 1


@pytest.mark.parametrize(
    "words, told",
    [
        (("x" * 1001,), "1,000"),
        ((TEXT, "--subject", ""), "subject is empty"),
        ((TEXT, "--valid-from", "soon"), "is no date"),
        ((TEXT, "--reference", "none.txt"), "can't read none.txt"),
    ],
)
def test_what_could_not_be_added_can_not_be_tried(errata, words, told):
    result = errata("add", *words, "--dry-run")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert told in result.err
    assert not errata.memory.exists()


@pytest.mark.parametrize("option", [("--scope", "here"), ("--device", "cpu"), ("--reference", "q")])
def test_options_of_a_dry_run_are_not_passed_over_without_it(errata, option):
    result = errata("add", TEXT, *option)
    assert result.code == 2
    assert "need --dry-run" in result.err
    assert not errata.memory.exists()
