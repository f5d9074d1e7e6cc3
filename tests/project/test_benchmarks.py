"""The benchmark runner: what it knows, what it writes and when it complains."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import run as runner  # noqa: E402
from rows import Row  # noqa: E402

FAST = Row("placements", 6000.0, "1/s", 1000, 5000, "higher")
SLOW = Row("burst", 25.5, "s", 20, 5)


def test_every_script_of_a_part_exists_and_every_script_is_in_a_part() -> None:
    named = {script for scripts in runner.PARTS.values() for script in scripts}
    publishing = {path.name for path in BENCHMARKS.glob("*.py") if "publish(" in path.read_text()} - {"rows.py"}
    drawing = {path.name for path in BENCHMARKS.glob("*.py") if "Publishes no" in path.read_text()}
    assert drawing == {"flames.py"}
    assert named == publishing | drawing


def test_a_row_says_what_it_reaches() -> None:
    assert [FAST.verdict, SLOW.verdict, Row("x", 1.0, "s").verdict] == ["stretch", "MISSED", "-"]


def test_the_table_replaces_the_one_on_the_page_and_leaves_the_text(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{runner.BEGIN}\nold\n{runner.END}\nafter\n")
    runner.write_page([FAST, SLOW], page)
    text = page.read_text()
    assert "| placements | 6,000 | 1/s | ≥ 1,000 | ≥ 5,000 | stretch |" in text
    assert "| burst | 25.5 | s | ≤ 20 | ≤ 5 | MISSED |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="has no marks"):
        runner.write_page([FAST], page)
    assert page.read_text() == "nothing here"


def test_an_unknown_part_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "speed"])
    assert runner.main() == 2
    assert "there is no benchmark speed; there are scheduling" in capsys.readouterr().err
