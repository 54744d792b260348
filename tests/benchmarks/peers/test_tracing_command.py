import json

import numpy as np
import pytest
from data_folder import write

from benchmarks.peers.causal_tracing import KINDS, Traces, TracingSettings, trace
from benchmarks.peers.figures import tracing_figure
from benchmarks.peers.tracing_command import as_record, read_facts
from benchmarks.peers.tracing_roles import ROLES, Fact
from memory_store.errors import ErrataError

FACTS = [Fact("Ada lives in", "Ada", "Rome"), Fact("The song Ivo is by", "Ivo", "Eve")]


def test_what_was_traced_can_be_written_and_drawn(model, tokenizer):
    traces = trace(model, tokenizer, FACTS, TracingSettings(samples=2))
    told = json.loads(json.dumps(as_record(traces, 0)))
    assert told["n"] == 2 and told["roles"] == list(ROLES)
    for kind in KINDS:
        assert np.array(told[kind]).shape == (len(ROLES), told["layers"])
    assert told["total"]["value"] == pytest.approx(told["clean"] - told["corrupted"])
    assert len(tracing_figure(told).axes) >= len(KINDS)


def test_a_role_without_tokens_has_no_effect():
    effects = {kind: np.full((1, len(ROLES), 3), np.nan) for kind in KINDS}
    ends = np.array([0.5])
    told = as_record(Traces(tuple(FACTS[:1]), ends, ends / 2, effects, 1, 0.1), 0)
    assert told["mlp"] == [[0.0] * 3] * len(ROLES)


def test_facts_are_the_true_ones_of_the_training_splits(data):
    facts = read_facts(data)
    assert facts and all(fact.subject in fact.prompt for fact in facts)
    written = (data / "counterfact" / "facts.jsonl").read_text(encoding="utf-8").splitlines()
    train = [json.loads(line) for line in written if json.loads(line)["split"] == "train"]
    assert {fact.object for fact in facts} == {record["ground_truth"] for record in train}


def test_missing_data_is_named(tmp_path):
    with pytest.raises(ErrataError, match=r"facts\.jsonl"):
        read_facts(tmp_path)


def test_a_record_that_is_no_fact_is_named(tmp_path):
    write(tmp_path / "counterfact" / "facts.jsonl", [{"split": "fit"}])
    with pytest.raises(ErrataError, match=r"facts\.jsonl has a record that is no fact: KeyError"):
        read_facts(tmp_path)
