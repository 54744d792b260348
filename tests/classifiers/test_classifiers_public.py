import classifiers


def test_public_names():
    assert classifiers.__all__ == [
        "SHIPPED", "Probabilities", "ScopeScorer", "SimilarityScorer", "load_scope_classifier",
        "text_views",
    ]  # fmt: skip
    for name in classifiers.__all__:
        assert hasattr(classifiers, name)
