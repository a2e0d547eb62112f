"""Keys on the pjsua2 line: every way they come, each once, and none from strangers."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from desk import Desk, Reception, open_desk, outside
from hypothesis import given
from hypothesis import strategies as st
from sip_caller import KEYS, Offer, OutsideCall, SipCaller, sine

from ivr.lines.base import Ended, KeyDown
from ivr.lines.pjsua.keys import END, UPDATE, KeyPresses, key_of


async def settled(reception: Reception, keys: str) -> str:
    """The keys that came, once as many as expected are there and no more follow."""
    await reception.until(lambda: len(reception.keys) >= len(keys))
    await asyncio.sleep(0.15)
    return reception.keys


@pytest.mark.sip
@pytest.mark.parametrize("via", ["rfc4733", "info", "info-plain"])
async def test_keys_come_once_and_in_order(desk: Desk, caller: SipCaller, via: str) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.press("18880*#", via=via, seconds=0.06, gap=0.05)
    assert await settled(reception, "18880*#") == "18880*#"
    source = "rfc4733" if via == "rfc4733" else "info"
    assert {event.source for event in reception.all(KeyDown)} == {source}


@pytest.mark.sip
async def test_a_named_key_by_info_is_understood(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    for signal in ("10", "11", " 5"):
        reply = await call.request(
            "INFO", f"Signal={signal}\r\nDuration=100\r\n", {"Content-Type": "application/dtmf-relay"}
        )
        assert reply.status == 200
    assert await settled(reception, "*#5") == "*#5"


@pytest.mark.sip
async def test_a_key_is_told_at_its_first_packet(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    held = asyncio.create_task(call.press("7", seconds=1.0))
    await asyncio.sleep(0.25)
    assert reception.keys == "7"
    await held
    assert await settled(reception, "7") == "7"


@pytest.mark.sip
async def test_a_second_press_counts_though_its_first_packets_are_lost(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.rtp.key("4", 0.1)
    await asyncio.sleep(0.1)
    await call.rtp.key("4", 0.2, lose=range(7))
    assert await settled(reception, "44") == "44"


@pytest.mark.sip
async def test_the_payload_type_that_the_caller_offers_for_keys_is_taken(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial(offer=Offer(events=96))
    assert call.rtp.events == 96
    reception = await desk.answered()
    await call.press("25")
    assert await settled(reception, "25") == "25"


@pytest.mark.sip
async def test_keys_that_come_only_as_sound_are_heard_where_that_is_wanted() -> None:
    for _ in range(3):  # on a busy machine the caller's own sound may be torn
        async with open_desk(inband_keys=True) as desk, outside(desk) as caller:
            call = await caller.dial(offer=Offer(events=None))
            reception = await desk.answered()
            await call.press("159#", via="inband", gap=0.15)
            await asyncio.sleep(0.5)
            heard = reception.keys
            assert {event.source for event in reception.all(KeyDown)} <= {"inband"}
        if heard == "159#":
            break
    assert heard == "159#"


def _stranger_presses(call: OutsideCall, host: str, port: int) -> None:
    """A key sent to the hotline's RTP port of a call by somebody else.

    More packets than the library lets a new source send before it believes that the caller has moved.
    """
    assert call.rtp.remote is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, port))
        for number in range(30):
            event = struct.pack("!BBH", 9, 0x8A if number > 26 else 0x0A, 160 * (number + 1))
            head = struct.pack("!BBHII", 0x80, 101, 60_000 + number, 77, 99)
            stranger.sendto(head + event, call.rtp.remote)


@pytest.mark.sip
async def test_a_strangers_keys_and_sound_are_not_the_callers(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    _stranger_presses(call, "127.0.0.2", 0)
    await asyncio.sleep(0.2)
    assert reception.keys == ""
    await call.press("1")
    assert await settled(reception, "1") == "1"
    before = len(call.heard)
    await asyncio.sleep(0.2)
    assert len(call.heard) > before + 5, "what the hotline sends still goes to the caller"


@pytest.mark.sip
async def test_without_the_check_a_stranger_is_taken_for_the_caller() -> None:
    """The library's own behaviour, which the check is there for: should it change, the check can go."""
    async with open_desk(check_media_source=False) as desk, outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        _stranger_presses(call, "127.0.0.2", 0)
        assert await settled(reception, "9") == "9"


