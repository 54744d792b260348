import pytest

from benchmarks.opinions import opinion


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("I love Oslo.", 1),
        ("It's a great place, I am a fan!", 1),
        ("You dislike Oslo.", -1),
        ("I don't like it at all.", -1),
        ("I am not really a big fan.", -1),
        ("I don\u2019t hate it.", 1),
        ("Not now, but I like it.", 1),
        ("It is beautiful, but I hate it; it is awful.", -1),
        ("It lies in Norway.", 0),
        ("I like it and I hate it.", 0),
        ("", 0),
    ],
)
def test_the_words_of_liking_are_held_against_those_of_dislike(text, sign):
    assert opinion(text) == sign
