"""Fixtures: commands, run in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli_kit import Run

from ivr.cli import main
from ivr.cli.console import screen


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs commands with a data folder of their own."""
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "data"))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hotline", *words])
        try:
            main()
            status: object = 0
        except SystemExit as end:
            status = end.code
        told = capsys.readouterr()
        return int(status or 0), told.out, told.err

    return run


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen on which no cell of a table is folded."""
    monkeypatch.setattr(screen, "_width", 200)
