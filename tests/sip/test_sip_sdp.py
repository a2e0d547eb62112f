"""Descriptions are validated, and offer and answer settle one G.711 stream as RFC 3264 says."""

from contextlib import suppress
from dataclasses import replace

import pytest

from ivr.sip.sdes import parse_crypto
from ivr.sip.sdp import (
    Agreed,
    Crypto,
    LocalMedia,
    Media,
    SdpError,
    Secure,
    make_answer,
    make_offer,
    parse_session,
    take_answer,
)
from tests.sip.work import grows_too_fast

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
LOCAL = LocalMedia("127.0.0.1", 4000, session_id=77)
KEYS = (Crypto(1, "AES_CM_128_HMAC_SHA1_80", b"a" * 30), Crypto(2, "AES_CM_128_HMAC_SHA1_32", b"b" * 30))


def body(*lines: str, c: str = "IN IP4 192.0.2.1") -> bytes:
    """A description with these lines from the first m= on."""
    return "\r\n".join(["v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", f"c={c}", "t=0 0", *lines, ""]).encode()


def media(*lines: str, c: str = "IN IP4 192.0.2.1") -> Media:
    found = parse_session(body(*lines, c=c)).media
    assert found is not None
    return found


def refusal(data: bytes) -> int:
    with pytest.raises(SdpError) as refused:
        make_answer(LOCAL, parse_session(data))
    return refused.value.status


def answered(local: LocalMedia, *lines: str, c: str = "IN IP4 192.0.2.1") -> tuple[list[str], Agreed]:
    text, agreed = make_answer(local, parse_session(body(*lines, c=c)))
    return text.decode().split("\r\n")[5:-1], agreed


def test_a_plain_stream_is_read() -> None:
    found = media("m=audio 6000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15")
    assert found == Media(
        address="192.0.2.1",
        port=6000,
        rtcp_port=6001,
        rtcp_mux=False,
        laws=("PCMU", "PCMA"),
        payload_types={"PCMU": 0, "PCMA": 8},
        events=101,
        ptime=20,
        direction="sendrecv",
        proto="RTP/AVP",
        cryptos=(),
        index=0,
    )


@pytest.mark.parametrize("number", [96, 101, 127, 13, 35])
def test_telephone_events_have_whatever_payload_type_they_were_given(number: int) -> None:
    lines = [f"m=audio 6000 RTP/AVP 8 {number}", f"a=rtpmap:{number} TELEPHONE-EVENT/8000"]
    text, agreed = answered(LOCAL, *lines)
    assert agreed.events == number
    assert f"m=audio 4000 RTP/AVP 8 {number}" in text
    assert f"a=fmtp:{number} 0-15" in text


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:101 telephone-event/16000",
        "a=rtpmap:102 telephone-event/8000",
        "a=rtpmap:101 x/8000",
        "a=rtpmap:101",
    ],
)
def test_other_events_are_not_taken(line: str) -> None:
    assert media("m=audio 6000 RTP/AVP 8 101", line).events is None


def test_laws_may_have_dynamic_payload_types() -> None:
    text, agreed = answered(LOCAL, "m=audio 6000 RTP/AVP 97 0", "a=rtpmap:97 pcma/8000/1")
    assert (agreed.law, agreed.payload_type) == ("PCMA", 97)
    assert text[:2] == ["m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMA/8000"]


def test_a_static_number_given_to_something_else_is_not_a_law() -> None:
    found = media("m=audio 6000 RTP/AVP 8 0", "a=rtpmap:8 opus/48000/2")
    assert found.payload_types == {"PCMU": 0}
    assert refusal(body("m=audio 6000 RTP/AVP 8", "a=rtpmap:8 PCMA/16000")) == 488


def test_the_offerers_order_decides() -> None:
    assert answered(LOCAL, "m=audio 6000 RTP/AVP 18 0 8")[1].law == "PCMU"
    assert answered(replace(LOCAL, laws=("PCMA",)), "m=audio 6000 RTP/AVP 18 0 8")[1].law == "PCMA"


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [
        (["a=ptime:30"], 30),
        (["a=ptime:60", "a=maxptime:40"], 40),
        (["a=maxptime:10"], 10),
        (["a=ptime:0"], 20),
        (["a=ptime:x"], 20),
        (["a=ptime:99999999"], 20),
        (["a=ptime:500"], 20),
    ],
)
def test_packet_times_are_bounded(lines: list[str], ptime: int) -> None:
    assert media("m=audio 6000 RTP/AVP 8", *lines).ptime == ptime


