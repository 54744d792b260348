"""A conversation with places for names, made up for the tests."""

from classifiers.written_conversations import Exchange, WrittenConversation, WrittenEdit

TEA = WrittenConversation(
    (
        Exchange("{A} and {B} want tea.", None, "{B} too?"),
        Exchange("how does he like it", "How does {B} like his tea?", "Weak."),
        Exchange("{A}?", "How does {A} like her tea?", ""),
    ),
    {"A": ("the aunt", "Ann"), "B": ("Bob", "Ann")},
    (WrittenEdit("{B} likes his tea weak.", frozenset({1})),),
)
