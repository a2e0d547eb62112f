"""From packets to frames and keys: true time, whatever the network does, and nothing that is not ours."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ivr.media import g711
from ivr.media.g711 import Law
from ivr.media.keys import press
from ivr.media.port import AudioPort
from ivr.media.rtp import HEADER
from ivr.media.rtp_receiver import PATIENCE, RtpReceiver

QUIET = g711.SILENCE[Law.A]
SOURCE = 77


def frame(at: int) -> bytes:
    return bytes([1 + at % 200]) * 160


def packet(
    at: int,
    payload: bytes | None = None,
    *,
    kind: int = 8,
    timestamp: int | None = None,
    source: int = SOURCE,
    marker: bool = False,
) -> bytes:
    stamp = at * 160 if timestamp is None else timestamp
    head = HEADER.pack(0x80, kind | (0x80 if marker else 0), at & 0xFFFF, stamp & 0xFFFFFFFF, source)
    return head + (frame(at) if payload is None else payload)


class Leg:
    """A receiver, the sound its port's listeners got, and the keys."""

    def __init__(self) -> None:
        self.port = AudioPort(Law.A, post=lambda what: None)
        self.sound = bytearray()
        self.port.listen(self.sound.extend)
        self.keys: list[str] = []
        self.dropped: Counter[str] = Counter()
        self.receiver = RtpReceiver(self.port, on_key=self.keys.append, dropped=self.dropped)
        self.receiver.agree(Law.A, 8, 101, hears=True)
        self.now = 0.0

    def take(self, *packets: bytes) -> None:
        for one in packets:
            self.receiver.packet(one, self.now)

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 0.02
            self.receiver.beat()

    def live(self, *numbers: int) -> None:
        """A beat and a packet, for each of these numbers."""
        for at in numbers:
            self.beat()
            self.take(packet(at))

    @property
    def frames(self) -> list[bytes]:
        return [bytes(self.sound[at : at + 160]) for at in range(0, len(self.sound), 160)]


@pytest.fixture
def leg() -> Leg:
    return Leg()


def test_what_comes_in_order_is_heard_untouched(leg: Leg) -> None:
    leg.live(*range(50))
    assert leg.frames == [frame(at) for at in range(50)]
    assert leg.receiver.octets == 50 * 160


def test_what_is_missing_becomes_silence_of_its_length(leg: Leg) -> None:
    leg.take(packet(0), packet(1), packet(5))
    assert leg.frames == [frame(0), frame(1), QUIET, QUIET, QUIET, frame(5)]


def test_a_doubled_or_late_packet_is_not_heard_again(leg: Leg) -> None:
    leg.take(packet(0), packet(2), packet(2), packet(1), packet(3), packet(0))
    assert leg.frames == [frame(0), QUIET, frame(2), frame(3)]
    assert (leg.receiver.reception.duplicates, leg.receiver.reception.late) == (2, 1)


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 60])
def test_packets_of_any_length_make_whole_frames(leg: Leg, milliseconds: int) -> None:
    size = milliseconds * 8
    for at in range(60):
        leg.take(packet(at, bytes([1 + at]) * size, timestamp=at * size))
    expected = b"".join(bytes([1 + at]) * size for at in range(60))
    assert bytes(leg.sound) == expected[: len(leg.sound)]
    assert len(expected) - len(leg.sound) < 160


def test_time_runs_on_while_nothing_comes(leg: Leg) -> None:
    leg.live(*range(10))
    leg.beat(100)
    assert len(leg.frames) == pytest.approx(110, abs=PATIENCE + 2)
    assert set(leg.frames[10:]) == {QUIET}


def test_time_runs_also_before_anything_came(leg: Leg) -> None:
    leg.beat(50)
    assert len(leg.frames) == pytest.approx(50, abs=PATIENCE + 2)


def test_after_a_pause_of_the_speaker_recorded_time_is_true(leg: Leg) -> None:
    leg.live(*range(10))
    leg.beat(100)  # the other side sends nothing while nobody speaks, but its timestamps go on
    for at in range(10):
        leg.beat()
        leg.take(packet(10 + at, timestamp=(110 + at) * 160))
    assert len(leg.frames) == 120
    assert leg.frames[110:] == [frame(10 + at) for at in range(10)]


def test_silence_given_for_packets_that_only_came_late_is_taken_off_the_next_pause(leg: Leg) -> None:
    leg.live(*range(10))
    leg.beat(10)  # the network holds ten packets back …
    leg.take(*(packet(at) for at in range(10, 20)))  # … and gives them all at once
    leg.live(*range(20, 30))
    assert [one for one in leg.frames if one != QUIET] == [frame(at) for at in range(30)]
    assert len(leg.frames) > 30
    leg.live(40)
    assert len(leg.frames) == 41
    leg.take(packet(45))
    assert len(leg.frames) == 46


def test_an_even_delay_of_the_network_loses_no_sound(leg: Leg) -> None:
    leg.live(*range(10))
    leg.beat(8)
    leg.live(*range(10, 60))  # 160 ms later than before, for good
    assert [one for one in leg.frames if one != QUIET] == [frame(at) for at in range(60)]


def test_a_leap_of_the_timestamps_is_a_new_beginning_and_no_flood_of_silence(leg: Leg) -> None:
    leg.take(packet(0), packet(1, timestamp=2**31), packet(2, timestamp=2**31 + 160))
    assert leg.frames == [frame(0), frame(1), frame(2)]


