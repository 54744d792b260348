from dataclasses import replace

import numpy as np
import pytest

from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS
from classifiers.training_pairs import Pair
from memory_store.errors import ErrataError
from serac.query_rewriting import load_rewritten_scope
from serac.query_rewriting.scope_pairs import JudgedTurn
from serac.query_rewriting.scope_training import (
    STATED_RATES,
    TrainingSettings,
    fact_figures,
    figures,
    in_memory,
    train_rewritten_scope,
)

TINY = replace(
    TrainingSettings(),
    steps=2,
    batch_size=4,
    warmup_steps=1,
    evaluate_every=1,
    draws=1,
    fact_draws=1,
    ordinary=0,
    dev_turns=90,
)


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads(tmp_path, embedded_encoder):
    out = tmp_path / "out"
    made = train_rewritten_scope(tmp_path, embedded_encoder, out, settings=TINY, device="cpu")

    assert {file.name for file in out.iterdir()} == {ADAPTER_FILE, "config.json"}
    assert not (out / CHECKPOINTS).exists()
    usual = load_rewritten_scope(out)
    assert usual.held_to(0.01).threshold >= usual.threshold == usual.held_to(0.05).threshold
    assert usual.held_to(None) is usual
    asked = [("When does the bakery open?", "The bakery opens at six.")]
    assert usual.scorer.score(asked) == pytest.approx(made.score(asked), abs=0.02)
    assert [row["false_fire"] for row in made.facts["dev"]] == list(STATED_RATES)
    of_facts = made.facts["written_facts"]
    assert [row["threshold"] for row in of_facts] == [
        row["threshold"] for row in made.facts["thresholds"]
    ]
    assert min(of_facts[0][key]["n"] for key in ("answered", "something near")) > 500


def test_a_file_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ErrataError, match="is no folder"):
        train_rewritten_scope(tmp_path, None, tmp_path / "file")


def judged(query, *right):
    edits = tuple(f"{query}{n}" for n in range(len(right)))
    return JudgedTurn(query, True, edits, right, (True,) * len(right))


def test_figures_are_of_turns_that_need_an_edit_and_of_the_others():
    turns = [judged("a", True, False), judged("b", True, False), judged("c", False), judged("d")]
    scores = [np.array(one) for one in ([0.9, 0.1], [0.6, 0.7], [0.55], [])]
    found = figures(turns, scores, 0.5)

    assert (found["right edit fires"]["right"], found["right edit fires"]["n"]) == (0.5, 2)
    assert (found["another turn fires"]["right"], found["another turn fires"]["n"]) == (0.5, 2)


def test_figures_of_facts_are_of_pairs_that_are_answered_and_of_the_others():
    pairs = [Pair("q", "e", label, "") for label in (True, True, False, False)]
    found = fact_figures(pairs, np.array([0.9, 0.4, 0.5, 0.1]), 0.5)

    assert (found["answered"]["right"], found["answered"]["n"]) == (0.5, 2)
    assert (found["something near"]["right"], found["something near"]["n"]) == (0.5, 2)


def test_dev_is_judged_with_the_edits_of_all_conversations(embedded_encoder):
    turns = [
        JudgedTurn("When does Bo wake?", True, ("Bo wakes at six.",), (True,), (True,)),
        JudgedTurn("When does Al wake?", True, ("Al is red.",), (False,), (True,)),
    ]
    first, second = in_memory(turns, embedded_encoder)

    assert set(first.edits) == {"Bo wakes at six.", "Al is red."}
    assert dict(zip(first.edits, first.right, strict=True))["Bo wakes at six."] is True
    assert not any(second.right) and "Bo wakes at six." in second.edits
