"""A line made of several: calls by any of them, and out by the one that an address names."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.errors import LineError
from ivr.lines.several import SeveralLines


class NotedLine:
    """Notes what it is asked."""

    def __init__(self, name: str, capacity: int, fault: Exception | None = None) -> None:
        self.name = name
        self.capacity = capacity
        self.active = 1
        self.fault = fault
        self.asked: list[str] = []

    async def start(self, on_call: Any) -> None:
        self.asked.append("start")
        if self.fault is not None:
            raise self.fault

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Any:
        self.asked.append(f"dial {to} {caller} {timeout:.0f}")
        return self.name

    def drain(self) -> None:
        self.asked.append("drain")

    async def stop(self) -> None:
        self.asked.append("stop")


def two(fault: Exception | None = None) -> tuple[NotedLine, NotedLine, SeveralLines]:
    sip, stream = NotedLine("sip", 500), NotedLine("stream", 50, fault)
    return sip, stream, SeveralLines(sip, {"browser:": stream})


async def test_an_address_goes_to_the_line_that_serves_it() -> None:
    _, stream, line = two()
    assert await line.dial("browser:anna", caller="1", timeout=20) == "stream"
    assert await line.dial("sip:ben@example.com") == "sip"
    assert await line.dial("13800138000") == "sip"
    assert stream.asked == ["dial browser:anna 1 20"]


def test_what_they_carry_is_added_up() -> None:
    _, _, line = two()
    assert (line.name, line.capacity, line.active) == ("sip+stream", 550, 2)


async def test_all_are_started_drained_and_stopped() -> None:
    sip, stream, line = two()
    await line.start(lambda leg: None)
    line.drain()
    await line.stop()
    assert sip.asked == stream.asked == ["start", "drain", "stop"]


async def test_when_one_cannot_start_none_is_left_started() -> None:
    sip, stream, line = two(LineError("taken", code="H202"))
    with pytest.raises(LineError):
        await line.start(lambda leg: None)
    assert sip.asked == stream.asked == ["start", "stop"]


async def test_a_fault_of_one_does_not_keep_the_others_from_stopping() -> None:
    sip, stream, line = two()

    async def fail() -> None:
        raise RuntimeError

    stream.stop = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        await line.stop()
    assert sip.asked == ["stop"]
