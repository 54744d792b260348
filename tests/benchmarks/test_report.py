from benchmarks.report import PAGE, page
from benchmarks.rows import RESULTS, Rows


def test_the_page_in_the_docs_is_drawn_from_the_rows():
    assert PAGE.read_text(encoding="utf-8") == page(RESULTS)


def test_a_section_has_the_command_and_counts(tmp_path):
    rows = Rows("zsre", 3, "python -m benchmarks zsre", edits_in_memory=12345)
    rows.add("exact", "fires on the right edit, 1.0% stated", [True, False])
    rows.write(tmp_path)
    drawn = page(tmp_path)
    assert "## zsRE" in drawn
    assert "`python -m benchmarks zsre` (" in drawn
    assert "12,345 edits in memory" in drawn
    assert "| exact | fires on the right edit, 1.0% stated | 0.5 |" in drawn
