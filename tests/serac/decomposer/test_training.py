import json
from dataclasses import replace

import pytest
import torch
from data_folder import write_plan_folder

from classifiers.lora_training import ADAPTER_FILE
from mello.gate import GATE_FILE
from mello.plan_examples import PlanExample
from mello.plans import Plan, plan_prompt, read_plan
from memory_store.errors import ArtifactError, ErrataError
from serac.decomposer import load_plans
from serac.decomposer.training import TrainingSettings, _continued, figures, train_decomposer

TINY = TrainingSettings(
    steps=2, batch_size=2, warmup_steps=1, rank=1, first_layer=28, evaluate_every=2, examples=6
)
ONE_STEP = replace(TINY, steps=1, evaluate_every=1)
ONE = PlanExample("Who made Salt?", Plan(), "single", "Who made Salt?")
TWO = PlanExample(
    "Where was the maker of Salt born?",
    Plan(("Who made Salt?", "Where was #1 born?")),
    "own",
    "Where was the maker of Salt born?",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plan_folder(tmp_path_factory.mktemp("data"))


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads_and_can_be_gone_on_from(
    folder, tmp_path, embedded_base
):
    first, second = tmp_path / "first", tmp_path / "second"

    plans = train_decomposer(folder, first, settings=TINY, dev_examples=3)

    assert {file.name for file in first.iterdir()} == {ADAPTER_FILE, GATE_FILE, "config.json"}
    loaded = load_plans(embedded_base, first)
    assert loaded.facts == {**plans.facts, "format": 1}
    assert loaded.facts["best_step"] == 2
    assert (loaded.facts["draw"], loaded.facts["begun_with"]) == (0, None)
    assert "all" in {row["source"] for row in loaded.facts["dev"]}
    assert loaded.gate.threshold == loaded.facts["gate"]["threshold"]

    again = train_decomposer(folder, second, settings=ONE_STEP, dev_examples=3, begin_with=first)

    assert again.facts["draw"] == 1
    assert again.facts["begun_with"] == plans.facts["model_sha256"]
    # The learning rate of the first step is 0, so this is what it began with.
    assert again.facts["model_sha256"] == plans.facts["model_sha256"]


def test_a_file_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ErrataError, match="is no folder"):
        train_decomposer(tmp_path, tmp_path / "file")


def test_data_that_is_missing_is_told_before_the_work(tmp_path):
    with pytest.raises(ErrataError, match="is missing; name the data folder with --data"):
        train_decomposer(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "facts", [{"seed": 1}, {"seed": 0, "lora": {"rank": 2, "alpha": 16, "first_layer": 12}}, {}]
)
def test_one_that_was_trained_otherwise_is_not_gone_on_from(adapter_folder, tmp_path, facts):
    own = {"lora": TrainingSettings().lora()}
    before = adapter_folder("decomposer", **{**own, **facts})
    with pytest.raises(ErrataError, match=r"^the decomposer in .* was trained with another seed"):
        train_decomposer(tmp_path, tmp_path / "out", begin_with=before)
    with pytest.raises(ArtifactError, match="holds no decomposer"):
        train_decomposer(tmp_path, tmp_path / "out", begin_with=tmp_path)


@pytest.mark.parametrize("example", [ONE, TWO])
def test_the_plan_is_what_continues_the_prompt(example):
    prompt, plan = _continued(example)

    assert prompt == plan_prompt(example.question)
    assert read_plan(plan) == example.plan


@pytest.mark.parametrize("sure", [False, True])
def test_figures_are_shares_of_each_source_with_intervals(adapter_folder, stand_in, sure):
    """A model that writes one line alone is right about questions of one hop."""
    torch.nn.init.zeros_(stand_in.model.lm_head.weight)
    plans = load_plans(stand_in, adapter_folder("decomposer", sure=sure))
    told = []

    rows = figures(plans, [ONE, TWO, ONE], lambda *progress: told.append(progress))

    assert json.loads(json.dumps(rows)) == rows
    found = {(row["source"], row["figure"]): row for row in rows}
    for figure in ("steps", "same"):
        assert found["single", figure]["right"] == 1 and found["single", figure]["n"] == 2
        assert found["own", figure]["right"] == 0 and found["own", figure]["n"] == 1
        every = found["all", figure]
        assert every["right"] == pytest.approx(2 / 3) and every["n"] == 3
        assert every["low"] < 2 / 3 < every["high"]
    assert len(rows) == 6
    assert told[-1] == ("planning dev", 3, 3)
