"""Who calls whom: what trunks and telephones really write into an INVITE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.lines.identity import display_name_of, number_of, parties_of, readable, split_addresses


def invite(*lines: str, uri: str = "sip:4001@host") -> str:
    return "\r\n".join([f"INVITE {uri} SIP/2.0", *lines, "", "v=0\r\nFrom: <sip:666@sdp.invalid>"])


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("<sip:13800138000@host>;tag=1", "13800138000"),
        ("sip:13800138000@host;tag=1", "13800138000"),
        ('"Zhang, San" <sip:+8613800138000@host;user=phone>', "+8613800138000"),
        ("<tel:+86-138-0013-8000;phone-context=x>", "+8613800138000"),
        ("<sip:+86(138)0013.8000;phone-context=+86@host>", "+8613800138000"),
        ("<sip:alice:secret@host:5070;transport=udp>", "alice"),
        ("<sip:%2B8610@host>", "+8610"),
        ("<sips:1001@host>", "1001"),
        ("<sip:host>", ""),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', ""),
        ("<sip:Unknown@10.0.0.1>", ""),
        ("<sip:@host>", ""),
        ('"a <sip:1@evil>" <sip:2@host>', "2"),
        ("", ""),
        ("<mailto:x@y>", ""),
        ("<sip:" + "9" * 500 + "@host>", "9" * 64),
    ],
)
def test_a_number_is_read_from_an_address(address: str, number: str) -> None:
    assert number_of(address) == number


def test_the_asserted_identity_goes_before_from() -> None:
    parties = parties_of(
        invite(
            'From: "Front" <sip:1001@pbx>', "P-Asserted-Identity: <sip:13800138000@trunk>", "To: <sip:4001@h>"
        )
    )
    assert (parties.caller, parties.display_name) == ("13800138000", "Front")


def test_of_several_asserted_identities_the_first_with_a_number_counts() -> None:
    parties = parties_of(
        invite(
            "From: <sip:x@y>",
            'P-Asserted-Identity: "A, B" <sip:alice@pbx>, <tel:+8610>',
            "p-asserted-identity: <tel:+1>",
        )
    )
    assert parties.caller == "+8610"


@pytest.mark.parametrize("privacy", ["id", "user;critical", "header; id"])
def test_a_caller_who_asks_for_privacy_has_no_number(privacy: str) -> None:
    parties = parties_of(
        invite(
            "From: <sip:anonymous@anonymous.invalid>",
            "P-Asserted-Identity: <tel:+8610>",
            f"Privacy: {privacy}",
        )
    )
    assert (parties.caller, parties.display_name) == ("", "")


def test_no_privacy_is_asked_for_by_none() -> None:
    assert parties_of(invite("From: <sip:1@h>", "Privacy: none")).caller == "1"


def test_the_called_number_is_the_request_uris_else_tos() -> None:
    assert parties_of(invite("To: <sip:5@h>")).called == "4001"
    assert parties_of(invite("t: <sip:5@h>", uri="sip:h:5060")).called == "5"


def test_compact_and_folded_headers_are_read_and_the_body_is_not() -> None:
    parties = parties_of(invite('f: "Li"', " <sip:13@h>;tag=1", "i: abc@host"))
    assert (parties.caller, parties.display_name, parties.call_id) == ("13", "Li", "abc@host")


def test_headers_worth_keeping_are_kept_short() -> None:
    parties = parties_of(
        invite("User-Agent: Phone", "X-Trunk: " + "a" * 2000, "Authorization: Digest secret")
    )
    assert parties.headers["user-agent"] == "Phone"
    assert len(parties.headers["x-trunk"]) == 512
    assert "authorization" not in parties.headers


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_name_in_either_encoding_is_readable(encoding: str) -> None:
    escaped = "王小明".encode(encoding).decode("utf-8", "surrogateescape")
    assert readable(escaped) == "王小明"


def test_octets_of_no_encoding_are_replaced_and_control_characters_dropped() -> None:
    assert readable(b"a\xff\xff\x00b\n".decode("utf-8", "surrogateescape")) == "a��b"


def test_names_are_unquoted_and_lists_split_outside_quotes() -> None:
    assert display_name_of(r'"Say \"hi\", you" <sip:1@h>') == 'Say "hi", you'
    assert display_name_of("Plain Name <sip:1@h>") == "Plain Name"
    assert display_name_of("sip:1@h") == ""
    assert split_addresses('"a, b" <sip:1@h;x=","> , <tel:2>') == ['"a, b" <sip:1@h;x=",">', "<tel:2>"]


@given(st.text(max_size=200), st.binary(max_size=60))
def test_no_message_raises_and_all_that_is_read_can_be_written(text: str, octets: bytes) -> None:
    rough = octets.decode("utf-8", "surrogateescape")
    parties = parties_of(f"{text}\r\nFrom: {rough}\r\nP-Asserted-Identity: <sip:{rough}@{text}>\r\n\r\n")
    for value in (
        parties.caller,
        parties.called,
        parties.display_name,
        parties.call_id,
        *parties.headers.values(),
    ):
        value.encode("utf-8")
