from dataclasses import replace

import pytest

from classifiers import SHIPPED
from classifiers import train_turn_scope as module
from classifiers.artifact_files import CONFIG_FILE, read_config
from classifiers.cross_encoder import CrossEncoderScorer
from classifiers.lora_training import ADAPTER_FILE
from classifiers.train_turn_scope import TurnSettings, train_turn_scope
from classifiers.turn_figures import TURN_FALSE_FIRE, TURN_RATES
from memory_store.errors import ErrataError

TINY = TurnSettings(steps=2, batch_size=4, warmup_steps=1, evaluate_every=2, dev_pairs=8)


@pytest.mark.model
def test_it_goes_on_from_the_scope_classifier(tmp_path, embedded_encoder, monkeypatch):
    for name in ("context_training_pairs", "context_turns"):
        made = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, made=made: made(*given)[:60])
    starts, fit = [], module.fit_pairs

    def fitting(*given, **named):
        starts.append(named["start"])
        return fit(*given, **named)

    monkeypatch.setattr(module, "fit_pairs", fitting)
    out = tmp_path / "artifact"

    scorer = train_turn_scope(embedded_encoder, SHIPPED, out, settings=TINY)

    assert {file.name for file in out.iterdir()} == {ADAPTER_FILE, CONFIG_FILE}
    loaded = CrossEncoderScorer.load(out)
    assert loaded.facts == scorer.facts
    assert sum(loaded.facts["pairs"].values()) == 60
    assert loaded.facts["begun_with"] == read_config(SHIPPED)["model_sha256"]
    assert starts == [(SHIPPED / ADAPTER_FILE).read_bytes()]
    assert [row["false_fire"] for row in loaded.facts["dev_turns"]] == list(TURN_RATES)
    assert loaded.default_false_fire == TURN_FALSE_FIRE
    assert loaded.threshold_for().at(1) > 0


def test_one_of_another_form_is_not_gone_on_from(tmp_path, embedded_encoder):
    with pytest.raises(ErrataError, match="begin with a cross-encoder"):
        train_turn_scope(
            embedded_encoder, SHIPPED, tmp_path / "out", settings=replace(TINY, rank=2)
        )
