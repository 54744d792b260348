import random

from classifiers.haste import in_haste


def test_most_texts_stay_and_some_lose_capitals_or_a_letter():
    chance = random.Random(0)
    text = "When does the Louvre in Paris open on Mondays?"
    typed = [in_haste(text, chance) for _ in range(1000)]

    assert 700 < typed.count(text) < 900
    assert 50 < sum(one == one.lower() for one in typed) < 250
