import mello


def test_public_names():
    assert mello.__all__ == [
        "MAX_HOPS", "Answer", "Ask", "Decomposer", "Finish", "Hop", "Outcome", "Plan",
        "PlannedDecomposer", "PromptedDecomposer", "Subquestion", "Trace", "answer_by_hops",
    ]  # fmt: skip
    for name in mello.__all__:
        assert hasattr(mello, name)