@pytest.mark.parametrize(
    ("lines", "port", "mux"),
    [
        ([], 6001, False),
        (["a=rtcp:7000"], 7000, False),
        (["a=rtcp:7000 IN IP4 192.0.2.9"], 7000, False),
        (["a=rtcp:0"], 6001, False),
        (["a=rtcp:70000"], 6001, False),
        (["a=rtcp-mux"], 6000, True),
        (["a=rtcp:7000", "a=rtcp-mux"], 6000, True),
    ],
)
def test_the_rtcp_port_is_read(lines: list[str], port: int, mux: bool) -> None:
    found = media("m=audio 6000 RTP/AVP 8", *lines)
    assert (found.rtcp_port, found.rtcp_mux) == (port, mux)


def test_the_last_port_has_no_rtcp_port_after_it() -> None:
    assert media("m=audio 65535 RTP/AVP 8").rtcp_port == 0


def test_rtcp_mux_is_answered_only_where_it_is_taken() -> None:
    offer = ["m=audio 6000 RTP/AVP 8", "a=rtcp-mux"]
    text, agreed = answered(LOCAL, *offer)
    assert "a=rtcp-mux" in text
    assert agreed.rtcp_mux
    text, agreed = answered(replace(LOCAL, rtcp_mux=False), *offer)
    assert "a=rtcp-mux" not in text
    assert not agreed.rtcp_mux
    assert b"rtcp-mux" not in make_offer(LOCAL)


@pytest.mark.parametrize(
    "c",
    [
        "IN IP4 " + "1" * 300,
        "IN IP4 phone.example.com",
        "IN IP4 255.255.255.255",
        "IN IP4 224.0.0.1",
        "IN IP4 224.0.0.1/127",
        "IN IP4 240.0.0.1",
        "IN IP4 0.0.0.5",
        "IN IP4 1.2.3",
        "IN IP4 01.2.3.4",
        "IN IP4 1.2.3.4.5",
        "IN IP6 ff02::1",
        "IN IP6 ::ffff:1.2.3.4",
        "IN IP6 fe80::1%eth0",
        "IN IP4",
        "",
        "ATM NSAP 47",
        "IN IP4 ²",
    ],
)
def test_an_unusable_address_is_a_clean_488(c: str) -> None:
    with pytest.raises(SdpError) as refused:
        parse_session(body("m=audio 6000 RTP/AVP 8", c=c))
    assert refused.value.status == 488


def test_a_stream_needs_an_address_of_its_own_or_the_sessions() -> None:
    without = body("m=audio 6000 RTP/AVP 8").replace(b"c=IN IP4 192.0.2.1\r\n", b"")
    assert refusal(without) == 488
    assert media("m=audio 6000 RTP/AVP 8", "c=IN IP4 192.0.2.7").address == "192.0.2.7"
    assert media("m=audio 6000 RTP/AVP 8", "c=IN IP4 192.0.2.7", c="IN IP4 nonsense").address == "192.0.2.7"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"\0v=0\r\n",
        b"s=-\r\nv=0\r\n",
        body("m=audio 65536 RTP/AVP 8"),
        body("m=audio -1 RTP/AVP 8"),
        body("m=audio 1_0 RTP/AVP 8"),
        body("m=audio x RTP/AVP 8"),
        body("m=audio 6000"),
        body("m=audio 6000 RTP/AVP"),
        body("m="),
        body("m=audio 6000 RTP/AVP" + " 8" * 65),
        body(*["m=audio 6000 RTP/AVP 8"] * 17),
        body(*["a=x"] * 600),
        body("a=" + "x" * 40_000),
    ],
)
def test_what_is_no_description_is_a_400(data: bytes) -> None:
    assert refusal(data) == 400


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=video 6000 RTP/AVP 96"],
        ["m=audio 0 RTP/AVP 8"],
        ["m=audio 6000 RTP/AVP 18"],
        ["m=audio 6000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"],
        ["m=audio 6000 UDP/TLS/RTP/SAVPF 8"],
        ["m=audio 6000 RTP/SAVP 8", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"],
        ["m=audio 6000 RTP/AVP 8", "c=IN IP6 2001:db8::1"],
    ],
)
def test_what_we_cannot_take_part_in_is_a_488(lines: list[str]) -> None:
    assert refusal(body(*lines)) == 488


