"""Messages are parsed within limits, keep their bytes, and are answered and written as RFC 3261 says."""

import sys

import pytest

from ivr.sip.message import (
    MOST_BYTES,
    MOST_HEAD,
    MOST_LINES,
    Message,
    NameAddr,
    Request,
    Response,
    SipSyntaxError,
    Uri,
    parse,
    readable,
    respond,
)
from tests.sip.work import grows_too_fast

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"


def head(*more: str, method: str = "INVITE", without: str = "") -> bytes:
    """A head with the headers a request needs, `more`, and its empty line."""
    lines = [
        f"{method} sip:4000@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:6060;branch=z9hG4bK-1;rport",
        "Via: SIP/2.0/TCP proxy.example.com, SIP/2.0/UDP first.example.com",
        "Max-Forwards: 70",
        'From: "Caller" <sip:100@127.0.0.1>;tag=from',
        "To: <sip:4000@127.0.0.1>",
        "Call-ID: 1@127.0.0.1",
        f"CSeq: 7 {method}",
        "Contact: <sip:100@127.0.0.1:6060>",
        "Record-Route: <sip:p2;lr>, <sip:p1;lr>",
        *more,
    ]
    return (
        "\r\n".join(line for line in lines if not without or not line.startswith(without)) + "\r\n\r\n"
    ).encode("latin-1")


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def refusal(data: bytes) -> SipSyntaxError:
    with pytest.raises(SipSyntaxError) as refused:
        parse(data)
    return refused.value


def test_a_request_is_read() -> None:
    message = request(
        head("k: 100rel, Timer", "Require: Foo", "Content-Type: application/SDP;x=y", "Expires: 60") + SDP
    )
    assert (message.method, str(message.uri), message.call_id, message.cseq) == (
        "INVITE",
        "sip:4000@127.0.0.1",
        "1@127.0.0.1",
        7,
    )
    assert (message.from_.display, message.from_.tag, message.to.tag) == ("Caller", "from", "")
    assert [via.host for via in message.vias] == ["127.0.0.1", "proxy.example.com", "first.example.com"]
    assert [str(route.uri) for route in message.record_routes] == ["sip:p2;lr", "sip:p1;lr"]
    assert message.routes == []
    assert message.contact is not None
    assert message.contact.uri.port == 6060
    assert (message.supported, message.require, message.expires) == (["100rel", "timer"], ["foo"], 60)
    assert (message.content_type, message.body) == ("application/sdp", SDP)
    assert "max-forwards" in message
    assert "Route" not in message


def test_a_response_is_read() -> None:
    message = parse(head().replace(b"INVITE sip:4000@127.0.0.1 SIP/2.0", b"SIP/2.0 183 Session Progress"))
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.method, message.cseq) == (
        183,
        "Session Progress",
        "INVITE",
        7,
    )


def test_short_forms_are_spelled_out() -> None:
    message = request(
        head("x: 1800;refresher=uac", "r: <sip:a@b>", "b: <sip:c@d>", "o: refer", "u: refer", "y: z")
    )
    names = ("Session-Expires", "Refer-To", "Referred-By", "Event", "Allow-Events", "Identity")
    assert [message.get(name) for name in names] == [
        "1800;refresher=uac",
        "<sip:a@b>",
        "<sip:c@d>",
        "refer",
        "refer",
        "z",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_bytes_of_any_encoding_come_back_unchanged(encoding: str) -> None:
    name = "张三 à 保".encode(encoding)
    data = head("Subject: X\xa0").replace(b'"Caller"', b'"' + name + b'"').replace(b"X\xa0", name + b"\xa0")
    message = request(data)
    assert readable(message.from_.display) == "张三 à 保"
    assert message.from_ == NameAddr.parse(str(message.from_))
    assert b'From: "' + name + b'" <sip:100@127.0.0.1>;tag=from\r\n' in message.to_bytes()
    assert b"Subject: " + name + b"\xa0\r\n" in message.to_bytes()
    assert b'From: "' + name + b'" <sip:' in respond(message, 200).to_bytes()


def test_control_characters_come_back_unchanged_at_any_place() -> None:
    message = request(head("Subject: \x1ca\x1fb\x0b", 'X-List: "\\"', "Allow: \x1e, \x0cA"))
    assert message.get("Subject") == "\x1ca\x1fb\x0b"
    assert message.all("Allow") == ["\x1e", "\x0cA"]
    assert list(request(message.to_bytes()).headers) == list(message.headers)


def test_what_was_read_is_written_with_its_length() -> None:
    data = request(head("Content-Type: application/sdp") + SDP).to_bytes()
    assert data.startswith(b"INVITE sip:4000@127.0.0.1 SIP/2.0\r\nVia: ")
    assert data.endswith(b"\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP)
    assert bytes(request(data)) == data


def test_a_body_longer_than_its_length_is_cut() -> None:
    assert request(head("Content-Length: 3") + SDP).body == SDP[:3]


@pytest.mark.parametrize(
    "value", [f"{len(SDP) + 1}", "-1", "1x", "", "+1", "1_0", "0x1", "9" * 11, "9" * 5000]
)
def test_a_body_of_another_length_is_refused(value: str) -> None:
    refused = refusal(head(f"Content-Length: {value}") + SDP)
    assert refused.status == 400
    assert refused.request is not None


def test_two_lengths_are_refused() -> None:
    assert refusal(head("Content-Length: 0", "l: 0")).status == 400


def test_empty_lines_before_a_message_are_passed_over() -> None:
    assert request(b"\r\n\r\n" + head()).method == "INVITE"


def test_line_ends_without_carriage_return_are_read() -> None:
    assert request(head("Subject: a\r\n b").replace(b"\r\n", b"\n") + SDP).body == SDP


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 100,
        b"INVITE",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        head()[:-2],
        head(without="Via"),
        head().replace(b"Via: SIP/2.0/UDP 127.0.0.1:6060", b"Via: SIP/2.0/UDP 127.0.0.1:99999"),
        head().replace(b";rport", b";rport=70000"),
        head(without="Call-ID"),
        head(without="CSeq"),
        head(without="To"),
        head(without="From"),
    ],
)
def test_what_cannot_be_answered_is_refused_without_its_request(data: bytes) -> None:
    assert refusal(data).request is None


