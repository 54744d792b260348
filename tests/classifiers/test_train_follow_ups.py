import logging
from dataclasses import replace

import pytest
from data_folder import write_data_folder

from classifiers import SHIPPED, load_follow_ups
from classifiers.lora_training import CHECKPOINTS
from classifiers.train_follow_ups import FollowUpSettings, train_follow_ups
from memory_store.errors import ErrataError

TINY = replace(
    FollowUpSettings(),
    steps=2,
    batch_size=4,
    warmup_steps=1,
    evaluate_every=1,
    facts=12,
    dev_facts=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data_folder(tmp_path_factory.mktemp("data"), people=40)


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="classifiers.train_follow_ups")
    out = tmp_path / "out"
    made = train_follow_ups(folder, out, SHIPPED, settings=TINY, device="cpu")

    assert not (out / CHECKPOINTS).exists()
    assert made.facts["begun_with"] and made.facts["best_step"] in (1, 2)
    assert {row["in_scope"] for row in made.facts["dev"]} == {True, False}
    loaded = load_follow_ups(out, "cpu")
    pairs = [("I saw it. >> And the colour?", "The colour of the tower is red.")]
    assert loaded.scorer.score(pairs) == pytest.approx(made.score(pairs))


def test_it_begins_with_a_cross_encoder_of_its_form(folder, tmp_path):
    with pytest.raises(ErrataError, match="rank 8"):
        train_follow_ups(folder, tmp_path, SHIPPED, settings=replace(TINY, rank=8))
    with pytest.raises(ErrataError, match="train one there"):
        train_follow_ups(folder, tmp_path, tmp_path / "none", settings=TINY)