@pytest.mark.parametrize(
    "line",
    [
        "b=AS:x",
        "t=x y",
        "v=x",
        "a=rtpmap:999999999999999999999 x/8000",
        "a=rtpmap:x PCMA/8000",
        "a=rtpmap:8 PCMA/x",
        "a=rtpmap:8 PCMA/8000/" + "9" * 5000,
        "a=fmtp:x y",
        "a=fmtp:" + "9" * 5000 + " y",
        "o=x",
        "a=",
        "=",
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 6000 typ host",
        "a=ice-ufrag:x",
        "a=group:BUNDLE 0 1",
        "s=\x1cm=audio x RTP/AVP 8",
        "s=\x85m=audio x RTP/AVP 8",
        "z=\xff\xfe",
    ],
)
def test_lines_that_do_not_matter_do_no_harm(line: str) -> None:
    data = body("m=audio 6000 RTP/AVP 0", line.encode("latin-1").decode("latin-1"), "m=video 1 RTP/AVP 96")
    assert parse_session(data).media is not None


def test_every_stream_is_answered_and_one_is_taken() -> None:
    text, agreed = answered(
        LOCAL,
        "m=video 7000 RTP/AVP 96 97",
        "m=audio 0 RTP/AVP 8",
        "m=audio 6000 RTP/AVP 18",
        "m=audio 6002 RTP/AVP 8",
        "m=audio 6004 RTP/AVP 8",
        "m=image 7002 udptl t38",
        "m=application 9/2 UDP/DTLS/SCTP webrtc-datachannel",
    )
    assert [line for line in text if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96 97",
        "m=audio 0 RTP/AVP 8",
        "m=audio 0 RTP/AVP 18",
        "m=audio 4000 RTP/AVP 8",
        "m=audio 0 RTP/AVP 8",
        "m=image 0 udptl t38",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert agreed.port == 6002


@pytest.mark.parametrize(
    ("lines", "c", "theirs", "ours", "sends", "receives"),
    [
        ([], "IN IP4 192.0.2.1", "sendrecv", "sendrecv", True, True),
        (["a=sendonly"], "IN IP4 192.0.2.1", "sendonly", "recvonly", False, True),
        (["a=recvonly"], "IN IP4 192.0.2.1", "recvonly", "sendonly", True, False),
        (["a=inactive"], "IN IP4 192.0.2.1", "inactive", "inactive", False, False),
        ([], "IN IP4 0.0.0.0", "sendonly", "recvonly", False, False),
        (["a=recvonly"], "IN IP4 0.0.0.0", "inactive", "inactive", False, False),
        ([], "IN IP6 ::", "sendonly", "recvonly", False, False),
    ],
)
def test_holding_is_understood_in_all_its_forms(
    lines: list[str], c: str, theirs: str, ours: str, sends: bool, receives: bool
) -> None:
    stream = ["m=audio 6000 RTP/AVP 8", *lines]
    found = media(*stream, c=c)
    assert found.direction == theirs
    assert found.held == (not sends)
    text, agreed = answered(LOCAL, *stream, c=c)
    assert f"a={ours}" in text
    assert (agreed.sends, agreed.receives) == (sends, receives)
    assert bool(agreed.address) == ("192" in c)


def test_the_direction_of_the_session_holds_unless_the_stream_has_its_own() -> None:
    session = body("m=audio 6000 RTP/AVP 8").replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n")
    found = parse_session(session).media
    assert found is not None
    assert found.direction == "sendonly"
    both = parse_session(session + b"a=sendrecv\r\n").media
    assert both is not None
    assert both.direction == "sendrecv"


def test_our_own_hold_is_offered_and_answered() -> None:
    assert b"a=sendonly" in make_offer(LOCAL.changed(direction="sendonly"))
    text, agreed = answered(replace(LOCAL, direction="sendonly"), "m=audio 6000 RTP/AVP 8")
    assert "a=sendonly" in text
    assert (agreed.sends, agreed.receives) == (True, False)


def test_ipv6_is_spoken() -> None:
    local = LocalMedia("2001:db8::2", 4000, 1)
    text, agreed = make_answer(local, parse_session(body("m=audio 6000 RTP/AVP 8", c="IN IP6 2001:DB8::1")))
    assert agreed.address == "2001:db8::1"
    assert b"c=IN IP6 2001:db8::2\r\n" in text
    assert b"o=- 1 1 IN IP6 2001:db8::2\r\n" in text


def test_an_offer_says_what_we_carry() -> None:
    assert make_offer(replace(LOCAL, rtcp_port=4003)).decode().split("\r\n") == [
        "v=0",
        "o=- 77 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=rtcp:4003",
        "a=sendrecv",
        "",
    ]


def test_an_answer_to_our_offer_is_taken() -> None:
    answer = parse_session(
        body("m=audio 6000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000", "a=ptime:30")
    )
    agreed = take_answer(LOCAL, answer)
    assert (agreed.law, agreed.payload_type, agreed.events, agreed.ptime) == ("PCMU", 0, 96, 30)
    assert (agreed.address, agreed.port, agreed.sends, agreed.receives) == ("192.0.2.1", 6000, True, True)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=audio 0 RTP/AVP 8"],
        ["m=video 6000 RTP/AVP 8"],
        ["m=audio 6000 RTP/AVP 18"],
        ["m=audio 6000 RTP/AVPF 8"],
        ["m=audio 6000 RTP/SAVP 8", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"],
        ["m=audio 6000 RTP/AVP 8", "m=audio 6002 RTP/AVP 8"],
        ["m=audio 6000 RTP/AVP 8", "c=IN IP6 ::1"],
    ],
)
def test_an_answer_that_does_not_fit_is_refused(lines: list[str]) -> None:
    with pytest.raises(SdpError) as refused:
        take_answer(LOCAL, parse_session(body(*lines)))
    assert refused.value.status == 488


