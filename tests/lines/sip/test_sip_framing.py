"""Messages out of a stream of octets, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_bed import options

from ivr.lines.sip.framing import LONGEST_HEAD, Framer, FramingError


def _all(framer: Framer) -> list[bytes]:
    messages = []
    while (message := framer.next()) is not None:
        messages.append(message)
    return messages


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 3)), min_size=1, max_size=6),
    st.lists(st.integers(1, 97), min_size=1, max_size=20),
)
def test_however_a_stream_is_cut_the_same_messages_come_out(
    messages: list[tuple[bytes, int]], cuts: list[int]
) -> None:
    sent = [options(number, body=body) for number, (body, _) in enumerate(messages)]
    pairs = sum(blanks for _, blanks in messages)
    stream = b"".join(b"\r\n\r\n" * blanks + data for data, (_, blanks) in zip(sent, messages, strict=True))
    framer, got, at = Framer(), [], 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        framer.feed(stream[at : at + size])
        got += _all(framer)
        at += size
    assert got == sent
    assert framer.pings == pairs
    assert len(framer) == 0


def test_one_blank_line_is_an_answer_and_two_are_a_question() -> None:
    framer = Framer()
    framer.feed(b"\r\n")
    assert framer.next() is None
    assert (framer.pings, len(framer)) == (0, 0)
    framer.feed(b"\r")
    framer.next()
    framer.feed(b"\n")
    assert framer.next() is None
    assert (framer.pings, len(framer)) == (1, 0)


@pytest.mark.parametrize(
    "line", ["Content-Length: 4", "l:4", "CONTENT-LENGTH :  4 ", "Content-Length:\r\n 4"]
)
def test_every_way_to_write_the_length_is_read(line: str) -> None:
    framer = Framer()
    framer.feed(f"BYE sip:a SIP/2.0\r\nX: y\r\n{line}\r\n\r\nbodyNEXT".encode())
    assert framer.next() == f"BYE sip:a SIP/2.0\r\nX: y\r\n{line}\r\n\r\nbody".encode()
    assert len(framer) == 4


def test_a_message_without_a_length_ends_with_its_head() -> None:
    framer = Framer()
    framer.feed(b"BYE sip:a SIP/2.0\r\n\r\nBYE sip:b SIP/2.0\r\n\r\n")
    assert len(_all(framer)) == 2


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 99999",
        "Content-Length: 99999999999999999999",
        "Content-Length: -1",
        "Content-Length: 1e3",
        "Content-Length:",
        "Content-Length: 4\r\nl: 5",
        "Content-Length: 65535",
    ],
)
def test_a_length_that_cannot_be_ends_the_stream(head: str) -> None:
    framer = Framer()
    framer.feed(f"BYE sip:a SIP/2.0\r\n{head}\r\n\r\n".encode())
    with pytest.raises(FramingError):
        framer.next()


def test_a_head_without_end_ends_the_stream_before_it_fills_the_memory() -> None:
    framer = Framer()
    while len(framer) < LONGEST_HEAD - 100:
        framer.feed(b"X: " + b"y" * 97)
        assert framer.next() is None
    framer.feed(b"y" * 100)
    with pytest.raises(FramingError):
        framer.next()


@given(st.binary(max_size=2_000))
def test_no_octets_do_any_other_harm_than_to_end_the_stream(data: bytes) -> None:
    framer = Framer()
    framer.feed(data)
    try:
        _all(framer)
    except FramingError:
        return
    assert len(framer) <= len(data)
