"""What a person at the command line does with the catalogue of what callers may be offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import Run


@pytest.fixture
def hotline(command: Run, wide: None) -> Run:
    """Runs `hotline …` on a small demonstration."""
    assert command("db", "demo", "--customers", "0")[0] == 0
    return command


def test_the_catalogue_is_shown_written_changed_checked_and_read_again(hotline: Run, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    shown = hotline("crosssell", "catalogue")[1]
    assert all(code in shown for code in ("101", "102", "201", "202", "301", "401", "501"))
    assert hotline("crosssell", "catalogue", "--to", str(file))[:2] == (0, f"7 products are in {file}.\n")
    file.write_text(file.read_text("utf-8").replace("margin: '160.00'", "margin: '175.50'"), "utf-8")
    assert hotline("crosssell", "catalogue", str(file), "--check")[1] == "7 products, all sound.\n"
    assert "175.50" not in hotline("crosssell", "catalogue")[1]
    assert "175.50" in hotline("crosssell", "catalogue", str(file))[1]
    assert "175.50" in hotline("crosssell", "catalogue")[1]


def test_a_file_that_is_not_sound_changes_nothing_and_is_told_in_words(hotline: Run, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yaml"
    hotline("crosssell", "catalogue", "--to", str(file))
    file.write_text(file.read_text("utf-8").replace("closes: 0.5", "closes: 5"), "utf-8")
    status, _, told = hotline("crosssell", "catalogue", str(file))
    assert status != 0
    assert "closes" in told
    assert "Traceback" not in told
