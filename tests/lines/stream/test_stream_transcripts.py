"""Golden transcripts of Media Streams: what a socket says in whatever order, and what the call makes of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from stream_bench import QUIET, Bench, bench, media
from stream_peer import SECRET, start_message

from ivr.lines.base import Answered, Ended, KeyDown, MediaReport, PlayEnded
from ivr.lines.stream import SeatTickets, StreamSettings, Ticket, messages
from ivr.lines.stream.session import START_WITHIN
from ivr.media import tones
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, Law


def frame(value: int) -> bytes:
    """A frame that is told from others."""
    return bytes([value]) * FRAME


def speech(seconds: float) -> Clip:
    return Clip.from_samples((tones.tone(seconds, 500, level=-10) * 32767).astype(np.int16))


def listen(one: Any) -> list[bytes]:
    """All frames but silence that the call hears from now on."""
    heard: list[bytes] = []
    one.leg.port.listen(lambda part: heard.append(part) if part != QUIET else None)
    return heard


async def test_a_call_from_start_to_stop() -> None:
    async with bench() as house:
        caller = house.answered(caller="13800138000", called="95500", branch="Pudong", name="Zhang")
        info = caller.leg.info
        assert (info.caller, info.called, info.display_name) == ("13800138000", "95500", "Zhang")
        assert (info.remote_id, info.remote_address, info.headers) == (
            "CA-MZ1",
            "192.0.2.7",
            {"branch": "Pudong"},
        )
        await house.run(0.1)
        caller.say({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "5"}})
        caller.say({"event": "stop", "streamSid": "MZ1", "stop": {"accountSid": "AC0", "callSid": "CA-MZ1"}})
        assert caller.events == [Answered(), KeyDown("5"), Ended("caller", 200)]
        assert caller.wire.events() == ["media"]
        assert caller.wire.sent[0]["streamSid"] == "MZ1"
        assert caller.wire.closed == (1000, "")
        assert house.line.active == 0


async def test_sound_goes_out_a_frame_each_20_ms_and_no_faster() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.leg.play([speech(0.5)], token="a")
        await house.run(0.3)
        assert len(caller.wire.frames()) in (15, 16)
        await house.run(0.3)
        assert PlayEnded("a") in caller.events


async def test_stopping_clears_what_the_other_side_has_not_played() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.leg.play([speech(5.0)], token="a")
        await house.run(0.2)
        caller.leg.stop_playing()
        await house.run(0.1)
        assert caller.wire.events() == ["media", "clear", "media"]
        cleared = [one["event"] for one in caller.wire.sent].index("clear")
        after = [one for one in caller.wire.sent[cleared:] if one["event"] == "media"]
        assert all(one["media"]["payload"] == messages_of(QUIET) for one in after)


async def test_the_tail_of_a_prompt_that_was_sent_is_cleared_too() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.leg.play([speech(0.2)], token="a")
        await house.run(0.6)
        caller.leg.stop_playing()
        assert "clear" in caller.wire.events()


async def test_nothing_is_cleared_where_nothing_was_played() -> None:
    async with bench() as house:
        caller = house.answered()
        await house.run(0.2)
        caller.leg.stop_playing()
        assert caller.wire.events() == ["media"]


async def test_a_mark_each_second_comes_back_and_measures_the_way() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.say(media(frame(1), 0))
        await house.run(1.01)
        (mark,) = [one for one in caller.wire.sent if one["event"] == "mark"]
        await house.run(0.25)
        caller.say({"event": "mark", "streamSid": "MZ1", "mark": mark["mark"]})
        caller.say({"event": "mark", "streamSid": "MZ1", "mark": {"name": "of somebody else"}})
        caller.session.closed(clean=True)
        (report,) = [event for event in caller.events if isinstance(event, MediaReport)]
        assert report.quality["round_trip_ms"] == pytest.approx(260, abs=25)
        assert {"mos", "loss", "jitter_ms"} <= report.quality.keys()


async def test_frames_out_of_order_are_heard_in_order() -> None:
    async with bench() as house:
        caller = house.answered()
        heard = listen(caller)
        for number, at in ((1, 0), (3, 40), (2, 20), (4, 60), (4, 60)):
            caller.say(media(frame(number), at))
        await house.run(0.3)
        assert heard == [frame(number) for number in (1, 2, 3, 4)]


async def test_a_burst_after_a_stall_is_heard_and_does_not_stay_behind() -> None:
    async with bench() as house:
        caller = house.answered()
        for number in range(40):
            caller.say(media(frame(1 + number), number * 20))
        heard = listen(caller)
        await house.run(1.0)
        assert heard[-1] == frame(40)
        for number in range(100, 120):
            caller.say(media(frame(number), 2000 + 20 * (number - 100)))
            await house.run(0.02)
        assert heard[-1][0] >= 110  # 200 ms behind at most


async def test_pieces_of_any_size_are_joined() -> None:
    async with bench() as house:
        caller = house.answered()
        heard = listen(caller)
        said = bytes(1 + at % 100 for at in range(4 * FRAME))
        for start in range(0, len(said), 7):
            caller.say(media(said[start : start + 7], start // 8))
        caller.say(media(b"", 9))
        await house.run(0.3)
        assert b"".join(heard) == said


async def test_one_large_piece_is_cut_into_frames() -> None:
    async with bench() as house:
        caller = house.answered()
        heard = listen(caller)
        caller.say(media(frame(1) + frame(2) + frame(3), 0))
        await house.run(0.2)
        assert heard == [frame(1), frame(2), frame(3)]


async def test_sound_of_another_track_is_not_heard() -> None:
    async with bench() as house:
        caller = house.answered()
        heard = listen(caller)
        caller.say(media(frame(1), 0, track="outbound"), media(frame(2), 0, track="inbound"))
        await house.run(0.1)
        assert heard == [frame(2)]


async def test_stop_without_media_and_without_start_closes_the_socket() -> None:
    async with bench() as house:
        lost = house.socket()
        lost.say({"event": "stop", "streamSid": "MZ1", "stop": {}})
        assert lost.wire.closed == (1000, "")
        caller = house.answered()
        caller.say({"event": "stop", "streamSid": "MZ1", "stop": {}})
        assert caller.events == [Answered(), Ended("caller", 200)]


async def test_a_second_start_changes_nothing() -> None:
    async with bench() as house:
        caller = house.answered(caller="1")
        caller.say(start_message("MZ2", {"caller": "2"}))
        await house.run(0.1)
        assert (len(house.offered), house.line.active, caller.wire.closed) == (1, 1, None)
        assert caller.wire.sent[-1]["streamSid"] == "MZ1"


async def test_sound_and_keys_before_the_start_are_nothing() -> None:
    async with bench() as house:
        caller = house.socket()
        caller.say(
            media(frame(1), 0),
            {"event": "dtmf", "dtmf": {"digit": "1"}},
            {"event": "mark", "mark": {"name": "a"}},
        )
        caller.say(start_message("MZ1", {}))
        caller.take()
        await house.run(0.1)
        assert caller.events == [Answered()]


async def test_who_never_says_start_is_sent_away() -> None:
    async with bench() as house:
        silent = house.socket()
        silent.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await house.run(START_WITHIN + 0.1)
        assert silent.wire.closed == (1008, "no start")


MALFORMED = [
    "", "{", "[]", "7", "null", '"start"', "[" * 5000, '{"event":7}', '{"event":"media"}', '{"event":"media","media":[]}',
    '{"event":"media","media":{}}', '{"event":"media","media":{"payload":7}}',
    '{"event":"media","media":{"payload":"not base64!"}}', '{"event":"media","media":{"payload":"é"}}',
    '{"event":"dtmf","dtmf":{}}', '{"event":"dtmf","dtmf":{"digit":"12"}}', '{"event":"dtmf","dtmf":{"digit":"x"}}',
    '{"event":"mark","mark":{"name":7}}', '{"event":"start","start":{}}', "x" * (messages.LARGEST + 1),
    json.dumps(start_message("x" * 500, {})), json.dumps(start_message("MZ9", {"name": 7})),  # type: ignore[dict-item]
    json.dumps(start_message("MZ9", {f"p{at}": "" for at in range(99)})),
    json.dumps(start_message("MZ9", {}, mediaFormat={"encoding": "audio/l16", "sampleRate": 16000, "channels": 2})),
    '{"event":"media","media":{"payload":"","timestamp":1e400}}',
]  # fmt: skip


@pytest.mark.parametrize("started", [False, True])
async def test_malformed_messages_are_survived(started: bool) -> None:
    async with bench() as house:
        caller = house.answered() if started else house.socket()
        for text in MALFORMED:
            caller.say(text)
        assert caller.wire.closed is None
        if started:
            caller.say(media(frame(7), 0))
            heard = listen(caller)
            await house.run(0.1)
            assert heard == [frame(7)]


async def test_who_says_nothing_but_nonsense_is_sent_away() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.say(*["{"] * 60)
        assert caller.wire.closed is not None
        assert caller.wire.closed[0] in (1000, 1008)
        assert isinstance(caller.events[-1], Ended)
        assert caller.events[-1].by == "line"


async def test_who_sends_faster_than_sound_is_cut_off() -> None:
    async with bench() as house:
        caller = house.answered()
        for second in range(20):
            caller.say(*[media(frame(1), at) for at in range(second * 1000, second * 1000 + 1000, 5)])
            await house.run(1.0)
        assert isinstance(caller.events[-1], Ended)
        assert caller.events[-1].text == "too fast"


async def test_unknown_events_are_passed_over() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.say({"event": "novelty", "novelty": {}})
        assert caller.wire.closed is None


async def test_a_socket_that_dies_ends_the_call_as_lost() -> None:
    async with bench() as house:
        caller = house.answered()
        caller.session.closed(clean=False)
        assert caller.events[-1] == Ended("line", 408, "connection lost")
        assert house.line.active == 0


async def test_a_call_without_any_sound_is_ended() -> None:
    async with bench(StreamSettings(dead_media_seconds=5.0)) as house:
        caller = house.answered()
        caller.say(media(frame(1), 0))
        await house.run(4.0)
        assert not caller.leg.ended
        await house.run(2.5)
        assert caller.events[-1] == Ended("line", 503, "no media")


async def test_a_key_is_not_shown_when_a_message_is_printed() -> None:
    assert "7" not in repr(messages.read('{"event":"dtmf","dtmf":{"digit":"7"}}'))


async def test_a_seat_picks_up_with_its_ticket_and_nobody_else_can(bench_: Bench) -> None:
    tickets = SeatTickets(SECRET)
    intruder = bench_.socket()
    intruder.say(start_message("MZ8", {"seat": "anna", "ticket": "forged"}))
    other = bench_.socket()
    ben = tickets.issue(Ticket("ben", "call-1", "w", ""))
    other.say(start_message("MZ7", {"seat": "anna", "ticket": ben}))
    early = bench_.socket()
    early.say(
        start_message("MZ6", {"seat": "anna", "ticket": tickets.issue(Ticket("anna", "call-1", "w", ""))})
    )
    assert [one.wire.closed[0] for one in (intruder, other, early)] == [4403, 4403, 4481]
    assert bench_.offered == []


@pytest.fixture
async def bench_() -> Any:
    async with bench() as house:
        yield house


def messages_of(payload: bytes) -> str:
    return json.loads(messages.media('"x"', payload))["media"]["payload"]


def test_the_law_is_mu() -> None:
    assert bytes([0xFF]) * FRAME == QUIET
    assert Law.MU.payload_type == 0
