import json
import random
from dataclasses import replace

import pytest
import torch
from data_folder import write
from tiny_models import tied_llama

from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.mend import NETWORK_FILE, Mend
from benchmarks.peers.mend_examples import MendExample, make_batch, read_examples
from benchmarks.peers.mend_training import MendSettings, MendTraining, train_mend
from classifiers.pairs import records
from memory_store.errors import ErrataError

SETTINGS = MendSettings(
    steps=12,
    batch_size=4,
    group_sizes=(1, 2),
    learning_rate=1e-2,
    warmup_steps=2,
    edit_weight=1.0,
    rank=4,
    evaluate_every=4,
    dev_edits=6,
)
NAMES = ("Ada", "Ivo", "Eve", "Bo", "Uma", "Lea")


def examples(towns):
    return [
        MendExample(
            f"{name} lives in",
            town,
            (f"The town of {name} is",),
            ((f"{other} lives in", "Oslo"), ("2 and 2 are", "4")),
        )
        for name, other in zip(NAMES, NAMES[::-1], strict=True)
        for town in towns
    ]


FIT, DEV = examples(["Rome", "Paris"]), examples(["Bern"])


class BrokenOffError(Exception):
    """What breaks a training off."""


def test_training_lowers_the_loss_and_the_editor_loads_it(tokenizer, tmp_path):
    model = tied_llama(len(tokenizer))
    config = train_mend(
        model, tokenizer, (FIT, DEV), tmp_path / "out", seed=1, settings=replace(SETTINGS, steps=40)
    )
    assert config["best_step"] > 0
    training = MendTraining(model, tokenizer, FIT, DEV, tmp_path / "other", replace(SETTINGS))
    training._begin()
    first = training.done.best_loss
    assert config["dev"]["edit_loss"] + config["dev"]["unrelated_divergence"] < first
    editor = Mend(model, tokenizer, tmp_path / "out")
    edit = PeerEdit("Ada lives in", "Ada", "Bern", None, "Ada lives in Bern")
    pairs = [(edit.prompt, edit.target)]
    before = editor.edited.log_probabilities(pairs)
    assert editor.apply([edit]).log_probabilities(pairs) > before
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_training_that_is_broken_off_goes_on(tokenizer, tmp_path):
    model = tied_llama(len(tokenizer))
    whole = train_mend(model, tokenizer, (FIT, DEV), tmp_path / "a", seed=1, settings=SETTINGS)
    done = []

    def stop(more):
        done.append(more)
        if sum(done) == 7:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        train_mend(
            model, tokenizer, (FIT, DEV), tmp_path / "b", seed=1, settings=SETTINGS, progress=stop
        )
    found = [folder.name for folder in (tmp_path / "b" / "checkpoints").glob("checkpoint-*")]
    assert found == ["checkpoint-4"]
    seen = []
    rest = train_mend(
        model,
        tokenizer,
        (FIT, DEV),
        tmp_path / "b",
        seed=1,
        settings=SETTINGS,
        progress=seen.append,
    )
    assert seen[0] == 4
    assert sum(seen) == 12
    assert rest == whole
    files = [(tmp_path / name / NETWORK_FILE).read_bytes() for name in "ab"]
    assert files[0] == files[1]


def test_checkpoints_of_another_training_are_refused(tokenizer, tmp_path):
    model = tied_llama(len(tokenizer))
    (tmp_path / "checkpoints" / "checkpoint-4").mkdir(parents=True)
    with pytest.raises(ErrataError, match="another training"):
        train_mend(model, tokenizer, (FIT, DEV), tmp_path, seed=1, settings=SETTINGS)


def test_an_identical_model_gets_a_divergence_of_nothing(tokenizer, tmp_path):
    training = MendTraining(tied_llama(len(tokenizer)), tokenizer, FIT, DEV, tmp_path, SETTINGS)
    with torch.no_grad():
        training.network.log_rates.fill_(-100)
    losses = training.dev_losses()
    assert abs(losses.unrelated.item()) < 1e-5
    assert losses.edit.item() > 1


def test_groups_that_do_not_fill_a_batch_are_refused(tokenizer, tmp_path):
    with pytest.raises(ErrataError, match="give sizes that divide it"):
        MendTraining(
            tied_llama(len(tokenizer)),
            tokenizer,
            FIT,
            DEV,
            tmp_path,
            replace(SETTINGS, group_sizes=(3,)),
        )


def test_examples_of_both_sets(folder):
    fit, dev = read_examples(folder, 0)
    assert (len(fit), len(dev)) == (54, 6)
    assert read_examples(folder, 0) == (fit, dev)
    by_prompt = {one.prompt: one for one in [*fit, *dev]}
    zsre = by_prompt["Who made Works3?"]
    assert (zsre.target, zsre.rephrased) == ("Maker3", ("Works3 was made by whom?",))
    assert zsre.unrelated == (("what is thing 3?", "Old3"),)
    counterfact = next(one for one in by_prompt.values() if "was born in" in one.prompt)
    assert counterfact.unrelated[0][0].startswith("Stranger")


def test_an_edit_without_an_object_is_left_out(folder):
    file = folder / "zsre" / "train.jsonl"
    first, *others = records(file)
    write(file, [{**first, "alt": " "}, *others])
    assert sum(map(len, read_examples(folder, 0))) == 59


def test_a_batch_has_a_groups_rows_after_one_another(model, tokenizer):
    long = replace(FIT[0], unrelated=(("2 and 2 are", "4" * 40),))
    chance = random.Random(0)
    batch = make_batch(LlamaBlocks(model), tokenizer, [long, *FIT[1:4]], 2, chance)
    assert len(batch.edits) == 4
    assert (batch.edited.counts > 0).tolist() == [True, True, True, True, False, False] * 2
    assert batch.unrelated.counts.tolist()[4] == 16
    texts = tokenizer.batch_decode(batch.ids)
    assert texts[0].startswith("Ada lives in Rome")
    assert texts[6].startswith(f"{FIT[2].prompt} {FIT[2].target}")


def test_the_config_is_json(tokenizer, tmp_path):
    train_mend(
        tied_llama(len(tokenizer)),
        tokenizer,
        (FIT, DEV),
        tmp_path,
        seed=3,
        settings=replace(SETTINGS, steps=1),
    )
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["kind"] == "mend"
    assert config["seed"] == 3
    assert config["settings"]["seed"] == 3
