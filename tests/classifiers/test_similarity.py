import json
import pickle
import shutil

import numpy as np
import pytest
import skops.io
from data_folder import write_data_folder
from fakes import FakeEncoder

from classifiers import ARTIFACTS, SimilarityScorer, load_scope_classifier
from classifiers.artifact_files import CONFIG_FILE
from classifiers.similarity import KIND, MODEL_FILE
from classifiers.thresholds import STATED_RATES
from classifiers.train_similarity import train_similarity
from memory_store import LazyEncoder, SentenceTransformerEncoder
from memory_store.errors import ArtifactError

KEPT = ARTIFACTS / KIND


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = write_data_folder(tmp_path_factory.mktemp("data"))
    return train_similarity(folder, FakeEncoder(), seed=0)


@pytest.fixture
def artifact(trained, tmp_path):
    trained.save(tmp_path / "artifact")
    return tmp_path / "artifact"


def test_training_reports_what_it_saw(trained):
    facts = trained.facts
    assert facts["seed"] == 0
    assert {(row["kind"], row["stated_false_fire"]) for row in facts["dev"]} >= {
        ("counterfact paraphrase", 0.01),
        ("counterfact neighborhood", 0.05),
    }
    for row in facts["dev"]:
        assert 0 <= row["fires_on_own_edit"]["value"] <= row["fires"]["value"] <= 1
        assert row["fires"]["low"] <= row["fires"]["value"] <= row["fires"]["high"]
    assert all(count > 0 for count in facts["pairs"].values())


def test_training_again_gives_the_same(trained, tmp_path):
    again = train_similarity(write_data_folder(tmp_path), FakeEncoder(), seed=0)
    assert again.facts == trained.facts
    assert again.thresholds == trained.thresholds


def test_an_edit_s_own_words_score_above_a_stranger_s(trained):
    scorer = trained
    asked = "Ael3 Mor3ton was born in"
    own, other = scorer.score(
        [(asked, "Ael3 Mor3ton was born in Arden"), (asked, "Club7 plays chess")]
    )
    assert 0 <= other < own <= 1


def test_nothing_to_judge_gives_nothing(trained):
    assert trained.score([]).shape == (0,)


def test_an_artifact_scores_as_what_was_saved(trained, artifact):
    loaded = SimilarityScorer.load(artifact, FakeEncoder())
    pairs = [("Who made Works3?", edit) for edit in ("Who made Works3? Maker3", "Club7 is old")]
    np.testing.assert_array_equal(loaded.score(pairs), trained.score(pairs))
    assert loaded.thresholds == trained.thresholds
    assert loaded.facts["seed"] == 0


def test_each_measured_rate_has_its_threshold(trained):
    found = [trained.threshold_for(threshold.false_fire) for threshold in trained.thresholds]
    assert found == list(trained.thresholds)
    assert trained.threshold_for(0.001).at(1) >= trained.threshold_for(0.05).at(1)


@pytest.mark.parametrize("rate", [0.0001, 0.02, 0.04, 0.5, -1.0, float("nan")])
def test_a_rate_that_was_not_measured_is_refused_with_those_that_were(trained, rate):
    with pytest.raises(
        ArtifactError, match=r"no threshold .* use one of 0.001, 0.002, 0.005, 0.01, 0.05"
    ):
        trained.threshold_for(rate)


class OtherEncoder(FakeEncoder):
    fingerprint = "another"


def test_another_encoder_is_refused(artifact):
    with pytest.raises(ArtifactError, match="was trained with fake-words, not another; use that"):
        SimilarityScorer.load(artifact, OtherEncoder())


def test_a_missing_artifact_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="holds no scope classifier"):
        SimilarityScorer.load(tmp_path, FakeEncoder())


def test_a_changed_model_file_is_refused(artifact):
    with (artifact / MODEL_FILE).open("ab") as file:
        file.write(b"!")
    with pytest.raises(ArtifactError, match="is not the file"):
        SimilarityScorer.load(artifact, FakeEncoder())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 99, "features": []}'])
def test_a_damaged_config_is_refused(artifact, text):
    (artifact / CONFIG_FILE).write_text(text)
    with pytest.raises(ArtifactError):
        SimilarityScorer.load(artifact, FakeEncoder())


def test_a_type_that_is_not_trusted_is_refused(artifact):
    import hashlib

    model = skops.io.dumps({"run": pickle.Pickler})
    (artifact / MODEL_FILE).write_bytes(model)
    config = json.loads((artifact / CONFIG_FILE).read_text())
    config["model_sha256"] = hashlib.sha256(model).hexdigest()
    (artifact / CONFIG_FILE).write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="untrusted types"):
        SimilarityScorer.load(artifact, FakeEncoder())


def test_the_artifact_loads_and_is_small():
    scorer = load_scope_classifier(LazyEncoder(), KEPT)
    assert {choice.false_fire for choice in scorer.thresholds} <= set(STATED_RATES)
    assert sum(file.stat().st_size for file in KEPT.iterdir()) < 8 * 2**20
    assert (KEPT / "README.md").is_file()


@pytest.mark.model
def test_the_artifact_tells_an_edit_s_question_from_others(tmp_path):
    shutil.copytree(KEPT, tmp_path / "copy")
    scorer = load_scope_classifier(SentenceTransformerEncoder.embedded("cpu"), tmp_path / "copy")
    asked = (
        "The Space Needle is located in",
        "How do I boil an egg?",
        "Where is the Eiffel Tower?",
    )
    threshold = scorer.threshold_for(0.01).at(1)
    own, egg, tower = scorer.score(
        [(text, "The Space Needle is located in Paris") for text in asked]
    )
    assert own >= threshold
    assert egg < 0.1 < threshold
    assert tower < threshold
