import pytest
from fakes import FakeEncoder

import classifiers
from memory_store.errors import ArtifactError


def test_public_names():
    assert classifiers.__all__ == [
        "ARTIFACTS", "FOUND", "JUDGED", "SHIPPED", "CrossEncoderScorer", "Listed",
        "Probabilities", "ScopeScorer", "SimilarityScorer", "Threshold", "ThresholdChoice",
        "TrainedScorer", "choose_threshold", "load_scope_classifier", "shortlist", "text_views",
        "window",
    ]  # fmt: skip
    for name in classifiers.__all__:
        assert hasattr(classifiers, name)


def test_a_turn_classifier_is_no_scope_classifier():
    folder = classifiers.ARTIFACTS / "turn-scope"
    with pytest.raises(ArtifactError, match="holds a turn classifier"):
        classifiers.load_scope_classifier(FakeEncoder(), folder)
