"""Reliable provisional responses: RFC 3262's order, repeats and acknowledgements, on a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.clock import VirtualClock
from ivr.sip.message import Response, parse
from ivr.sip.reliable import ReliableReceiver, ReliableSender, is_reliable, parse_rack, reliably

CSEQ = 314
FIRST = 988789
SDP = b"v=0\r\n"


def provisional(status: int = 180, body: bytes = b"") -> Response:
    message = parse(
        f"SIP/2.0 {status} Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:b@b>;tag=2\r\nCall-ID: c\r\nCSeq: {CSEQ} INVITE\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert isinstance(message, Response)
    return message


class Bed:
    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.sent: list[tuple[float, int, str | None]] = []
        self.failures: list[float] = []
        self.sender = ReliableSender(
            CSEQ,
            clock=self.clock,
            first=FIRST,
            send=self._send,
            failed=lambda: self.failures.append(self.clock.time()),
        )

    def _send(self, response: Response) -> None:
        assert response.require == ["100rel"]
        self.sent.append((self.clock.time(), response.status, response.get("RSeq")))

    def prack(self, rseq: int, cseq: int = CSEQ, method: str = "INVITE") -> bool:
        return self.sender.acknowledged(f"{rseq} {cseq} {method}")

    def live(self) -> None:
        while self.clock.advance_to_next():
            pass


def test_a_response_is_repeated_at_doubling_waits_until_64_t1_and_then_fails_once() -> None:
    bed = Bed()
    bed.sender.push(provisional())
    bed.live()
    assert [time for time, _, _ in bed.sent] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert {rseq for _, _, rseq in bed.sent} == {str(FIRST)}
    assert bed.failures == [32.0]
    assert not bed.sender.pending


def test_its_prack_ends_the_repeats() -> None:
    bed = Bed()
    bed.sender.push(provisional())
    bed.clock.advance_to_next()
    assert bed.prack(FIRST)
    bed.live()
    assert len(bed.sent) == 2
    assert bed.failures == []


@pytest.mark.parametrize(
    ("rseq", "cseq", "method"),
    [(FIRST + 1, CSEQ, "INVITE"), (FIRST, CSEQ + 1, "INVITE"), (FIRST, CSEQ, "UPDATE")],
)
def test_a_prack_that_names_something_else_is_not_for_us(rseq: int, cseq: int, method: str) -> None:
    bed = Bed()
    bed.sender.push(provisional())
    assert not bed.prack(rseq, cseq, method)
    assert bed.sender.pending
    assert not bed.sender.acknowledged(None)
    assert not bed.sender.acknowledged("rubbish")


def test_a_second_prack_for_the_same_response_is_not_for_us() -> None:
    bed = Bed()
    bed.sender.push(provisional())
    assert bed.prack(FIRST)
    assert not bed.prack(FIRST)


def test_the_next_response_waits_for_the_prack_of_the_one_before_and_has_the_next_number() -> None:
    bed = Bed()
    bed.sender.push(provisional(180))
    bed.sender.push(provisional(183))
    assert [status for _, status, _ in bed.sent] == [180]
    assert bed.prack(FIRST)
    assert bed.sent[-1] == (0.0, 183, str(FIRST + 1))
    assert bed.prack(FIRST + 1)
    assert bed.clock.next_timer() is None


def test_a_2xx_waits_for_sdp_that_is_not_acknowledged_and_for_that_alone() -> None:
    bed = Bed()
    called: list[float] = []
    bed.sender.push(provisional(180))
    bed.sender.when_free(lambda: called.append(0))
    assert called == [0]
    bed.sender.push(provisional(183, SDP))
    assert bed.sender.pending_sdp
    bed.sender.when_free(lambda: called.append(1))
    assert bed.prack(FIRST)
    assert called == [0]
    assert bed.prack(FIRST + 1)
    assert called == [0, 1]


def test_after_stop_nothing_is_repeated_and_a_late_prack_is_still_known() -> None:
    bed = Bed()
    bed.sender.push(provisional(180))
    bed.sender.push(provisional(183))
    bed.sender.stop()
    bed.live()
    assert len(bed.sent) == 1
    assert bed.failures == []
    assert bed.prack(FIRST)
    assert len(bed.sent) == 1


def test_the_receiver_takes_each_response_once_and_in_order() -> None:
    receiver = ReliableReceiver()
    assert receiver.take(776656, 1) == "776656 1 INVITE"
    assert receiver.take(776656, 1) is None
    assert receiver.take(776658, 1) is None
    assert receiver.take(776657, 1) == "776657 1 INVITE"
    assert receiver.take(776656, 1) is None
    assert receiver.take(776658, 1) == "776658 1 INVITE"


def test_a_number_of_zero_or_none_is_no_number() -> None:
    assert ReliableReceiver().take(0, 1) is None
    assert ReliableReceiver().take(None, 1) is None


def test_what_the_receiver_says_the_sender_knows() -> None:
    bed = Bed()
    bed.sender.push(provisional())
    assert bed.sender.acknowledged(ReliableReceiver().take(FIRST, CSEQ))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("776656 1 INVITE", (776656, 1, "INVITE")),
        (" 1  2\tINVITE ", (1, 2, "INVITE")),
        ("1 INVITE", None),
        ("1 2 3 INVITE", None),
        ("99999999999 1 INVITE", None),
        ("", None),
        (None, None),
    ],
)
def test_rack_is_read_or_refused(text: str | None, value: tuple[int, int, str] | None) -> None:
    assert parse_rack(text) == value


def test_only_a_numbered_101_to_199_with_require_wants_a_prack() -> None:
    assert is_reliable(180, ["100rel"], 1)
    assert not is_reliable(100, ["100rel"], 1)
    assert not is_reliable(200, ["100rel"], 1)
    assert not is_reliable(180, [], 1)
    assert not is_reliable(180, ["100rel"], None)


@pytest.mark.parametrize(
    ("policy", "required", "supported", "expected"),
    [
        ("off", False, True, False),
        ("offered", False, False, False),
        ("offered", False, True, True),
        ("offered", True, False, True),
        ("required", False, True, True),
        ("required", False, False, False),
    ],
)
def test_responses_go_reliably_wherever_the_caller_can(
    policy: str, required: bool, supported: bool, expected: bool
) -> None:
    assert reliably(policy, required=required, supported=supported) is expected  # type: ignore[arg-type]
