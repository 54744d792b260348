import classifiers


def test_public_names():
    assert classifiers.__all__ == [
        "ARTIFACTS", "FOUND", "JUDGED", "SHIPPED", "CrossEncoderScorer", "Listed",
        "Probabilities", "ScopeScorer", "SimilarityScorer", "Threshold", "ThresholdChoice",
        "TrainedScorer", "choose_threshold", "load_scope_classifier", "shortlist", "text_views",
        "window",
    ]  # fmt: skip
    for name in classifiers.__all__:
        assert hasattr(classifiers, name)
