from classifiers import text_views
from classifiers.views import MAX_VIEWS


def test_a_single_sentence_is_its_only_view():
    assert text_views(" Who wrote Emma? ") == ("Who wrote Emma?",)


def test_a_long_message_is_seen_whole_and_by_its_sentences():
    text = "I was in town. It rained! Who wrote Emma?"
    assert text_views(text) == (text, "I was in town.", "It rained!", "Who wrote Emma?")


def test_lines_are_sentences_too():
    assert text_views("my notes\nwho wrote Emma")[1:] == ("my notes", "who wrote Emma")


def test_sentences_without_spaces_between_are_parted():
    assert text_views("下雨了。谁写了《爱玛》。")[1:] == ("下雨了。", "谁写了《爱玛》。")


def test_the_last_sentences_of_a_very_long_message_are_kept():
    views = text_views(" ".join(f"Sentence {n}." for n in range(100)))
    assert len(views) == MAX_VIEWS
    assert views[-1] == "Sentence 99."


def test_a_repeated_sentence_is_one_view():
    assert len(text_views("No. No. No.")) == 2
