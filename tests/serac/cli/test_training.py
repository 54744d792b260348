import pytest

from classifiers.train_cross_encoder import TrainingSettings


@pytest.mark.parametrize(
    "words, told",
    [
        (("--kind", "oracle"), "unknown kind 'oracle'; use cross-encoder or similarity"),
        (("--kind", "similarity", "--steps", "5"), "--steps is for the cross-encoder"),
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


def test_the_help_states_the_steps_that_are_taken(errata):
    shown = errata("train", "scope", "--help", memory=False).out
    assert f"{TrainingSettings().steps} otherwise" in " ".join(shown.split())
