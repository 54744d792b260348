import pytest

from classifiers.train_cross_encoder import GOING_ON, TrainingSettings
from serac.counterfactual.training import TrainingSettings as CounterfactualSettings
from serac.decomposer.training import TrainingSettings as DecomposerSettings
from serac.query_rewriting.training import TrainingSettings as RewriterSettings


@pytest.mark.parametrize(
    "words, told",
    [
        (("--kind", "oracle"), "unknown kind 'oracle'; use cross-encoder or similarity"),
        (("--kind", "similarity", "--steps", "5"), "--steps is for the cross-encoder"),
        (("--kind", "similarity", "--begin-with", "x"), "--begin-with is for the cross-encoder"),
        (("--begin-with", "x"), "x holds no scope classifier; train one there"),
        (("--kind", "similarity"), "is missing; name the data folder with --data"),
        ((), "is missing; name the data folder with --data"),
    ],
)
def test_what_can_not_be_trained_is_one_line(errata, tmp_path, words, told):
    result = errata(
        "train", "scope", "--data", tmp_path, "--out", tmp_path / "out", *words, memory=False
    )
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert told in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["counterfactual", "decomposer", "query-rewriter"])
def test_so_it_is_for_what_answers_and_takes_apart(errata, tmp_path, command):
    (tmp_path / "file").write_text("")
    for out, told in (("out", "is missing; name the data folder"), ("file", "is no folder")):
        words = ["--data", tmp_path, "--out", tmp_path / out, "--steps", "1"]
        result = errata("train", command, *words, memory=False)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert told in result.err
    assert not (tmp_path / "out").exists()


def test_what_can_not_be_gone_on_from_is_one_line(errata, tmp_path):
    words = ["--data", tmp_path, "--out", tmp_path / "out", "--begin-with", tmp_path]
    result = errata("train", "decomposer", *words, memory=False)
    assert (result.code, result.err) == (
        2,
        f"errata: {tmp_path} holds no decomposer; train one there\n",
    )


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("scope", TrainingSettings),
        ("counterfactual", CounterfactualSettings),
        ("decomposer", DecomposerSettings),
        ("query-rewriter", RewriterSettings),
    ],
)
def test_the_help_states_the_steps_that_are_taken(errata, command, settings):
    shown = errata("train", command, "--help", memory=False).out
    assert f"{settings().steps} otherwise" in " ".join(shown.split())


@pytest.mark.parametrize("command", ["scope", "decomposer", "query-rewriter"])
@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_a_learning_rate_that_is_none_is_refused(errata, tmp_path, command, rate):
    words = ["--data", tmp_path, "--learning-rate", rate]
    result = errata("train", command, *words, memory=False)
    assert (result.code, result.err) == (2, "errata: --learning-rate must be above 0\n")


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("scope", TrainingSettings),
        ("decomposer", DecomposerSettings),
        ("query-rewriter", RewriterSettings),
    ],
)
def test_the_help_states_the_learning_rate_that_is_taken(errata, command, settings):
    told = errata("train", command, "--help", memory=False).out
    assert f"{settings().learning_rate:g} otherwise" in told


def test_the_help_states_how_a_scope_classifier_is_gone_on_with(errata):
    told = " ".join(errata("train", "scope", "--help", memory=False).out.split())
    assert f"{GOING_ON.steps} steps" in told and f"rate of {GOING_ON.learning_rate}" in told
    assert GOING_ON.mixing == 0.85 and "keep 15%" in told
