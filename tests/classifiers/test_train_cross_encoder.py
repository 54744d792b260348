import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from data_folder import write_data_folder
from fakes import FakeEncoder
from safetensors.torch import load, save

from classifiers import SHIPPED
from classifiers import train_cross_encoder as train_cross_encoder_module
from classifiers.artifact_files import CONFIG_FILE, read_config, read_hashed
from classifiers.cross_encoder import CrossEncoderScorer
from classifiers.dev_figures import HARD_KIND, Judged, read_dev_set
from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS, mix_adapter
from classifiers.thresholds import ThresholdChoice
from classifiers.train_cross_encoder import (
    GOING_ON,
    TrainingSettings,
    _fit,
    _progress,
    fact_floors,
    train_cross_encoder,
)
from classifiers.training_pairs import make_training_pairs
from classifiers.turn_pairs import NEEDED, OTHER
from classifiers.written_facts import ANSWERED, NOT_ANSWERED
from memory_store.errors import ErrataError

TINY = TrainingSettings(
    steps=4,
    batch_size=4,
    warmup_steps=1,
    rank=2,
    evaluate_every=2,
    dev_queries=8,
    written_facts=20,
    draws=0,
    fact_draws=0,
)


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads(tmp_path):
    folder = write_data_folder(tmp_path / "data", people=24)
    out = tmp_path / "artifact"

    scorer = train_cross_encoder(folder, FakeEncoder(), out, settings=TINY)

    assert {file.name for file in out.iterdir()} == {ADAPTER_FILE, CONFIG_FILE}
    loaded = CrossEncoderScorer.load(out)
    assert loaded.facts == scorer.facts
    assert loaded.facts["settings"]["steps"] == 4
    assert loaded.facts["best_step"] in (2, 4)
    assert loaded.facts["pairs"]["in scope"]["prompt"] > 0
    assert len(loaded.thresholds) == 5
    assert loaded.turn_threshold is None and loaded.facts["dev_facts"] == []
    assert loaded.score([("Who made Works1?", "Who made Works1? Maker1")]).shape == (1,)


@pytest.mark.model
def test_it_goes_on_from_another_on_what_was_written(tmp_path, embedded_encoder, monkeypatch):
    for name in ("judged_turns", "written_fact_pairs"):
        made = getattr(train_cross_encoder_module, name)
        some = lambda *given, made=made: made(*given)[:60]  # noqa: E731
        monkeypatch.setattr(train_cross_encoder_module, name, some)
    folder, out = write_data_folder(tmp_path / "data", people=24), tmp_path / "artifact"
    settings = replace(
        GOING_ON,
        steps=2,
        batch_size=4,
        evaluate_every=2,
        dev_queries=8,
        ordinary=9,
        written_facts=20,
    )

    scorer = train_cross_encoder(
        folder, embedded_encoder, out, settings=settings, begin_with=SHIPPED
    )

    assert scorer.facts["begun_with"] == read_config(SHIPPED)["model_sha256"]
    inside, outside = (scorer.facts["pairs"][part] for part in ("in scope", "out of scope"))
    assert inside.pop(ANSWERED) + outside.pop(NOT_ANSWERED) == 60
    assert min(inside.pop(NEEDED), outside.pop(OTHER)) > 0
    assert sum(inside.values()) + sum(outside.values()) == 9
    assert 0 < scorer.turn_threshold < 1
    assert [row["threshold"] for row in scorer.facts["dev_facts"]] == [
        one.at(1) for one in scorer.thresholds
    ]
    asked = [("When does the bakery open?", "The bakery opens at six.")]
    begun = CrossEncoderScorer.load(SHIPPED).logits(asked)
    assert scorer.logits(asked) == pytest.approx(begun, abs=0.5)


@pytest.mark.parametrize("given", [{"seed": 1}, {"settings": TINY}])
def test_one_of_another_seed_or_form_is_not_gone_on_from(tmp_path, given):
    wanted = {"settings": GOING_ON, "begin_with": SHIPPED, **given}
    with pytest.raises(ErrataError, match="was trained with another seed, or has another form"):
        train_cross_encoder(tmp_path, FakeEncoder(), tmp_path / "out", **wanted)


def test_an_adapter_is_mixed_with_what_it_began_with(tmp_path):
    before, after = ({"a": torch.full((2,), x, dtype=torch.float16)} for x in (1.0, 3.0))
    (tmp_path / ADAPTER_FILE).write_bytes(save(after))

    sha256 = mix_adapter(tmp_path, save(before), 0.75)

    content = read_hashed(tmp_path / ADAPTER_FILE, sha256)
    assert load(content)["a"].tolist() == [2.5, 2.5]


@pytest.mark.model
def test_a_training_goes_on_from_its_last_checkpoint(tmp_path, caplog):
    caplog.set_level("INFO", logger="classifiers.train_cross_encoder")
    folder = write_data_folder(tmp_path / "data", people=24)
    pairs = make_training_pairs(folder, FakeEncoder(), written_facts=20).pairs
    dev = read_dev_set(folder, FakeEncoder(), 0, lambda *told: None)
    for _ in range(2):
        caplog.clear()
        _fit(pairs, dev, tmp_path, 0, TINY, "cpu", False)
        shutil.rmtree(tmp_path / CHECKPOINTS / "checkpoint-4")  # as if it had been broken off
    steps = {record.args[0] for record in caplog.records if record.msg.startswith("step")}
    assert 4 in steps
    assert 2 not in steps  # what was done before is not done again


def test_a_file_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ErrataError, match="is no folder"):
        train_cross_encoder(tmp_path, FakeEncoder(), tmp_path / "file")


def test_the_config_of_an_artifact_is_json(tmp_path):
    from classifiers.artifact_files import write_config

    chosen = [asdict(ThresholdChoice(0.1, 0.5, 0.1, 0.0, 0.2, 100))]
    record = {"kind": "k", "thresholds": chosen, "default_false_fire": 0.1, "model_sha256": "é"}
    write_config(tmp_path, record)
    assert read_config(tmp_path) == {"format": 1, **record}
    assert json.loads((tmp_path / CONFIG_FILE).read_text(encoding="utf-8"))["format"] == 1


def test_a_look_at_dev_shows_what_fires_rightly_at_few_false_fires():
    kinds = np.array([HARD_KIND, HARD_KIND, "zsre prompt", "zsre prompt"])
    scores = np.array([-np.inf, 0.2, 0.9, 0.1])
    judged = Judged(scores, np.array([False, False, True, True]), np.arange(4), kinds)
    shown = _progress(judged, np.array([False, False, True, True]))
    assert (shown["right"], shown["wrong"], shown["fires_zsre_prompt"]) == (0.5, 0.0, 0.5)


def test_a_stricter_rate_leaves_as_much_less_of_what_is_near_a_fact():
    scores = np.concatenate([np.linspace(0, 0.6, 400), np.linspace(0.4, 1, 400)])
    answered = np.arange(800) >= 400

    floors = fact_floors(scores, answered)

    fires = {rate: (scores[~answered] >= floor).mean() for rate, floor in floors.items()}
    assert set(floors) == {0.001, 0.002, 0.005, 0.01}
    assert 0.39 <= floors[0.01] <= 0.61 and floors[0.001] > floors[0.002] > floors[0.005]
    assert fires[0.005] == pytest.approx(fires[0.01] / 2, abs=0.005)
    assert set(fact_floors(answered + 0.0, answered).values()) == {1.0}
