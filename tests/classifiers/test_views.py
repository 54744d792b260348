from classifiers import text_views, window
from classifiers.views import MAX_VIEWS, MAX_WINDOW


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


def test_a_short_text_is_judged_whole():
    assert window("  One. Two?  ", "Two?") == "One. Two?"


def test_of_a_long_text_the_view_is_judged_with_what_stands_around_it():
    text = "before " * 200 + "Where is the Louvre? " + "after " * 200
    shown = window(text, "Where is the Louvre?")
    assert len(shown) <= MAX_WINDOW
    assert "before Where is the Louvre? after" in shown
    assert shown.index("Where") > len(shown) - shown.index("Where") - len("Where is the Louvre?")


def test_at_the_ends_of_a_text_the_room_goes_to_the_other_side():
    text = "Where is the Louvre? " + "after " * 200
    assert window(text, "Where is the Louvre?").startswith("Where is the Louvre? after")
    text = "before " * 200 + "Where is the Louvre?"
    assert window(text, "Where is the Louvre?").endswith("before Where is the Louvre?")


def test_a_view_that_is_longer_than_a_window_is_cut_at_its_beginning():
    view = "word " * 200 + "the end"
    assert window("Hello. " + view, view).endswith("the end")
    assert len(window("Hello. " + view, view)) <= MAX_WINDOW


def test_a_closing_line_that_is_repeated_does_not_push_the_question_out():
    text = "Where is the Louvre? " + "Please! " * 30
    assert "Where is the Louvre?" in text_views(text)
