"""What is told before the first process is started."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hotline_process import free_port

from ivr.errors import WorkerError
from ivr.worker.preflight import alone, check_ports, wait_for_earlier
from ivr.worker.status import WorkerStatus, write_status

HERE = "127.0.0.1"


def free() -> tuple[int, int]:
    """A UDP and a TCP port."""
    return free_port(), free_port(socket.SOCK_STREAM)


def test_free_ports_are_accepted_and_free_afterwards() -> None:
    sip, http = free()
    check_ports((HERE, range(sip, sip + 1)), (HERE, http))
    check_ports((HERE, range(sip, sip + 1)), (HERE, http))


@pytest.mark.parametrize(
    ("streams", "http"), [((5060, 5061, 5061, 5062), 8080), ((8080,), 8080), ((5060, 5060), 0)]
)
def test_tcp_ports_that_two_processes_would_want_are_told(streams: tuple[int, ...], http: int) -> None:
    with pytest.raises(WorkerError, match=r"H501 TCP port \d+ is wanted twice.*set them further apart"):
        check_ports((HERE, ()), (HERE, http), streams=streams)


def test_a_taken_sip_port_of_any_worker_is_named_with_its_setting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))
        port = other.getsockname()[1]
        with pytest.raises(WorkerError, match=f"H501 SIP port {port} .*HOTLINE_SIP_PORT"):
            check_ports((HERE, range(port, port + 1)), (HERE, 0))


def test_a_taken_stream_port_of_the_sip_line_is_named_with_its_setting() -> None:
    with socket.create_server((HERE, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WorkerError, match=f"H501 SIP port {port} .*HOTLINE_SIP_PORT"):
            check_ports((HERE, range(1)), (HERE, 0), streams=[port])


def test_a_taken_http_port_is_named_with_its_setting() -> None:
    with socket.create_server((HERE, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WorkerError, match=f"H501 HTTP port {port} .*HOTLINE_HTTP_PORT"):
            check_ports((HERE, range(1)), (HERE, port))


def test_an_address_of_another_machine_is_named_with_its_setting() -> None:
    with pytest.raises(WorkerError, match=r"H502 SIP cannot listen on 192\.0\.2\.1.*HOTLINE_SIP_ADDRESS"):
        check_ports(("192.0.2.1", range(1)), (HERE, 0))


def test_one_folder_serves_one_hotline_and_is_free_again_after_it(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with alone(run_dir), pytest.raises(WorkerError, match=r"H503 .*HOTLINE_DATA_DIR"), alone(run_dir):
        pass
    with alone(run_dir):
        pass


def status_of(pid: int) -> WorkerStatus:
    return WorkerStatus(0, pid, "draining", calls=1, capacity=4, address="", flows="")


async def test_workers_of_an_earlier_run_are_waited_for_until_they_are_gone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        write_status(tmp_path, status_of(worker.pid))
        waiting = asyncio.create_task(wait_for_earlier(tmp_path, 20.0))
        await asyncio.wait({waiting}, timeout=0.3)
        assert not waiting.done()
        worker.communicate(b"\n")
        await asyncio.wait_for(waiting, 5.0)


async def test_the_wait_for_an_earlier_worker_is_bounded(tmp_path: Path) -> None:
    write_status(tmp_path, status_of(os.getpid()))
    await asyncio.wait_for(wait_for_earlier(tmp_path, 0.1), 5.0)


async def test_a_status_left_by_a_process_that_is_gone_is_no_reason_to_wait(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    write_status(tmp_path, status_of(gone.pid))
    await asyncio.wait_for(wait_for_earlier(tmp_path, 60.0), 1.0)