@pytest.mark.sip
@pytest.mark.parametrize(
    ("named", "real"),
    [("127.0.0.2", "127.0.0.2"), ("127.0.0.3", "127.0.0.1")],
    ids=["elsewhere", "behind a NAT"],
)
async def test_media_may_come_from_where_the_sdp_says_or_from_where_the_signalling_comes(
    desk: Desk, caller: SipCaller, named: str, real: str
) -> None:
    call = await caller.dial(offer=Offer(address=named), rtp_host=real)
    reception = await desk.answered()
    await call.press("42")
    assert await settled(reception, "42") == "42"
    await call.until_sound()


@pytest.mark.sip
async def test_keys_before_the_answer_do_no_harm(desk: Desk, caller: SipCaller) -> None:
    desk.on_call = desk.ring
    call = caller.begin()
    await call.provisional(180)
    await call.cancel()
    reception = await desk.call()
    await reception.event(Ended)
    call.rtp.start(("127.0.0.1", 9), 0, 101)
    await call.press("1")
    assert reception.keys == ""


@pytest.mark.sip
async def test_keys_are_not_printed(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.press("5")
    assert await settled(reception, "5") == "5"
    assert "5" not in repr(reception.all(KeyDown))


@pytest.mark.sip
async def test_nothing_that_a_caller_says_or_presses_is_written_by_the_library(
    caller: SipCaller, desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    call = await caller.dial(caller="13855559999")
    await call.press("246810")
    await call.press("246810", via="info")
    call.say(sine(500, 0.1))
    await (await desk.answered()).until(lambda: len(desk.calls[0].keys) >= 6)
    await call.hang_up()
    await desk.calls[0].event(Ended)
    written = "".join(capfd.readouterr())
    assert "13855559999" not in written
    assert "Signal" not in written
    assert "246810" not in written


def test_a_late_packet_of_a_press_is_no_key() -> None:
    presses = KeyPresses()
    assert presses.take("1", 1000, 40, 0)
    assert not presses.take("1", 1000, 20, 0), "the library calls this new: it is shorter than the one before"
    assert presses.take("2", 2000, 20, END)
    assert not presses.take("1", 1000, 60, 0)


def test_a_sender_that_moves_the_timestamp_presses_once() -> None:
    presses = KeyPresses()
    taken = [presses.take("5", 1000 + at, 20 + at, UPDATE if at else 0) for at in range(0, 200, 20)]
    assert taken.count(True) == 1
    assert not presses.take("5", 1200, 220, UPDATE | END)


def test_the_same_key_long_after_counts_though_its_beginning_and_the_others_end_were_lost() -> None:
    presses = KeyPresses()
    assert presses.take("5", 1000, 20, 0)
    assert not presses.take("5", 1000, 40, UPDATE)
    assert presses.take("5", 4000, 60, UPDATE)


def test_what_is_no_key_of_a_telephone_is_left_out() -> None:
    assert not KeyPresses().take("R", 1000, 20, 0)


@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=12), st.data())
def test_each_press_counts_once_whatever_packets_are_lost(keys: list[str], data: st.DataObject) -> None:
    """Packets in order, all but one of a press may be lost, reported as the library reports them.

    That one is not its end: of two presses whose ends alone arrive the library hides the second.
    """
    presses, library, taken = KeyPresses(), _Library(), ""
    for number, key in enumerate(keys):
        ended = data.draw(st.booleans())
        durations = sorted(data.draw(st.sets(st.integers(1, 7), min_size=1))) + [8] * ended
        for duration in durations:
            flags = library.flags(key, duration * 20, end=duration == 8)
            if flags is not None and presses.take(key, number * 400, duration * 20, flags):
                taken += key
    assert taken == "".join(keys)


class _Library:
    """How the library marks packets: against the one before, and nothing else."""

    def __init__(self) -> None:
        self._last: tuple[str, int, bool] = ("", 0, False)

    def flags(self, key: str, duration: int, *, end: bool) -> int | None:
        last, longest, ended = self._last
        same = key == last and duration >= longest
        self._last = (key, duration, end)
        if same and end and ended:
            return None
        return (UPDATE if same else 0) | (END if end else 0)


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160", "5"),
        ("application/dtmf", "5", "5"),
        ("application/sdp", "5", None),
        ("application/dtmf-relay", "", None),
    ],
)
def test_a_key_is_read_from_the_text_of_an_info(kind: str, body: str, key: str | None) -> None:
    assert key_of(f"INFO sip:x SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}") == key
    assert key_of(f"INFO sip:x SIP/2.0\r\nc: {kind}\r\n\r\n{body}") == key
