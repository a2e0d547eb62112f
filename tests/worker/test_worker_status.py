"""What workers say of themselves, and what the HTTP process makes of it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ivr.worker.http import create_app
from ivr.worker.status import STALE_AFTER, WorkerStatus, read_statuses, remove_status, write_status

READY = WorkerStatus(0, 4711, "ready", 2, 4, "127.0.0.1:5060", "abc", ("main.yaml:3:1: F101 x",))


def age(folder: Path, worker: int, seconds: float) -> None:
    """Make a status look as if it had been said so long ago."""
    then = time.time() - seconds
    os.utime(folder / f"worker-{worker}.json", (then, then))


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_status(tmp_path / "run", READY)
    (found,) = read_statuses(tmp_path / "run")

    assert replace(found, at=0.0) == READY
    assert found.fresh
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["worker-0.json"]


def test_statuses_come_in_the_order_of_the_workers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write_status(tmp_path, replace(READY, worker=number))

    assert [status.worker for status in read_statuses(tmp_path)] == [1, 2, 10]


def test_an_old_word_is_stale(tmp_path: Path) -> None:
    write_status(tmp_path, READY)
    age(tmp_path, 0, STALE_AFTER + 1)

    assert not read_statuses(tmp_path)[0].fresh


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"worker": 0}', '{"unknown": 1}'])
def test_a_file_that_is_no_status_is_left_out(tmp_path: Path, text: str) -> None:
    write_status(tmp_path, READY)
    (tmp_path / "worker-1.json").write_text(text)

    assert [status.worker for status in read_statuses(tmp_path)] == [0]


def test_a_disk_that_takes_no_new_file_still_takes_the_time_on_the_old_one(tmp_path: Path) -> None:
    write_status(tmp_path, READY)
    age(tmp_path, 0, 100)
    (tmp_path / "worker-0.4711.tmp").mkdir()  # the draft cannot be written

    with pytest.raises(OSError):
        write_status(tmp_path, READY)
    assert read_statuses(tmp_path)[0].fresh


def test_a_removed_status_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    write_status(tmp_path, READY)
    remove_status(tmp_path, 0)
    remove_status(tmp_path, 0)

    assert read_statuses(tmp_path) == []
    assert read_statuses(tmp_path / "never made") == []


def client(run_dir: Path, workers: int) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(run_dir, workers))
    return httpx.AsyncClient(transport=transport, base_url="http://hotline")


async def test_it_is_ready_when_every_worker_takes_calls(tmp_path: Path) -> None:
    write_status(tmp_path, READY)
    write_status(tmp_path, replace(READY, worker=1))
    async with client(tmp_path, 2) as http:
        reply = await http.get("/ready")

    assert reply.status_code == 200
    assert reply.json() == {
        "ready": True,
        "workers": {"serving": 2, "expected": 2},
        "problems": ["main.yaml:3:1: F101 x"],
    }


@pytest.mark.parametrize(
    "change", [{"state": "draining"}, {"state": "starting"}, {"old": 60.0}, {"gone": True}]
)
async def test_it_is_not_ready_while_one_worker_takes_no_calls(tmp_path: Path, change: dict) -> None:
    write_status(tmp_path, READY)
    write_status(tmp_path, replace(READY, worker=1, state=change.get("state", "ready")))
    if "old" in change:
        age(tmp_path, 1, change["old"])
    if "gone" in change:
        remove_status(tmp_path, 1)
    async with client(tmp_path, 2) as http:
        reply = await http.get("/ready")

    assert reply.status_code == 503
    assert reply.json()["workers"] == {"serving": 1, "expected": 2}


async def test_health_says_that_the_process_answers_whatever_the_workers_do(tmp_path: Path) -> None:
    async with client(tmp_path / "none", 1) as http:
        reply = await http.get("/health")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


async def test_status_gives_the_words_of_the_workers_that_spoke_lately(tmp_path: Path) -> None:
    write_status(tmp_path, READY)
    write_status(tmp_path, replace(READY, worker=1))
    age(tmp_path, 1, 60)
    async with client(tmp_path, 2) as http:
        (found,) = (await http.get("/status")).json()

    assert (found["worker"], found["pid"], found["state"], found["calls"], found["capacity"]) == (
        0,
        4711,
        "ready",
        2,
        4,
    )


async def test_metrics_are_summed_over_the_processes(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "from ivr.call.metrics import CallMetrics; m = CallMetrics(); "
        "m.call_began(); m.call_began(); m.call_ended('normal', 12.0)"
    )
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            cwd=Path(__file__).parents[2],
            check=True,
        )
    async with client(tmp_path, 1) as http:
        reply = await http.get("/metrics")

    assert reply.headers["content-type"].startswith("text/plain")
    assert 'hotline_calls_total{outcome="normal"} 2.0' in reply.text
    assert "hotline_calls_active 2.0" in reply.text


def test_a_status_file_is_plain_enough_for_cat(tmp_path: Path) -> None:
    write_status(tmp_path, READY)

    assert json.loads((tmp_path / "worker-0.json").read_text())["address"] == "127.0.0.1:5060"
