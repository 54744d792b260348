import importlib.util

import numpy as np
import pytest
from fakes import FunctionScorer

from benchmarks import backends
from benchmarks.rows import Rows
from classifiers import ARTIFACTS
from classifiers.cross_encoder import CrossEncoderScorer
from memory_store.errors import ArtifactError


def test_pairs_are_of_our_own_wordings_and_drawn_by_the_seed():
    pairs = backends.written_pairs(12, 0)
    assert len(pairs) == 12
    assert pairs == backends.written_pairs(12, 0) != backends.written_pairs(12, 1)
    assert not any(mark in text for pair in pairs for text in pair for mark in ("{}", "[]"))


def test_agreement_is_counted_against_the_reference():
    scorers = {
        "float32": FunctionScorer(lambda query, edit: 0.4),
        "other": FunctionScorer(lambda query, edit: 0.6 if edit == "b" else 0.4),
    }
    rows = Rows("backends", 0, "command")
    backends.add_agreement_rows(rows, scorers, 0.5, [("q", edit) for edit in "abcd"])
    found = {(row.kind, row.metric): row.value for row in rows.rows}
    assert found[("other", "largest difference of a probability")] == pytest.approx(0.2)
    assert found[("other", "same decision")] == 0.75
    assert {row.kind for row in rows.rows} == {"other"}


@pytest.mark.model
def test_every_runtime_that_is_installed_is_timed_and_compared(cross_encoder, monkeypatch):
    monkeypatch.setattr(backends, "BATCHES", {4: 2})
    monkeypatch.setattr(backends, "COMPARED", 12)
    monkeypatch.delitem(backends.RUNTIMES, "openvino")
    rows = backends.measure_backends(cross_encoder, 0, named=True)
    missing = rows.rows[0].setting["not_installed"]
    assert (missing == ["onnx"]) is (importlib.util.find_spec("onnxruntime") is None)
    found = {(row.kind, row.metric): row.value for row in rows.rows}
    assert found[("float32", "milliseconds for 4 pairs, p50")] > 0
    assert found[("int8", "share of float32's time, 4 pairs")] > 0
    assert found[("bfloat16", "largest difference of a probability")] < 0.05
    assert rows.command == "python -m benchmarks backends --seed 0 --scope FOLDER"


@pytest.mark.model
def test_the_reference_says_what_the_scorer_says(cross_encoder):
    (name, scorer), *_ = backends.runtime_scorers(cross_encoder)[0].items()
    pairs = backends.written_pairs(8, 0)
    shipped = CrossEncoderScorer.load(cross_encoder, "cpu", "float32")
    assert name == "float32"
    assert np.allclose(scorer.score(pairs), shipped.score(pairs), atol=1e-6)


def test_another_classifier_has_no_runtimes():
    with pytest.raises(ArtifactError, match="--scope"):
        backends.measure_backends(ARTIFACTS / "similarity", 0, named=True)
