import hashlib
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from mello.gate import FEATURES, GATE_FILE, LONGEST, MultiHopGate, hashed, patterns
from memory_store.errors import ArtifactError

CHANCE = np.random.default_rng(0)
WEIGHTS = CHANCE.normal(size=FEATURES).astype(np.float32)
QUESTIONS = (
    "Who is the mayor of the city in which the Space Needle stands?",
    "Who wrote Emma?",
    "",
    "塔はどこですか",
)


def gate(weights=WEIGHTS, bias=0.0, threshold=0.5, **more):
    return MultiHopGate(weights, bias, threshold, **more)


def written(folder, content=None, **facts):
    """Write a gate's file and return what a config says of it."""
    content = save({"weights": WEIGHTS.astype(np.float16)}) if content is None else content
    (folder / GATE_FILE).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return {"sha256": sha256, "bias": 0.25, "threshold": 0.5, "sure": 0.75, **facts}


def test_names_numbers_and_quotations_are_one_sign():
    names = patterns("Where was Ada Quill born?")

    assert names == patterns("Where was Odile born?") == patterns("Where was “Der Turm” born?")
    assert names == patterns('Where was "the tower" born?') == patterns("Where was 1984 born?")
    assert names != patterns("Where was she born?")
    assert "[name]" in names and "Ada" not in " ".join(names)


def test_the_first_word_is_no_name():
    assert "where" in patterns("Where?") and "[name]" not in patterns("Where?")


def test_a_pattern_is_of_one_to_three_words_with_both_ends_and_the_length():
    assert patterns("who runs it?") == [
        *["<", "who", "runs", "it", "?", ">"],
        *["< who", "who runs", "runs it", "it ?", "? >"],
        *["< who runs", "who runs it", "runs it ?", "it ? >"],
        "[length] 3",
    ]


def test_an_owner_is_told_from_what_it_owns():
    assert patterns("Who is Ada's king?") == patterns("Who is Ada’s king?")  # noqa: RUF001
    assert "king 's" in patterns("the king's son")


def test_of_a_long_message_the_end_is_looked_at():
    end = "who is the mayor of the city? " * 20

    assert patterns(f"a {end}") == patterns(f"It rained. {end}")
    assert len([one for one in patterns(end) if " " not in one]) == LONGEST + 2


def test_rows_are_sparse_and_of_unit_length():
    rows = hashed(QUESTIONS)

    assert rows.shape == (len(QUESTIONS), FEATURES)
    assert np.allclose(np.sqrt(rows.multiply(rows).sum(axis=1)), 1)


def test_many_are_judged_as_one_is():
    many = gate().probabilities(QUESTIONS)

    assert many.shape == (len(QUESTIONS),) and many.dtype == np.float64
    assert np.allclose(many, [gate().probabilities([one])[0] for one in QUESTIONS])
    assert ((many > 0) & (many < 1)).all()


def test_a_question_passes_from_the_threshold_on_and_is_sure_from_a_higher_one():
    at = float(gate().probabilities(QUESTIONS[:1])[0])

    for threshold, reaches in ((at, True), (at + 1e-6, False), (at - 1e-6, True)):
        assert gate(threshold=threshold).passes(QUESTIONS[0]) is reaches
        assert gate(sure=threshold).is_sure(QUESTIONS[0]) is reaches


def test_it_is_sure_of_nothing_unless_told_from_where_on():
    assert gate().sure == math.inf
    assert not gate(bias=1_000.0).is_sure(QUESTIONS[0])


texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="aA1\"“”'’.?, -\ud800\udfff\x00\u2028é塔", max_size=40),  # noqa: RUF001
)


@given(texts)
def test_it_never_fails_on_any_text(text):
    assert isinstance(gate().passes(text), bool)
    assert isinstance(gate().is_sure(text), bool)


@pytest.mark.parametrize("sign", ['"', "“", "“a", "'", "a ", ".", "A", "é"])
def test_the_longest_message_of_any_signs_takes_no_time(sign):
    began = time.thread_time()
    gate().passes(sign * (100_000 // len(sign)))
    assert time.thread_time() - began < 2


def test_a_written_gate_is_read_as_it_was(tmp_path):
    read = MultiHopGate.load(tmp_path, written(tmp_path))

    assert (read.bias, read.threshold, read.sure) == (0.25, 0.5, 0.75)
    assert read.weights.dtype == np.float32
    assert np.array_equal(read.weights, WEIGHTS.astype(np.float16).astype(np.float32))


def refused(folder, facts):
    """What a gate is refused with: one line."""
    with pytest.raises(ArtifactError) as caught:
        MultiHopGate.load(folder, facts)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "facts",
    [
        {"sha256": None},
        {"sha256": 7},
        {"bias": "0.5"},
        {"bias": float("nan")},
        {"bias": 10**400},
        {"threshold": None},
        {"threshold": float("inf")},
        {"threshold": True},
        {"sure": None},
        {"sure": float("nan")},
    ],
)
def test_facts_that_are_not_in_order_are_refused(tmp_path, facts):
    assert f"the gate in {tmp_path} is damaged; train" in refused(
        tmp_path, written(tmp_path, **facts)
    )


@pytest.mark.parametrize("name", ["sha256", "bias", "threshold", "sure"])
def test_facts_that_lack_something_are_refused(tmp_path, name):
    facts = written(tmp_path)
    del facts[name]
    assert "is damaged; train the decomposer again" in refused(tmp_path, facts)


@pytest.mark.parametrize("facts", [None, [], "gate", 7])
def test_something_else_than_facts_is_refused(tmp_path, facts):
    assert "is damaged; train the decomposer again" in refused(tmp_path, facts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        save({"weights": WEIGHTS})[:-1],
        save({"others": WEIGHTS}),
        save({"weights": WEIGHTS[1:]}),
        save({"weights": WEIGHTS[:, None]}),
        save({"weights": np.full(FEATURES, np.nan, dtype=np.float16)}),
        save({"weights": np.full(FEATURES, np.inf, dtype=np.float32)}),
    ],
    ids="empty none cut name short column nan inf".split(),
)
def test_a_damaged_file_is_refused(tmp_path, content):
    assert "is damaged; train the decomposer again" in refused(tmp_path, written(tmp_path, content))


def test_a_file_that_is_missing_or_another_is_refused(tmp_path):
    facts = written(tmp_path)
    (tmp_path / GATE_FILE).write_bytes(save({"weights": WEIGHTS + 1}))
    assert "is not the file that config.json names" in refused(tmp_path, facts)
    (tmp_path / GATE_FILE).unlink()
    assert refused(tmp_path, facts) == f"{tmp_path / GATE_FILE} is missing; train again"
    (tmp_path / GATE_FILE).mkdir()
    assert "can't be read" in refused(tmp_path, facts)
