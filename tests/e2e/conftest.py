"""A demonstration portfolio built once, and a hotline over a copy of it for each test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

import people_kit
from hotline_process import HotlineProcess, environment_of, run_command, serving

StartHotline = Callable[..., HotlineProcess]


@pytest.fixture(scope="session")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demonstration in it; copied, never served."""
    folder = tmp_path_factory.mktemp("portfolio")
    run_command("db", "demo", "--customers", "30", environment=environment_of(folder))
    return folder


@pytest.fixture
def start_hotline(portfolio: Path, tmp_path: Path) -> Iterator[StartHotline]:
    """Starts a hotline over its own copy of the demonstration; all of them are stopped at the end."""
    with ExitStack() as stack:

        def start(name: str = "data", **settings: object) -> HotlineProcess:
            data_dir = tmp_path / name
            shutil.copytree(portfolio, data_dir)
            return stack.enter_context(serving(data_dir, **settings))

        yield start


@pytest.fixture
def always_open(tmp_path: Path) -> Path:
    """The default flows, in which people are there at any time, and a caller who has talked has a menu."""
    folder = people_kit.always_open(tmp_path / "flows")
    people_kit.change(
        folder / "person.yaml", "over: {hangup: transferred}", "over: {say: one_moment, next: after}"
    )
    return folder
