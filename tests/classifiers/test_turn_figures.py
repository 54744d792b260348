import numpy as np

from classifiers.training_pairs import Pair
from classifiers.turn_figures import (
    TURN_RATES,
    fact_figures,
    in_memory,
    turn_figures,
    turn_thresholds,
)
from classifiers.turn_pairs import JudgedTurn


def judged(query, *right):
    edits = tuple(f"{query}{n}" for n in range(len(right)))
    return JudgedTurn(query, True, edits, right, (True,) * len(right))


def test_figures_are_of_turns_that_need_an_edit_and_of_the_others():
    turns = [judged("a", True, False), judged("b", True, False), judged("c", False), judged("d")]
    scores = [np.array(one) for one in ([0.9, 0.1], [0.6, 0.7], [0.55], [])]
    found = turn_figures(turns, scores, 0.5)

    assert (found["right edit fires"]["value"], found["right edit fires"]["n"]) == (0.5, 2)
    assert (found["another turn fires"]["value"], found["another turn fires"]["n"]) == (0.5, 2)


def test_figures_of_facts_are_of_pairs_that_are_answered_and_of_the_others():
    pairs = [Pair("q", "e", label, "") for label in (True, True, False, False)]
    found = fact_figures(pairs, np.array([0.9, 0.4, 0.5, 0.1]), 0.5)

    assert (found["answered"]["value"], found["answered"]["n"]) == (0.5, 2)
    assert (found["something near"]["value"], found["something near"]["n"]) == (0.5, 2)


def test_dev_is_judged_with_the_edits_of_all_conversations(embedded_encoder):
    turns = [
        JudgedTurn("When does Bo wake?", True, ("Bo wakes at six.",), (True,), (True,)),
        JudgedTurn("When does Al wake?", True, ("Al is red.",), (False,), (True,)),
    ]
    first, second = in_memory(turns, embedded_encoder)

    assert set(first.edits) == {"Bo wakes at six.", "Al is red."}
    assert dict(zip(first.edits, first.right, strict=True))["Bo wakes at six."] is True
    assert not any(second.right) and "Bo wakes at six." in second.edits


def test_one_half_of_the_conversations_decides_and_the_other_is_measured(embedded_encoder):
    turns = [
        JudgedTurn(f"When does {name} wake?", True, (edit,), (right,), (True,), number)
        for number in range(4)
        for name, edit, right in (("Bo", "Bo wakes at six.", True), ("Al", "Al is red.", False))
    ]
    scores = {"When does Bo wake?": 0.9, "When does Al wake?": 0.4}

    def score(pairs):
        return np.array([scores[query] for query, _ in pairs])

    rows = turn_thresholds(turns, score, embedded_encoder)

    assert [row["false_fire"] for row in rows] == list(TURN_RATES)
    for row in rows:
        assert 0.4 < row["threshold"] < 0.41
        assert (row["right edit fires"]["value"], row["right edit fires"]["n"]) == (1.0, 2)
        assert (row["another turn fires"]["value"], row["another turn fires"]["n"]) == (0.0, 2)