@pytest.mark.parametrize(
    "line",
    [
        "From: <sip:x@y>",
        "Call-ID: 2",
        "CSeq: 8 INVITE",
        "Max-Forwards: 1",
        "Content-Type: text",
        "Expires: -1",
        "Expires: 4294967296",
        "RSeq: 1 2",
        "Min-SE: \xb2",
        "Contact: sip:a@b:99999",
        "Contact: *, *",
        "Route: <sip:p1;lr>, nonsense",
        "Record-Route: <sip:p1:0;lr>",
        "Via: SIP/2.0/UDP host:70000",
        "No colon",
        "Bad name: x",
        ": nameless",
        "Subject: a\0b",
        "Subject: a\rTo: b",
    ],
)
def test_what_a_dialog_relies_on_is_refused_when_it_is_wrong(line: str) -> None:
    refused = refusal(head(line))
    assert refused.status == 400
    assert refused.request is not None
    assert respond(refused.request, 400).to_bytes().count(b"From: ") == 1


@pytest.mark.parametrize(
    "cseq",
    ["7", "INVITE", "7 BYE", "2147483648 INVITE", "99999999999 INVITE", "-1 INVITE", "7 INVITE x", "7INVITE"],
)
def test_a_bad_cseq_is_refused(cseq: str) -> None:
    assert refusal(head().replace(b"CSeq: 7 INVITE", f"CSeq: {cseq}".encode())).request is not None


def test_another_version_is_refused_with_505() -> None:
    refused = refusal(head().replace(b"127.0.0.1 SIP/2.0", b"127.0.0.1 SIP/3.0", 1))
    assert refused.status == 505
    assert refused.request is not None


def test_the_size_of_a_message_is_bounded() -> None:
    assert refusal(head() + b"x" * (MOST_BYTES + 1)).status == 513
    assert refusal(head("Subject: " + "x" * MOST_HEAD)).status == 513
    assert refusal(head(*["Subject: x"] * MOST_LINES)).status == 513
    assert refusal(b"INVITE sip:a SIP/2.0\r\n" + b" x\r\n" * MOST_LINES + b"\r\n").status == 513
    assert request(head(*["Subject: x"] * (MOST_LINES - 20)) + b"x" * 40_000).method == "INVITE"


def test_lists_are_told_apart_at_commas_outside_quotes_and_brackets() -> None:
    message = request(
        head(
            'P-Asserted-Identity: "A, B\\", <C>" <sip:a,b@x>, <tel:+1>',
            'Contact: "D \\", E" <sip:d@x>;q=1, <sip:e,f@x>',
            "Allow: INVITE,, ACK ,",
            "Supported:",
            'Subject: "a, b',
        )
    )
    assert message.all("P-Asserted-Identity") == ['"A, B\\", <C>" <sip:a,b@x>', "<tel:+1>"]
    assert [contact.display for contact in message.contacts] == ["", 'D ", E', ""]
    assert message.all("Allow") == ["INVITE", "ACK"]
    assert message.supported == []
    assert message.all("Subject") == ['"a, b']


def test_contact_star_is_no_contact() -> None:
    message = request(head("Contact: *", without="Contact"))
    assert (message.contact, message.contacts) == (None, [])


def test_a_response_carries_what_it_must() -> None:
    message = request(head("Supported: timer", "Subject: not copied"))
    answer = respond(
        message, 180, to_tag="ours", headers=[("Contact", "<sip:us>")], body=SDP, content_type="a/b"
    )
    lines = answer.to_bytes().decode().split("\r\n")
    assert lines[:-7] == [
        "SIP/2.0 180 Ringing",
        "Via: SIP/2.0/UDP 127.0.0.1:6060;branch=z9hG4bK-1;rport",
        "Via: SIP/2.0/TCP proxy.example.com",
        "Via: SIP/2.0/UDP first.example.com",
        'From: "Caller" <sip:100@127.0.0.1>;tag=from',
        "To: <sip:4000@127.0.0.1>;tag=ours",
        "Call-ID: 1@127.0.0.1",
        "CSeq: 7 INVITE",
        "Record-Route: <sip:p2;lr>",
        "Record-Route: <sip:p1;lr>",
        "Contact: <sip:us>",
        "Content-Type: a/b",
        f"Content-Length: {len(SDP)}",
        "",
    ]


