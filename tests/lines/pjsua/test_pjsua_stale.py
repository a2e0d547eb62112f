"""Telephones of a process that died go on sending; nobody else's call may come to their ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from desk import open_desk, outside
from sip_caller import read_sdp

from ivr.lines.pjsua.stale import StalePorts

HERE = "127.0.0.1"


def free_range(count: int) -> int:
    """The first, even port of so many free ones."""
    for first in range(42000, 60000, 64):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((HERE, port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


@contextlib.asynccontextmanager
async def old_caller(port: int) -> AsyncIterator[socket.socket]:
    """A telephone that sends to `port` every 20 ms, whoever is there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HERE, 0))
        phone.setblocking(False)

        async def send() -> None:
            number = 0
            while True:
                with contextlib.suppress(OSError):  # nobody is there yet
                    phone.sendto(
                        b"\x80\x08" + number.to_bytes(2, "big") + bytes(8) + b"\xd5" * 160, (HERE, port)
                    )
                number = (number + 1) % 65536
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        try:
            yield phone
        finally:
            sending.cancel()


def heard(phone: socket.socket) -> int:
    """How many packets came to a telephone."""
    count = 0
    with contextlib.suppress(OSError):
        while phone.recv(2048):
            count += 1
    return count


async def test_a_port_that_is_sent_to_is_held_and_the_others_are_free() -> None:
    first = free_range(6)
    async with old_caller(first + 2):
        stale = await asyncio.to_thread(StalePorts, HERE, first, 6)
    try:
        assert stale.ports == [first + 2]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((HERE, first))
            with (
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third,
                pytest.raises(OSError, match="in use"),
            ):
                third.bind((HERE, first + 2))
    finally:
        stale.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, first + 2))


@pytest.mark.sip
async def test_no_call_is_given_to_a_telephone_that_sends_from_an_earlier_one() -> None:
    first = free_range(6)
    async with (
        old_caller(first + 2) as phone,
        open_desk("pjsua", rtp_port=first, rtp_ports=6) as desk,
        outside(desk) as caller,
    ):
        ports = []
        for _ in range(4):
            call = caller.begin()
            ports.append(read_sdp((await call.answered()).body)[1])
            await call.until_sound()
            await call.hang_up()
        assert set(ports) == {first, first + 4}
        assert heard(phone) == 0
