import json
from dataclasses import FrozenInstanceError, replace

import pytest

from mello import Answer, Hop, Trace
from memory_store import Edit
from serac.decision import Candidate, Decision, Reply, StreamedReply

NEEDLE = Edit("needle", "The Space Needle is located in Paris.")


def decision(probability=0.9, edits=(NEEDLE,), candidates=True):
    judged = (Candidate(NEEDLE, 0.7, probability, "Where is it?"),) if candidates else ()
    return Decision("Where is it?", "ike" if edits else "base", edits, judged, 0.5, "because")


def test_the_score_is_that_of_the_likeliest_edit():
    assert decision(0.9).score == 0.9
    assert decision(edits=(), candidates=False).score is None


def test_the_runner_up_is_the_edit_that_came_second():
    other = Candidate(Edit("louvre", "The Louvre is in Rome."), 0.6, 0.4, "Where is it?")
    first = decision()
    both = replace(first, candidates=(*first.candidates, other))

    assert first.runner_up is None
    assert both.runner_up == other
    record = both.as_dict()
    assert (record["runner_up"], record["runner_up_score"]) == ("louvre", 0.4)


def test_in_scope_means_that_an_edit_answers():
    assert decision().in_scope
    assert not decision(0.1, edits=()).in_scope


def test_a_record_of_it_is_plain_json():
    record = decision().as_dict()

    assert json.loads(json.dumps(record)) == record
    assert record == {
        "route": "ike",
        "edit_ids": ["needle"],
        "set_aside": [],
        "reading": "",
        "rewritten": None,
        "score": 0.9,
        "threshold": 0.5,
        "runner_up": None,
        "runner_up_score": None,
        "reason": "because",
        "candidates": [{"edit_id": "needle", "similarity": 0.7, "probability": 0.9}],
    }


def test_a_record_of_it_holds_no_text_of_an_edit():
    assert "Paris" not in json.dumps(decision().as_dict())


def test_a_record_of_a_multi_hop_question_has_its_hops():
    hops = (
        Hop("Where is it?", Answer("Paris", "needle", 0.9)),
        Hop("Who is its mayor?", Answer("Ada")),
    )
    trace = Trace("Who is the mayor of where it is?", hops, "Ada", "finished")
    by_hops = replace(decision(candidates=False), route="multi_hop", trace=trace)

    record = by_hops.as_dict()

    assert json.loads(json.dumps(record)) == record
    assert record == {**decision(candidates=False).as_dict(), "route": "multi_hop"} | {
        "hops": trace.hops_as_dicts()
    }
    assert Reply("Ada", by_hops).trace is StreamedReply(by_hops, iter(["Ada"])).trace is trace


def test_it_can_not_be_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        decision().route = "base"
