import pytest

from benchmarks import plots
from benchmarks.answers_page import answers_page
from benchmarks.multi_hop_page import multi_hop_page
from benchmarks.peers.page import comparison_page
from benchmarks.report import DOCS, draw, page
from benchmarks.rows import RESULTS, Rows
from benchmarks.scope_page import scope_page
from memory_store.errors import ErrataError


def test_the_pages_in_the_docs_are_drawn_from_the_rows():
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page(RESULTS)
    assert (DOCS / "answers.md").read_text(encoding="utf-8") == answers_page(RESULTS)
    assert (DOCS / "multi_hop.md").read_text(encoding="utf-8") == multi_hop_page(RESULTS)
    comparison = DOCS / "comparison.md"
    drawn = comparison.read_text(encoding="utf-8") if comparison.is_file() else ""
    assert drawn == comparison_page(RESULTS)
    assert (DOCS / "scope.md").read_text(encoding="utf-8") == scope_page(RESULTS)


def test_a_section_has_the_command_and_counts(tmp_path):
    rows = Rows("zsre", 3, "python -m benchmarks zsre", edits_in_memory=12345)
    rows.add("exact", "fires on the right edit, 1.0% stated", [True, False])
    rows.write(tmp_path)
    drawn = page(tmp_path)
    assert "## zsRE" in drawn
    assert "`python -m benchmarks zsre` (" in drawn
    assert "12,345 edits in memory" in drawn
    assert "| exact | fires on the right edit, 1.0% stated | 0.5 |" in drawn


def test_a_plot_is_the_same_file_each_time(tmp_path):
    curves = {"a set": {"a kind": {"one": [(0.0, 0.2), (0.5, 0.9)], "other": [(0.1, 0.4)]}}}
    for name in ("first", "second"):
        plots.save(plots.roc_figure(curves), tmp_path / f"{name}.svg")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert "a set: a kind" in (tmp_path / "first.svg").read_text()


def test_without_rows_or_a_folder_of_pages_nothing_is_drawn(tmp_path):
    with pytest.raises(ErrataError, match="there are no rows in"):
        list(draw(tmp_path, tmp_path))
    (tmp_path / "counterfact.jsonl").write_text("")
    with pytest.raises(ErrataError, match="there is no folder"):
        list(draw(tmp_path, tmp_path / "none"))
    files = {file.name for file in draw(tmp_path, tmp_path)}
    assert files == {"answers.md", "benchmarks.md", "scope.md"}
