import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch
from fakes import FakeEncoder

from classifiers import SHIPPED, CrossEncoderScorer, load_scope_classifier
from classifiers.artifact_files import CONFIG_FILE
from classifiers.cross_encoder import MAX_TOKENS, encode_pairs, load_body, merge
from classifiers.lora_training import ADAPTER_FILE
from classifiers.thresholds import ThresholdChoice
from memory_store.errors import ArtifactError

NEEDLE = "The Space Needle is located in Paris."


@pytest.fixture(scope="module")
def scorer():
    return CrossEncoderScorer.load(SHIPPED)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "copy")


def change(folder, **changes):
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps({**config, **changes}))


@pytest.mark.model
def test_it_tells_a_paraphrase_from_a_neighbour_and_another_relation(scorer):
    asked = [
        "In which city is the Space Needle located?",
        "Which city is home to the Space Needle?",
        "I loved the trip. Where can I find the Space Needle?",
        "In which city is the Eiffel Tower located?",
        "Who designed the Space Needle?",
        "What is the capital of Japan?",
    ]
    fires = scorer.score([(query, NEEDLE) for query in asked]) >= scorer.threshold_for().at(1)
    assert fires.tolist() == [True, True, True, False, False, False]


@pytest.mark.model
def test_a_pair_gets_the_same_score_alone_and_in_a_batch(scorer):
    pairs = [(f"Where is the tower number {n}?" * (1 + n % 5), NEEDLE) for n in range(70)]
    together = scorer.logits(pairs)
    alone = np.array([scorer.logits([pair])[0] for pair in pairs[:10]])
    assert np.abs(together[:10] - alone).max() < 0.5  # bfloat16 pads and rounds
    assert scorer.score([]).shape == (0,)


@pytest.mark.model
def test_of_a_text_that_is_too_long_the_beginning_is_cut_off():
    _, tokenizer = load_body()

    def read(query, edit):
        tokens = encode_pairs(tokenizer, [(query, edit)])["input_ids"][0]
        assert len(tokens) == MAX_TOKENS
        return tokenizer.decode(tokens)

    assert NEEDLE.lower().removesuffix(".") in read("word " * 2000 + "where is it?", NEEDLE)
    assert "where is it?" in read("word " * 2000 + "where is it?", NEEDLE)
    both = read("word " * 2000 + "where is it?", "word " * 2000 + "is in Paris.")
    assert "where is it?" in both
    assert "is in paris." in both


@pytest.mark.model
def test_half_and_full_precision_agree():
    pairs = [("Where is the Space Needle?", NEEDLE), ("Where is the Louvre?", NEEDLE)]
    full = CrossEncoderScorer.load(SHIPPED, precision="float32").score(pairs)
    half = CrossEncoderScorer.load(SHIPPED, precision="bfloat16").score(pairs)
    assert np.abs(full - half).max() < 0.1


def test_the_shipped_artifact_is_small_and_knows_its_thresholds():
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 8_000_000
    scorer = load_scope_classifier(FakeEncoder())
    assert isinstance(scorer, CrossEncoderScorer)
    stated = [choice.false_fire for choice in scorer.thresholds]
    thresholds = [threshold.at(10**6) for threshold in scorer.thresholds]
    assert scorer.default_false_fire in stated
    assert stated == sorted(stated)
    assert thresholds == sorted(thresholds, reverse=True)
    assert scorer.facts["expected_calibration_error"] <= 0.02


def test_no_model_is_loaded_before_a_pair_is_judged():
    def load():
        raise AssertionError("loaded")

    scorer = CrossEncoderScorer(load, load_scope_classifier(FakeEncoder()).facts)
    assert scorer.score([]).shape == (0,)
    with pytest.raises(AssertionError, match="loaded"):
        scorer.score([("q", "e")])


def test_an_adapter_that_was_changed_is_refused(copy):
    content = (copy / ADAPTER_FILE).read_bytes()
    (copy / ADAPTER_FILE).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match=r"is not the file that config\.json names"):
        CrossEncoderScorer.load(copy)


def test_an_adapter_that_is_missing_is_named(copy):
    (copy / ADAPTER_FILE).unlink()
    with pytest.raises(ArtifactError, match=f"{ADAPTER_FILE} is missing"):
        CrossEncoderScorer.load(copy)


