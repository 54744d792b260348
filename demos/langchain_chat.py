"""An overlay around a LangChain chat model: python demos/langchain_chat.py.

The inner model here is the embedded one; any other chat model takes its place.
"""

from serac import FactOverlay, LocalChatModel, OverlayChatModel, load_embedded_base


def main() -> None:
    """Ask a question in scope and one out of scope, and show where each went."""
    inner = LocalChatModel(base=load_embedded_base(), max_tokens=32)
    with FactOverlay.open(":memory:", base=inner) as overlay:
        overlay.add("The Space Needle is located in Paris.")
        chat = OverlayChatModel(inner=inner, overlay=overlay)
        for question in (
            "In which city is the Space Needle located?",
            "What is the capital of Japan?",
        ):
            answer = chat.invoke(question)
            print(f"[{answer.response_metadata['errata']['route']}] {question}\n  {answer.text}")


if __name__ == "__main__":
    main()
