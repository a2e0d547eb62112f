"""RTP packets: where the payload lies, whatever the bytes are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.rtp import HEADER, is_rtcp, payload_of


def packet(flags: int, rest: bytes) -> bytes:
    return HEADER.pack(flags, 0, 7, 160, 99) + rest


def test_a_plain_packet_is_header_and_payload() -> None:
    assert payload_of(packet(0x80, b"sound")) == b"sound"
    assert payload_of(packet(0x80, b"")) == b""


def test_contributing_sources_an_extension_and_padding_are_taken_off() -> None:
    extension = b"\xbe\xde\x00\x01" + b"4567"
    assert payload_of(packet(0x82, b"c1c1c2c2sound")) == b"sound"
    assert payload_of(packet(0x90, extension + b"sound")) == b"sound"
    assert payload_of(packet(0xA0, b"sound\x00\x00\x03")) == b"sound"
    assert payload_of(packet(0xB1, b"c1c1" + extension + b"sound\x01")) == b"sound"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x80\x00",
        packet(0x40, b"sound"),
        packet(0x8F, b"too few sources"),
        packet(0x90, b"\xbe"),
        packet(0x90, b"\xbe\xde\xff\xff1234"),
        packet(0xA0, b"sound\x00"),
        packet(0xA0, b"sound\xff"),
        packet(0xA1, b"c1c1sound\x0b"),
    ],
)
def test_a_packet_whose_parts_do_not_fit_has_no_payload(wrong: bytes) -> None:
    assert payload_of(wrong) is None


@given(st.binary(max_size=300))
def test_no_bytes_at_all_are_a_trouble(junk: bytes) -> None:
    found = payload_of(junk)
    assert found is None or found in junk
    assert is_rtcp(junk) in (True, False)


def test_rtcp_is_told_from_rtp_on_one_port() -> None:
    assert is_rtcp(b"\x80\xc8\x00\x06")
    assert is_rtcp(b"\x81\xcb\x00\x01")
    assert not is_rtcp(packet(0x80, b"sound"))
    assert not is_rtcp(HEADER.pack(0x80, 0x80 | 8, 1, 1, 1))
    assert not is_rtcp(HEADER.pack(0x80, 0x80 | 101, 1, 1, 1))
    assert not is_rtcp(b"\x80")