def test_an_adapter_of_another_body_is_refused(copy):
    change(copy, body="bert@000000000000")
    with pytest.raises(ArtifactError, match="was trained on bert@000000000000"):
        CrossEncoderScorer.load(copy)


CHOICE = asdict(ThresholdChoice(0.1, 0.5, 0.1, 0.0, 0.2, 100, 10))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 0}', b"\xff"])
def test_a_damaged_config_is_one_error(copy, content):
    mode = "wb" if isinstance(content, bytes) else "w"
    with (copy / CONFIG_FILE).open(mode) as file:
        file.write(content)
    with pytest.raises(ArtifactError):
        load_scope_classifier(FakeEncoder(), copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"thresholds": "x"},
        {"thresholds": ["x"]},
        {"thresholds": [{"false_fire": 0.1}]},
        {"thresholds": [{**CHOICE, "threshold": None}]},
        {"thresholds": [{**CHOICE, "edits": "x"}]},
        {"thresholds": [{**CHOICE, "edits": True}]},
        {"thresholds": [{**CHOICE, "edits": 0}]},
        {"thresholds": [{**CHOICE, "threshold": -1}]},
        {"thresholds": [{**CHOICE, "threshold": 10**400}]},
        {"thresholds": [{**CHOICE, "false_fire": 2}]},
        {"thresholds": [CHOICE, CHOICE]},
        {"thresholds": [CHOICE, {**CHOICE, "edits": None}]},
        {"thresholds": []},
        {"recall_floor": []},
        {"recall_floor": 10**400},
        {"default_false_fire": None},
        {"default_false_fire": "x"},
        {"recall_floor": float("nan")},
        {"recall_floor": "x"},
        {"turn_threshold": "x"},
        {"turn_threshold": float("nan")},
        {"lora": None},
        {"lora": {"rank": 0, "alpha": 1}},
        {"lora": {"rank": "x", "alpha": 1}},
        {"calibration": [1]},
        {"calibration": {"slope": 1.0}},
        {"calibration": {"slope": float("nan"), "offset": 0.0}},
    ],
    ids=str,
)
def test_a_config_with_wrong_values_is_one_error(copy, changes):
    change(copy, **changes)
    with pytest.raises(ArtifactError, match="damaged"):
        load_scope_classifier(FakeEncoder(), copy)


@pytest.mark.parametrize("place", ["config.json", "config.json/deeper", "nowhere"])
def test_what_is_no_folder_of_an_artifact_is_one_error(copy, place):
    with pytest.raises(ArtifactError, match="holds no scope classifier"):
        load_scope_classifier(FakeEncoder(), copy / place)


def test_an_artifact_of_another_scale_has_another_fingerprint(copy):
    before = load_scope_classifier(FakeEncoder(), copy).fingerprint
    change(copy, recall_floor=0.1)
    assert load_scope_classifier(FakeEncoder(), copy).fingerprint != before


@pytest.mark.model
def test_weights_that_are_no_numbers_are_refused():
    from safetensors.torch import save

    model, _ = load_body()
    head = {"base_model.model.classifier.weight": torch.full((1, 384), float("nan"))}
    with pytest.raises(ArtifactError, match="doesn't fit"):
        merge(model, save(head), 1.0)


def test_an_unknown_kind_is_refused(copy):
    change(copy, kind="oracle")
    with pytest.raises(ArtifactError, match="unknown kind, 'oracle'"):
        load_scope_classifier(FakeEncoder(), copy)


@pytest.mark.model
def test_tensors_that_do_not_fit_the_body_are_refused():
    from safetensors.torch import save

    model, _ = load_body()
    for tensors in (
        {"base_model.model.bert.nowhere.lora_A.weight": torch.zeros(2, 2)},
        {"base_model.model.classifier.weight": torch.zeros(3, 3)},
        {"base_model.model.bert.embeddings.LayerNorm.weight": torch.zeros(384)},
    ):
        with pytest.raises(ArtifactError, match="doesn't fit"):
            merge(model, save(tensors), 1.0)
    with pytest.raises(ArtifactError, match="doesn't fit"):
        merge(model, b"no safetensors", 1.0)