def test_a_later_offer_keeps_what_was_settled() -> None:
    offer = ["m=video 7000 RTP/AVP 96", "m=audio 6000 RTP/AVP 98 99", "a=rtpmap:98 PCMU/8000"]
    _, agreed = answered(LOCAL, *offer, "a=rtpmap:99 telephone-event/8000")
    held = LOCAL.changed(agreed=agreed, direction="sendonly")
    lines = make_offer(held).decode().split("\r\n")
    assert held.version == LOCAL.version + 1
    assert lines[1] == "o=- 77 2 IN IP4 127.0.0.1"
    assert [line for line in lines if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96",
        "m=audio 4000 RTP/AVP 98 8 99",
    ]
    other = LocalMedia("192.0.2.1", 6000, 5)
    again = take_answer(held, parse_session(make_answer(other, parse_session(make_offer(held)))[0]))
    assert (again.law, again.payload_type, again.events) == ("PCMU", 98, 99)
    assert held.changed(direction="sendrecv").version == 3


def test_moving_changes_address_and_ports() -> None:
    moved = LOCAL.changed(address="127.0.0.2", port=5000, rtcp_port=5005)
    assert (moved.address, moved.port, moved.rtcp_port) == ("127.0.0.2", 5000, 5005)


def test_no_payload_type_is_offered_twice() -> None:
    _, agreed = answered(
        LOCAL, "m=audio 6000 RTP/AVP 101 8", "a=rtpmap:101 PCMU/8000", "a=rtpmap:8 telephone-event/8000"
    )
    lines = make_offer(LOCAL.changed(agreed=agreed)).decode().split("\r\n")
    assert "m=audio 4000 RTP/AVP 101 8" in lines
    assert "a=rtpmap:8 telephone-event/8000" in lines


@pytest.mark.parametrize(
    "value",
    [
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576",
        f"1  AES_CM_128_HMAC_SHA1_80  inline:{KEY} WSH=64",
        f"999999999 AES_CM_128_HMAC_SHA1_32 inline:{KEY}",
    ],
)
def test_a_key_line_is_read(value: str) -> None:
    crypto = parse_crypto(value)
    assert crypto is not None
    assert len(crypto.key) == 30
    assert KEY not in repr(crypto) + str(crypto)
    assert repr(crypto.key) not in repr(crypto)


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1",
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-1]}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}=",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-1]}!",
        f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 5000,
    ],
)
def test_a_key_line_that_we_cannot_keep_to_is_passed_over(value: str) -> None:
    assert parse_crypto(value) is None


