"""Processes that are forked from one that has read everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

HOME = Path(__file__).parent / "nursery_home.py"


def seen(tmp_path: Path, *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the program with the nursery saw, and what its child told of itself."""
    told = tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, str(HOME), str(told), *options],
        capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]), json.loads(told.read_text())


def test_a_child_has_what_was_read_before_its_own_environment_and_its_own_end(tmp_path: Path) -> None:
    saw, told = seen(tmp_path)

    assert saw["exit"] == 3
    assert saw["told"] == 0
    assert told == {"mark": saw["mark"], "word": "secret", "parent": str(saw["nursery"])}
    assert saw["ends"] == [-9, -9]
    assert not [pid for pid in (*saw["pids"], saw["nursery"]) if psutil.pid_exists(pid)]


def test_children_of_a_nursery_that_was_killed_end_and_their_end_is_noticed(tmp_path: Path) -> None:
    saw, _ = seen(tmp_path, "--lose")

    assert saw["ends"] == [-1, -1]
    assert saw["gone"] is True
    assert not [pid for pid in saw["pids"] if psutil.pid_exists(pid)]
