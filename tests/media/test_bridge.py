"""A bridge: two are relayed, others mixed, and each hears only whom it may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ivr.clock import VirtualClock
from ivr.media import g711
from ivr.media.bridge import Bridge
from ivr.media.clip import Clip
from ivr.media.clock import MediaClock
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.media.music import Loop, hold_music
from ivr.media.port import AudioPort
from ivr.media.recorder import Recorded, Recording
from ivr.media.writer import RecordingWriter

#: A square wave of 1 kHz, so that it passes for a voice; positive at the sample looked at.
_WAVE = np.tile(np.repeat([1, -1], 4), FRAME // 8)


class Room:
    """A bridge with people who say one level each and note what level they hear."""

    def __init__(self) -> None:
        self.time = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.clock = MediaClock(self.time)
        self.bridge = Bridge(self.clock)
        self.levels: dict[AudioPort, int] = {}
        self.heard: dict[AudioPort, list[int]] = {}

    def person(self, level: int, law: Law = Law.MU) -> AudioPort:
        port = AudioPort(law, post=_now)
        self.levels[port], self.heard[port] = level, []
        self.clock.add(lambda: self._tick(port), _raise)
        return port

    def _tick(self, port: AudioPort) -> None:
        self.heard[port].append(int(g711.decode(port.next_frame(), port.law)[80]))
        port.frame_received(g711.encode((_WAVE * self.levels[port]).astype(np.int16), port.law))

    def listen(self, *ports: AudioPort, seconds: float = 0.3) -> list[int]:
        """What each of them hears in the end, as a linear level."""
        end = self.time.time() + seconds
        while (due := self.time.next_timer()) is not None and due < end:
            self.time.advance_to_next()
        return [self.heard[port][-1] for port in ports]


def _now(callback: Callable[[], None]) -> None:
    callback()


def _raise(error: Exception) -> None:
    raise error


def near(*levels: int) -> object:
    return pytest.approx(list(levels), abs=300)


@pytest.fixture
def room() -> Room:
    return Room()


def test_two_are_relayed_and_hear_each_other_also_between_two_laws(room: Room) -> None:
    one, other = room.person(1000, Law.A), room.person(2000, Law.MU)
    room.bridge.join(one)
    room.bridge.join(other)
    assert not room.bridge.mixed
    assert room.listen(one, other) == near(2000, 1000)


def test_a_third_makes_it_a_conference_and_two_that_remain_are_relayed_again(room: Room) -> None:
    one, other, third = room.person(1000), room.person(2000, Law.A), room.person(4000)
    for port in (one, other, third):
        room.bridge.join(port)
    assert room.bridge.mixed
    assert room.listen(one, other, third) == near(6000, 5000, 3000)
    room.bridge.leave(one)
    assert not room.bridge.mixed
    assert room.listen(one, other, third) == near(0, 4000, 2000)


def test_five_hear_the_four_others_each(room: Room) -> None:
    people = [room.person(500 * (at + 1)) for at in range(5)]
    for port in people:
        room.bridge.join(port)
    assert room.listen(*people) == near(7000, 6500, 6000, 5500, 5000)


def test_a_listener_hears_both_and_nobody_hears_it(room: Room) -> None:
    caller, seat, supervisor = room.person(1000), room.person(2000), room.person(4000)
    room.bridge.join(caller)
    room.bridge.join(seat)
    room.bridge.join(supervisor, role="listener")
    assert room.listen(caller, seat, supervisor) == near(2000, 1000, 3000)


def test_a_whisperer_is_heard_by_the_seat_alone_until_it_joins_in(room: Room) -> None:
    caller, seat, supervisor = room.person(1000), room.person(2000), room.person(4000)
    room.bridge.join(caller)
    room.bridge.join(seat)
    room.bridge.join(supervisor, role="whisperer", to=seat)
    assert room.listen(caller, seat, supervisor) == near(2000, 5000, 3000)
    room.bridge.join(supervisor)
    assert room.listen(caller, seat, supervisor) == near(6000, 5000, 3000)


def test_whispering_to_nobody_is_refused(room: Room) -> None:
    supervisor = room.person(1000)
    with pytest.raises(ValueError, match="whisper"):
        room.bridge.join(supervisor, role="whisperer", to=room.person(2000))
    assert room.bridge.size == 0


def test_a_whisperer_whose_hearer_left_is_heard_by_nobody(room: Room) -> None:
    people = caller, seat, other, supervisor = [room.person(1000 * 2**at) for at in range(4)]
    for port in (caller, seat, other):
        room.bridge.join(port)
    room.bridge.join(supervisor, role="whisperer", to=seat)
    room.bridge.leave(seat)
    assert room.listen(*people) == near(4000, 0, 1000, 5000)


def test_a_muted_party_hears_and_is_not_heard(room: Room) -> None:
    one, other = room.person(1000), room.person(2000)
    room.bridge.join(one)
    room.bridge.join(other)
    room.bridge.mute(one, True)
    assert room.listen(one, other) == near(2000, 0)
    room.bridge.mute(one, False)
    assert not room.bridge.mixed
    assert room.listen(one, other) == near(2000, 1000)


def test_on_hold_one_hears_music_and_the_others_go_on_without(room: Room) -> None:
    one, other, third = room.person(1000), room.person(2000), room.person(4000)
    for port in (one, other, third):
        room.bridge.join(port)
    steady = Clip.from_samples(np.full(FRAME, 9000, dtype=np.int16))
    room.bridge.hold(one, steady)
    assert room.listen(one, other, third) == near(9000, 4000, 2000)
    room.bridge.hold(one, None)
    assert room.listen(one, other, third) == near(6000, 5000, 3000)


def test_a_prompt_is_heard_by_one_side_alone_while_both_are_bridged(room: Room) -> None:
    caller, seat = room.person(1000), room.person(2000)
    room.bridge.join(caller)
    room.bridge.join(seat)
    seat.play([Clip.from_samples(np.full(FRAME * 50, 9000, dtype=np.int16))], lambda: None)
    assert room.listen(caller, seat) == near(2000, 9000)
    assert room.listen(caller, seat, seconds=1.2) == near(2000, 1000)


def test_each_side_is_recorded_for_itself(room: Room, tmp_path: Path) -> None:
    writer = RecordingWriter()
    closed: list[Recorded] = []
    ports = [room.person(0, Law.A), room.person(0, Law.MU)]
    taps = []
    for at, port in enumerate(ports):
        room.bridge.join(port)
        recording = Recording(tmp_path / f"{at}.wav", port.law, longest=60, silence=60)
        taps.append(writer.begin(recording, closed.append))
        port.record(taps[-1])
    room.listen(*ports)
    room.levels.update(zip(ports, (1000, 2000), strict=True))
    room.listen(*ports, seconds=1.0)
    for tap in taps:
        tap.end("hang_up")
    writer.close()
    levels = [int(Clip.from_wav(tmp_path / f"{at}.wav").samples().max()) for at in (0, 1)]
    assert levels == near(1000, 2000)
    assert len(closed) == 2


def test_a_closed_bridge_leaves_silence_and_no_beat(room: Room) -> None:
    people = [room.person(1000) for _ in range(3)]
    for port in people:
        room.bridge.join(port)
    room.listen(*people)
    before = room.clock.active
    room.bridge.close()
    assert room.clock.active == before - 1
    assert room.listen(*people) == [0, 0, 0]
    assert room.bridge.size == 0


def test_hold_music_goes_round_without_a_gap_and_begins_anew_for_each_hearer() -> None:
    clip = hold_music()
    one, other = Loop(clip), Loop(clip)
    frames = [one.next_frame(Law.A) for _ in range(2 * len(clip.frames(Law.A)) // FRAME)]
    half = len(frames) // 2
    assert frames[:half] == frames[half:]
    assert other.next_frame(Law.A) == frames[0]
    assert np.abs(clip.samples()).max() < 8000
    assert Loop(Clip(b"")).next_frame(Law.MU) == SILENCE[Law.MU]
