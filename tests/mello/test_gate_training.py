import hashlib
import json

import numpy as np
import pytest
from data_folder import write_plan_folder
from safetensors.numpy import load

from mello.gate import FEATURES, GATE_FILE, MultiHopGate
from mello.gate_training import AT_MOST, PASSING, SURE, train_gate
from mello.plan_examples import questions_by_hops
from memory_store.errors import ErrataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plan_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """(folder of the gate, what a config says of it)"""
    out = tmp_path_factory.mktemp("gate")
    return out, train_gate(folder, out)


@pytest.fixture(scope="module")
def gate(trained):
    return MultiHopGate.load(*trained)


@pytest.fixture(scope="module")
def dev(folder):
    return questions_by_hops(folder, "dev")


def test_what_it_says_of_itself_is_json_and_names_the_file(trained):
    out, facts = trained

    assert json.loads(json.dumps(facts)) == facts
    assert list(facts) == ["sha256", "bias", "threshold", "sure", "dev"]
    assert [file.name for file in out.iterdir()] == [GATE_FILE]
    content = (out / GATE_FILE).read_bytes()
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    weights = load(content)["weights"]
    assert (weights.dtype, weights.shape) == (np.float16, (FEATURES,))


def test_nearly_every_multi_hop_question_of_each_source_passes(gate, dev):
    several, _ = dev
    for source, questions in several.items():
        share = np.mean([gate.passes(question) for question in questions])
        assert share >= PASSING - 1 / len(questions), source


def test_hardly_any_question_of_one_hop_is_taken_for_sure(gate, dev):
    _, single = dev
    questions = [question for found in single.values() for question in found]
    sure = sum(gate.is_sure(question) for question in questions)
    assert sure <= SURE * len(questions) + 1
    assert gate.sure >= gate.threshold


def test_it_learns_to_tell_them_apart(gate, dev):
    several, single = ([one for found in part.values() for one in found] for part in dev)
    assert gate.probabilities(several).mean() > 0.8
    assert gate.probabilities(single).mean() < 0.2


def test_names_in_haste_and_others_make_no_difference(gate):
    wordings = (
        "Who is the spouse of the writer of Tin Lanterns?",
        "who is the spouse of the writer of tin lanterns",
        "Who is the spouse of the writer of “The Salt Road”?",
    )
    assert all(gate.passes(wording) for wording in wordings)


def test_each_source_has_a_row_with_its_figures(trained, gate, dev):
    _, facts = trained
    rows = {row["source"]: row for row in facts["dev"]}
    several, single = dev

    assert {name for name, row in rows.items() if row["hops"] == "several"} == set(several)
    assert {name for name, row in rows.items() if row["hops"] == "one"} == set(single)
    assert len(rows) == len(facts["dev"])
    for name, questions in {**several, **single}.items():
        row, reached = rows[name], gate.probabilities(questions)
        assert row["n"] == len(questions)
        assert row["passes"] == pytest.approx((reached >= facts["threshold"]).mean())
        assert row["sure"] == pytest.approx((reached >= facts["sure"]).mean())
        assert 0 <= row["low"] <= row["passes"] <= row["high"] <= 1


def test_it_is_trained_on_questions_that_it_is_not_chosen_by(folder, dev):
    for fit, chosen in zip(questions_by_hops(folder, "fit"), dev, strict=True):
        for source, questions in chosen.items():
            if "own" not in source:  # drawn from the same wordings
                assert not set(questions) & set(fit.get(source, ())), source
            assert len(questions) <= AT_MOST


def test_a_missing_file_is_named(tmp_path):
    folder = write_plan_folder(tmp_path / "data")
    (folder / "decomposition" / "musique.jsonl").unlink()
    with pytest.raises(ErrataError, match=r"musique\.jsonl is missing; name the data folder"):
        train_gate(folder, tmp_path)
    assert not (tmp_path / GATE_FILE).exists()