@pytest.mark.parametrize(
    ("policy", "proto", "cryptos", "encrypted"),
    [
        ("off", "RTP/AVP", True, False),
        ("off", "RTP/SAVP", True, None),
        ("offered", "RTP/AVP", False, False),
        ("offered", "RTP/AVP", True, True),
        ("offered", "RTP/SAVP", True, True),
        ("offered", "RTP/SAVPF", True, True),
        ("offered", "RTP/SAVP", False, None),
        ("required", "RTP/AVP", False, None),
        ("required", "RTP/AVP", True, True),
        ("required", "RTP/SAVP", True, True),
    ],
)
def test_the_policy_decides_about_encryption(
    policy: Secure, proto: str, cryptos: bool, encrypted: bool | None
) -> None:
    local = replace(LOCAL, secure=policy, cryptos=KEYS)
    lines = [f"m=audio 6000 {proto} 8"]
    if cryptos:
        lines += [
            f"a=crypto:7 F8_128_HMAC_SHA1_80 inline:{KEY}",
            f"a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:{KEY}",
        ]
    if encrypted is None:
        with pytest.raises(SdpError):
            make_answer(local, parse_session(body(*lines)))
        return
    text, agreed = answered(local, *lines)
    assert text[0] == f"m=audio 4000 {proto} 8"
    if not encrypted:
        assert agreed.local_crypto is None
        assert not any("crypto" in line for line in text)
        return
    assert agreed.local_crypto == Crypto(9, "AES_CM_128_HMAC_SHA1_32", b"b" * 30)
    assert agreed.remote_crypto is not None
    assert (agreed.remote_crypto.tag, len(agreed.remote_crypto.key)) == (9, 30)
    assert sum("crypto" in line for line in text) == 1


def test_an_encrypted_stream_is_preferred_to_a_plain_one() -> None:
    lines = [
        "m=audio 6000 RTP/AVP 8",
        "m=audio 6002 RTP/SAVP 8",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
    ]
    assert answered(replace(LOCAL, secure="offered", cryptos=KEYS), *lines)[1].port == 6002
    assert answered(LOCAL, *lines)[1].port == 6000


@pytest.mark.parametrize(("ours", "theirs", "encrypted"), [
    ("required", "required", True),
    ("required", "offered", True),
    ("offered", "offered", True),
    ("offered", "required", True),
    ("offered", "off", False),
    ("off", "offered", False),
])  # fmt: skip
def test_two_of_us_agree_on_keys(ours: Secure, theirs: Secure, encrypted: bool) -> None:
    caller = replace(LOCAL, secure=ours, cryptos=KEYS)
    callee = LocalMedia(
        "127.0.0.2", 5000, 9, secure=theirs, cryptos=tuple(replace(key, key=b"c" * 30) for key in KEYS)
    )
    text, called = make_answer(callee, parse_session(make_offer(caller)))
    calling = take_answer(caller, parse_session(text))
    assert (calling.local_crypto, calling.remote_crypto) == (called.remote_crypto, called.local_crypto)
    assert (calling.local_crypto is not None) == encrypted
    assert repr(b"a" * 30) not in repr(caller) + repr(calling)


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}",
    ],
)
def test_an_answer_whose_key_is_not_for_our_offer_is_refused(line: str) -> None:
    local = replace(LOCAL, secure="required", cryptos=KEYS)
    with pytest.raises(SdpError):
        take_answer(local, parse_session(body("m=audio 6000 RTP/SAVP 8", line)))


def test_a_refused_stream_is_told_from_a_usable_one() -> None:
    found = media("m=audio 0 RTP/AVP 8", c="IN IP4 nonsense")
    assert (found.port, found.address) == (0, "")
    assert parse_session(body("m=video 1 RTP/AVP 96")).media is None


@pytest.mark.parametrize(
    "line",
    [
        "a=" + "x:" * 15_000,
        "m=audio 1 RTP/AVP" + " 8" * 15_000,
        "a=crypto:" + "1 " * 15_000,
        "o=" + " " * 30_000,
    ],
    ids=range(4),
)
def test_no_description_is_slow_to_read(line: str) -> None:
    with pytest.raises(SdpError):
        make_answer(LOCAL, parse_session(body(line)))
    assert not grows_too_fast(attempt, line)


def attempt(line: str) -> None:
    with suppress(SdpError):
        make_answer(LOCAL, parse_session(body(line)))


def test_a_fax_by_t38_alone_is_refused_so_that_its_sound_goes_on() -> None:
    with pytest.raises(SdpError) as refused:
        answered(LOCAL, "m=image 7002 udptl t38")
    assert refused.value.status == 488
