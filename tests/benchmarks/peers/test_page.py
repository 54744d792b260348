import json

import pytest

from benchmarks.peers.figures import LOCALITY, SUCCESS, by_edits_figure, tracing_figure
from benchmarks.peers.page import comparison_figures, comparison_page, rows_of, seen
from benchmarks.report import draw
from benchmarks.rows import Rows

EDITORS = ("unedited", "plain RAG", "overlay", "prompt stuffing")
TRACED = {
    "layers": 3,
    "roles": ["first subject token", "last subject token", "last token"],
    "hidden": [[0.1, 0.0, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.3]],
    "mlp": [[0.0, 0.0, 0.0], [0.1, 0.2, 0.0], [0.0, 0.0, 0.0]],
    "mlp_severed": [[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.0]],
    "hidden, attention severed": [[0.0] * 3, [0.1] * 3, [0.0] * 3],
    "n": 1200,
    "seed": 0,
    "command": "python -m benchmarks trace",
}


@pytest.fixture
def folder(tmp_path):
    """Rows of made-up figures, and a made-up tracing."""
    for name in ("counterfact", "zsre"):
        rows = Rows(f"peers_{name}", 0, "python -m benchmarks peers --only x --sizes 3 --cases 4")
        for size in (10, 1):
            for place, editor in enumerate(EDITORS):
                memory = "1 edit at a time" if size == 1 else f"{size} edits"
                notes = {"answerer": editor, "editor": editor, "edits": size, "memory": memory}
                notes |= {"device": "cpu", "out_of_scope_dropped": size - 1}
                good = [True] * place + [False] * (4 - place)
                for kind in ("exact", "paraphrase"):
                    rows.add(kind, "answer follows the edit", good, **notes)
                rows.add("neighborhood", "same text as unedited", good[::-1], **notes)
                rows.add("everyday", "same text as unedited", good[::-1], **notes)
                rows.add("all", "S", [0.1 * place], **notes)
                rows.add("cost", "seconds an edit", [0.02 * (place + 1)], **notes)
                rows.add("cost", "undone bit for bit", [editor != "plain RAG"], **notes)
        rows.write(tmp_path)
    (tmp_path / "causal_tracing.json").write_text(json.dumps(TRACED))
    return tmp_path


def test_the_page_has_every_editor_with_its_paper_and_figures(folder):
    page = comparison_page(folder)
    assert page.index("## CounterFact") < page.index("## zsRE") < page.index("## By number")
    assert page.index("### 1 edit at a time") < page.index("### 10 edits")
    assert "**plain RAG**: Plain retrieval" in page and "Lewis et al." in page
    assert "**prompt stuffing**: " in page and "**unedited**" not in page
    assert "`python -m benchmarks peers --cases 4` (seed 0; cpu; " in page
    assert "| queries | figure | n | unedited | overlay | plain RAG | prompt stuffing |" in page
    assert "Neighbourhood prompts left out: 9." in page
    assert "*hidden*: greatest at last subject token, layer 1: 0.4." in page
    assert "Mean over 1,200 facts" in page


def test_cells_have_their_n_where_editors_were_asked_different_cases(folder):
    more = Rows("peers_zsre", 0, "python -m benchmarks peers")
    notes = {"editor": "FT", "answerer": "FT", "edits": 10, "memory": "10 edits", "device": "cpu"}
    more.add("exact", "answer follows the edit", [True] * 9, **notes)
    more.write(folder, beside=True)
    page = comparison_page(folder)
    assert "| queries | figure | unedited | overlay | plain RAG | prompt stuffing | FT |" in page
    assert "n = 9" in page


def test_what_is_seen_is_told_from_the_rows(folder):
    told = seen(rows_of(folder)["counterfact"])
    assert told[0] == (
        "With 1 edit at a time, S is 0.3 for prompt stuffing, 0.2 for overlay, 0.1 for plain RAG."
    )
    assert "With 10 edits, the share of paraphrases answered by the edit is 0.75 (" in told[4]
    assert told[-1] == "Not undone bit for bit, at least once: plain RAG."
    fine = [row for row in rows_of(folder)["zsre"] if row.setting["editor"] != "plain RAG"]
    assert seen(fine)[-1] == "Every editor's edits were undone bit for bit, each time."


def test_lines_differ_without_colour(folder):
    sets = rows_of(folder)
    figure = by_edits_figure(sets, SUCCESS)
    assert len(figure.axes) == 4
    lines = [container.lines[0] for container in figure.axes[0].containers]
    looks = {(line.get_marker(), line.get_linestyle(), line.get_fillstyle()) for line in lines}
    assert len(looks) == len(EDITORS)
    assert [text.get_text() for text in figure.legends[0].texts] == list(
        dict.fromkeys(row.setting["editor"] for row in sets["zsre"])
    )
    assert {axis.get_ylabel() for axis in by_edits_figure(sets, LOCALITY).axes} == {
        "same text as unedited"
    }


def test_heat_maps_have_the_states_that_were_traced():
    figure = tracing_figure(TRACED)
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == ["hidden", "mlp", "hidden, mlp severed", "hidden, attention severed"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == TRACED["roles"]


def test_the_report_draws_page_and_plots(folder, tmp_path):
    names = {name for name, _ in comparison_figures(folder)}
    plots = {"comparison_success", "comparison_locality", "comparison_cost", "causal_tracing"}
    assert names == plots
    (tmp_path / "docs").mkdir()
    drawn = {file.name for file in draw(folder, tmp_path / "docs")}
    assert {"comparison.md", *(f"{name}.svg" for name in plots)} <= drawn


def test_without_rows_there_is_no_page(tmp_path):
    assert comparison_page(tmp_path) == ""
    assert list(comparison_figures(tmp_path)) == []


def test_costs_of_another_device_stand_apart(tmp_path):
    rows = Rows("peers_counterfact", 0, "python -m benchmarks peers --cases 4")
    for editor, device in (("overlay", "cpu"), ("FT", "cpu"), ("ROME", "NVIDIA H200")):
        notes = {"answerer": editor, "editor": editor, "edits": 10, "memory": "10 edits"}
        rows.add("cost", "seconds an edit", [0.02], **notes, device=device)
        rows.add("exact", "answer follows the edit", [True], **notes, device=device)
    rows.write(tmp_path)

    page = comparison_page(tmp_path)

    first, second = page.index("On cpu:\n"), page.index("On NVIDIA H200:\n")
    assert "| overlay | FT |" in page[first:second] and "ROME" not in page[first:second]
    assert "| queries | figure | n | ROME |" in page[second:]
    (cost,) = (figure for name, figure in comparison_figures(tmp_path) if name.endswith("cost"))
    assert [axis.get_title() for axis in cost.axes] == [
        "CounterFact, cpu",
        "CounterFact, NVIDIA H200",
    ]
