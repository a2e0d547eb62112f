"""A leg's audio side: what is heard is exact to the frame."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.media.mixer import Mixer
from ivr.media.port import AudioPort
from ivr.media.relay import Relay

QUIET = g711.SILENCE[Law.MU]


def frames(*marks: int) -> Clip:
    return Clip(b"".join(bytes([mark]) * 160 for mark in marks))


class Desk:
    """A port with its loop done by hand."""

    def __init__(self, law: Law = Law.MU) -> None:
        self.posted: deque[Callable[[], None]] = deque()
        self.done: list[str] = []
        self.port = AudioPort(law, post=self.posted.append)

    def play(self, clip: Clip, token: str) -> None:
        self.port.play([clip], lambda: self.done.append(token))

    def turn(self) -> None:
        while self.posted:
            self.posted.popleft()()

    def heard(self, count: int) -> list[int]:
        return [
            frame[0] if len(set(frame)) == 1 else -1
            for frame in (self.port.next_frame() for _ in range(count))
        ]


def test_clips_follow_each_other_without_a_gap_and_their_ends_are_told_in_order() -> None:
    desk = Desk()
    desk.port.play([frames(1, 2), frames(3)], lambda: desk.done.append("a"))
    desk.play(frames(4), "b")
    assert desk.heard(4) == [1, 2, 3, 4]
    desk.turn()
    assert desk.done == ["a"]
    assert desk.heard(2) == [0xFF, 0xFF]
    desk.turn()
    assert desk.done == ["a", "b"]
    assert not desk.port.playing


def test_a_stop_silences_the_very_next_frame_and_drops_the_queue() -> None:
    desk = Desk()
    desk.play(frames(1, 2), "a")
    desk.play(frames(3), "b")
    assert desk.heard(1) == [1]
    desk.port.stop_playing()
    assert desk.heard(3) == [0xFF] * 3
    desk.turn()
    assert desk.done == []


def test_the_end_of_a_play_that_was_posted_before_the_stop_is_stale() -> None:
    desk = Desk()
    desk.play(frames(1), "a")
    desk.heard(2)
    desk.port.stop_playing()
    desk.turn()
    assert desk.done == []


def test_a_pause_keeps_the_place() -> None:
    desk = Desk()
    desk.play(frames(1, 2), "a")
    assert desk.heard(1) == [1]
    desk.port.pause(True)
    assert desk.heard(2) == [0xFF] * 2
    desk.port.pause(False)
    assert desk.heard(1) == [2]


def test_after_a_change_of_law_the_same_sound_goes_on() -> None:
    desk = Desk()
    desk.play(frames(0x10, 0x20), "a")
    assert desk.heard(1) == [0x10]
    desk.port.law = Law.A
    assert desk.heard(2) == [g711.convert(b"\x20", Law.MU, Law.A)[0], 0xD5]


def test_a_recorder_hears_silence_while_masked_and_others_hear_the_caller() -> None:
    port = AudioPort(Law.MU, post=lambda what: None)
    recorded: list[bytes] = []
    listened: list[bytes] = []
    port.record(recorded.append)
    port.listen(listened.append)
    said = b"\x33" * 160
    port.frame_received(said)
    port.mask(True)
    port.frame_received(said)
    port.mask(False)
    port.frame_received(said)
    assert recorded == [said, QUIET, said]
    assert listened == [said] * 3
    port.stop_listening(listened.append)
    port.close()
    port.frame_received(said)
    assert (len(recorded), len(listened)) == (3, 3)


def test_a_recorder_keeps_its_law_when_the_leg_changes_its_own() -> None:
    port = AudioPort(Law.MU, post=lambda what: None)
    recorded: list[bytes] = []
    port.record(recorded.append)
    port.law = Law.A
    port.frame_received(b"\x35" * 160)
    port.mask(True)
    port.frame_received(b"\x35" * 160)
    assert recorded == [g711.convert(b"\x35" * 160, Law.A, Law.MU), QUIET]


@given(st.lists(st.integers(0, 500), max_size=20))
def test_packets_of_any_length_become_frames_and_lose_nothing(sizes: list[int]) -> None:
    port = AudioPort(Law.MU, post=lambda what: None)
    heard: list[bytes] = []
    port.listen(heard.append)
    audio = bytes(at % 251 for at in range(sum(sizes)))
    at = 0
    for size in sizes:
        port.frame_received(audio[at : at + size])
        at += size
    assert all(len(frame) == 160 for frame in heard)
    assert b"".join(heard) == audio[: len(audio) // 160 * 160]


def test_nothing_of_a_stopped_play_is_heard_or_told_while_another_thread_pulls() -> None:
    desk = Desk()
    over = threading.Event()
    faults: list[str] = []
    stopped = 0  # what is marked up to here was stopped before the pull began

    def pull() -> None:
        while not over.is_set():
            before = stopped
            frame = desk.port.next_frame()
            if frame != QUIET and frame[0] <= before:
                faults.append(f"{frame[0]} after {before}")

    thread = threading.Thread(target=pull)
    thread.start()
    for mark in range(1, 200):
        desk.play(frames(*[mark] * 5), str(mark))
        desk.port.stop_playing()
        stopped = mark
    over.set()
    thread.join()
    desk.turn()
    assert faults == []
    assert desk.done == []


def test_two_bridged_legs_hear_each_other_untouched_and_with_bounded_delay() -> None:
    one, other = Desk(), Desk()
    relay = Relay(one.port, other.port)
    for mark in (1, 2, 3, 4, 5):
        one.port.frame_received(bytes([mark]) * 160)
    assert other.heard(4) == [3, 4, 5, 0xFF]
    other.port.frame_received(b"\x09" * 160)
    assert one.heard(1) == [9]
    one.play(frames(7), "whisper")
    other.port.frame_received(b"\x0a" * 160)
    assert one.heard(2) == [7, 10]
    relay.close()
    one.port.frame_received(b"\x01" * 160)
    assert other.heard(1) == [0xFF]


def test_a_bridge_between_two_laws_converts() -> None:
    one, other = Desk(Law.MU), Desk(Law.A)
    Relay(one.port, other.port)
    one.port.frame_received(b"\x10" * 160)
    assert other.port.next_frame() == g711.convert(b"\x10" * 160, Law.MU, Law.A)


def levels(desks: list[Desk], mixer: Mixer, *said: int) -> list[int]:
    """What each hears (as a linear sample) when each says its number."""
    for desk, level in zip(desks, said, strict=True):
        samples = g711.decode(b"\xff" * 160, Law.MU).copy()
        samples[:] = level
        desk.port.frame_received(g711.encode(samples, desk.port.law))
    mixer.beat()
    return [int(g711.decode(desk.port.next_frame(), desk.port.law)[0]) for desk in desks]


def conference(size: int) -> tuple[Mixer, list[Desk]]:
    mixer, desks = Mixer(), [Desk(Law.A if at % 2 else Law.MU) for at in range(size)]
    for desk in desks:
        mixer.add(desk.port)
    return mixer, desks


def near(values: list[int], wanted: list[int]) -> bool:
    return all(
        abs(value - want) <= max(64, abs(want) // 12) for value, want in zip(values, wanted, strict=True)
    )


def test_in_a_conference_each_hears_all_but_itself() -> None:
    mixer, desks = conference(3)
    assert near(levels(desks, mixer, 1000, 2000, 4000), [6000, 5000, 3000])
    assert near(levels(desks, mixer, 30000, 30000, -2000), [28000, 28000, 32767])


def test_a_supervisor_hears_both_and_is_heard_by_the_seat_alone() -> None:
    mixer, (caller, seat, supervisor) = conference(3)
    mixer.set_hears(caller.port, supervisor.port, False)
    assert near(levels([caller, seat, supervisor], mixer, 1000, 2000, 4000), [2000, 5000, 3000])
    mixer.set_hears(caller.port, supervisor.port, True)
    assert near(levels([caller, seat, supervisor], mixer, 1000, 2000, 4000), [6000, 5000, 3000])


def test_who_says_nothing_is_not_waited_for_and_who_left_is_not_heard() -> None:
    mixer, desks = conference(3)
    desks[0].port.frame_received(g711.encode(g711.decode(b"\x20" * 160, Law.MU), Law.MU))
    mixer.beat()
    assert desks[1].port.next_frame() != g711.SILENCE[Law.A]
    mixer.remove(desks[0].port)
    desks[0].port.frame_received(b"\x20" * 160)
    mixer.beat()
    desks[1].port.next_frame()
    assert desks[1].port.next_frame() == g711.SILENCE[Law.A]
    mixer.close()
    assert mixer.size == 0