def test_timestamps_wrap_unheard(leg: Leg) -> None:
    for at in range(20):
        leg.take(packet(at, timestamp=2**32 - 1600 + at * 160))
    assert leg.frames == [frame(at) for at in range(20)]


def test_long_packets_are_waited_for(leg: Leg) -> None:
    for at in range(10):
        leg.beat(5 if at % 2 else 1)  # every second one 40 ms late
        leg.take(packet(at, bytes([1 + at]) * 480, timestamp=at * 480))
    assert QUIET not in leg.frames
    assert len(leg.frames) == 30


def test_only_the_agreed_payload_types_are_taken(leg: Leg) -> None:
    leg.take(packet(0), packet(1, kind=96), packet(1, kind=18))
    assert leg.frames == [frame(0)]
    assert leg.dropped == {"payload_type": 2}


def test_a_side_that_sends_the_other_law_is_heard_in_the_agreed_one(leg: Leg) -> None:
    leg.receiver.agree(Law.A, 8, 101, hears=True, either=True)
    leg.take(packet(0), packet(1, kind=0), packet(2))
    assert leg.frames == [frame(0), g711.convert(frame(1), Law.MU, Law.A), frame(2)]
    assert leg.dropped == {}


def test_comfort_noise_is_neither_sound_nor_a_loss(leg: Leg) -> None:
    leg.take(packet(0), packet(1, b"\x40", kind=13), packet(2))
    assert leg.frames == [frame(0), QUIET, frame(2)]
    assert (leg.receiver.reception.lost, dict(leg.dropped)) == (0, {})


def test_an_injected_packet_is_neither_sound_nor_key(leg: Leg) -> None:
    key = next(press("7"))[0]
    for at in range(30):
        leg.take(packet(at))
        leg.take(packet(at + 1, b"\xaa" * 160, source=666))
        leg.take(packet(at + 1, key, kind=101, source=666))
        leg.take(packet(at + 20_000, key, kind=101))
    assert leg.frames == [frame(at) for at in range(30)]
    assert leg.keys == []
    assert leg.dropped == {"source": 90}


def test_a_new_source_that_proves_itself_is_heard(leg: Leg) -> None:
    leg.live(*range(10))
    for at in range(5):
        leg.take(packet(5000 + at, source=12))
    assert leg.frames[10:] == [frame(5002), frame(5003), frame(5004)]


def test_a_key_is_known_at_its_first_packet_and_counts_once(leg: Leg) -> None:
    leg.live(0, 1)
    payloads = [payload for payload, _ in press("5", 100)]
    leg.take(packet(2, payloads[0], kind=101, timestamp=320))
    assert leg.keys == ["5"]
    leg.take(*(packet(2 + at, one, kind=101, timestamp=320) for at, one in enumerate(payloads) if at))
    assert leg.keys == ["5"]


def test_a_new_source_may_press_under_a_time_stamp_that_was_used_before(leg: Leg) -> None:
    payload = next(press("5"))[0]
    leg.take(packet(0, payload, kind=101, timestamp=0))
    for at in range(4):
        leg.take(packet(at, payload, kind=101, timestamp=0, source=9))
    assert leg.keys == ["5", "5"]


def test_keys_survive_loss_doubling_and_disorder(leg: Leg) -> None:
    network = random.Random(11)
    packets, number = [packet(0)], 1
    for at, key in enumerate("1234567890*#"):
        for payload, _ in press(key, 100):
            packets.append(packet(number, payload, kind=101, timestamp=1600 * (at + 1)))
            number += 1
    sent: list[bytes] = []
    for at, one in enumerate(packets):
        if at == 0 or at % 8 == 1 or network.random() > 0.4:
            sent += [one] * network.choice((1, 1, 2))
    for at in range(1, len(sent) - 1, 5):
        sent[at], sent[at + 1] = sent[at + 1], sent[at]
    leg.take(*sent)
    assert "".join(leg.keys) == "1234567890*#"


def test_telephone_events_come_by_the_agreed_type_alone(leg: Leg) -> None:
    payload = next(press("5"))[0]
    leg.receiver.agree(Law.A, 8, None, hears=True)
    leg.take(packet(0, payload, kind=101))
    leg.receiver.agree(Law.A, 8, 96, hears=True)
    leg.take(packet(1, payload, kind=101, timestamp=0), packet(2, payload, kind=96, timestamp=0))
    assert leg.keys == ["5"]


def test_while_the_other_side_should_not_be_heard_there_is_silence(leg: Leg) -> None:
    leg.receiver.agree(Law.A, 8, 101, hears=False)
    leg.live(*range(20))
    assert set(leg.frames) == {QUIET}


@pytest.mark.parametrize("wrong", [b"", b"\x80\x08", packet(1)[:11], packet(1, b""), packet(1, b"x" * 1601)])
def test_what_is_no_packet_is_counted_and_dropped(leg: Leg, wrong: bytes) -> None:
    leg.take(packet(0), wrong, packet(1))
    assert leg.frames == [frame(0), frame(1)]
    assert leg.dropped == {"malformed": 1}


def test_another_law_is_heard_from_the_renegotiation_on(leg: Leg) -> None:
    leg.live(0)
    leg.port.law = Law.MU
    leg.receiver.agree(Law.MU, 0, 101, hears=True)
    leg.take(packet(1), packet(2, kind=0), packet(4, kind=0))
    assert leg.frames == [frame(0), g711.SILENCE[Law.MU], frame(2), g711.SILENCE[Law.MU], frame(4)]