@pytest.mark.parametrize(("status", "tagged", "routed"), [(100, 0, 0), (101, 1, 2), (299, 1, 2), (300, 1, 0)])
def test_tag_and_record_route_depend_on_the_status(status: int, tagged: int, routed: int) -> None:
    answer = respond(request(head()), status, to_tag="ours")
    assert (answer.get("To") or "").count(";tag=ours") == tagged
    assert len(answer.all("Record-Route")) == routed


def test_a_tag_that_is_there_stays() -> None:
    message = request(
        head().replace(b"To: <sip:4000@127.0.0.1>", b'To: ";tag=x" <sip:4000@127.0.0.1;tag=y> ; tag = z')
    )
    assert respond(message, 200, to_tag="ours").to.tag == "z"
    message = request(head().replace(b"To: <sip:4000@127.0.0.1>", b'To: ";tag=x" <sip:4000@127.0.0.1;tag=y>'))
    assert respond(message, 200, to_tag="ours").to.tag == "ours"


def test_headers_are_changed_in_place() -> None:
    message = request(head())
    message.replace_first("via", "SIP/2.0/UDP here")
    assert [via.host for via in message.vias] == ["here", "proxy.example.com", "first.example.com"]
    message.insert_first("Via", "SIP/2.0/UDP top")
    assert message.via.host == "top"
    message.set("Via", "SIP/2.0/UDP only")
    assert [via.host for via in message.vias] == ["only"]
    message.remove("VIA")
    assert message.all("Via") == []
    message.add("Route", "<sip:p9;lr>")
    assert message.routes[0].uri.host == "p9"
    message.set("X-New", "1")
    assert message.get("x-new") == "1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Subject", "a\r\nTo: b"), ("Subject", "a\0"), ("Subject", "保险"), ("Content-Length", "5")],
)
def test_a_header_that_would_break_the_head_is_not_taken(name: str, value: str) -> None:
    message = request(head())
    for change in (message.set, message.add, message.insert_first, message.replace_first):
        with pytest.raises(ValueError):
            change(name, value)


def test_a_request_is_built() -> None:
    message = Request.build(
        "OPTIONS",
        Uri.parse("sip:a@b"),
        from_=NameAddr("", Uri("sip", "u", "h")).with_tag("t"),
        to="<sip:a@b>",
        call_id="id",
        cseq=1,
        headers=[("Accept", "application/sdp")],
        body=b"x",
        content_type="text/plain",
    )
    message.insert_first("Via", "SIP/2.0/UDP h;branch=z9hG4bKx")
    assert message.to_bytes() == (
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:u@h>;tag=t\r\n"
        b"To: <sip:a@b>\r\nCall-ID: id\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 1\r\n\r\nx"
    )
    assert parse(message.to_bytes()).via.branch == "z9hG4bKx"


def test_a_message_that_lacks_something_says_so_when_it_is_read() -> None:
    message = Message([], [], b"")
    for name in ("call_id", "cseq", "method", "from_", "to", "via"):
        with pytest.raises(SipSyntaxError):
            getattr(message, name)
    assert (message.contact, message.content_type, message.expires) == (None, "", None)


def test_secrets_of_a_message_are_not_in_its_repr() -> None:
    assert repr(request(head("Authorization: Digest response=secret"))) == "<Request INVITE>"
    assert repr(respond(request(head()), 200)) == "<Response 200>"


@pytest.mark.parametrize(
    "line",
    [
        "Contact: " + '"\\' * 7_000,
        "Contact: " + "<" * 14_000,
        "Contact: " + "a," * 7_000,
        "Allow: " + "\\," * 7_000,
        "Subject: " + " " * 14_000 + "x",
        "Subject: a\r\n b" + " " * 14_000 + "x",
        "To: " + '"\\"' * 4_500,
        "Via: " + "SIP/2.0/UDP a;" * 1_000,
        "A" * 14_000,
        "Content-Type: " + "a" * 14_000,
        "Route: " + ",".join(["<sip:a;lr>"] * 1_200),
    ],
)
def test_no_head_is_slow_to_read(line: str) -> None:
    assert not grows_too_fast(read_and_answer, head(line))


def read_and_answer(data: bytes) -> None:
    try:
        parse(data)
    except SipSyntaxError as error:
        if error.request is not None:
            respond(error.request, 400, to_tag="x").to_bytes()


def test_a_message_that_is_kept_is_small_once_it_forgets() -> None:
    def weight(thing: object) -> int:
        parts = thing if isinstance(thing, (list, tuple)) else []
        return sys.getsizeof(thing) + sum(map(weight, parts))

    message = request(head("Content-Type: application/sdp") + SDP)
    message.forget()
    kept = [message.body, [value for _, value in message.headers]]
    assert weight(message) + weight(kept) < 3_000
    assert message.from_.tag == "from"
