"""URIs, addresses and Vias: what is read is validated, and what is written is what was read."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from ivr.sip.uri import NameAddr, SipSyntaxError, Uri, Via, header_text, readable
from tests.sip.work import grows_too_fast


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:4000@127.0.0.1:5060",
        "sips:alice@example.com;transport=tcp",
        "sip:alice:secret@example.com;lr;x=1?Subject=hello&Priority=urgent",
        "sip:[2001:db8::9:1]:5070;lr",
        "sip:user;par=u%40example.net@example.com",
        "sip:*21#@example.com",
        "sip:+8613800138000@example.com;user=phone",
        "tel:+86-10-12345;phone-context=example.com",
        "tel:4443322",
        "urn:service:sos",
        "http://www.example.com/a?b=c",
        "sip:a@example.com;vsf=AAA==;did=1.2",
        "sip:proxy_1.internal.;maddr=[::1]",
    ],
)
def test_a_uri_is_written_as_it_was_read(text: str) -> None:
    assert str(Uri.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@example.com",
        "example.com",
        "sip:a@",
        "sip:example.com:0",
        "sip:example.com:65536",
        "sip:example.com:99999",
        "sip:example.com:123456",
        "sip:example.com:",
        "sip:example.com:5x",
        "sip:exa mple.com",
        "sip:example..com",
        "sip:-example.com",
        "sip:" + "a" * 254,
        "sip:1.2.3.4.5",
        "sip:256.1.1.1",
        "sip:1.2.3",
        "sip:01.2.3.4",
        "sip:[::1",
        "sip:::1",
        "sip:[1.2.3.4]",
        "sip:[fe80::1%25eth0]",
        "sip:[::1]x",
        "sip:a@b@c",
        "sip:a%2@example.com",
        "sip:例@example.com",
        "sip:example.com;;lr",
        "sip:example.com;a b",
        "sip:example.com?x",
        "sip:example.com?a=b=c\n",
        "sip:exämple.com",
        "sip:example.com\n",
        "tel:abcxyz",
        "tel:",
        "1x:y",
        "<sip:a@example.com>",
    ],
)
def test_a_bad_uri_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError) as refused:
        Uri.parse(text)
    assert refused.value.status == 400


def test_the_parts_of_a_uri_are_told_apart() -> None:
    uri = Uri.parse(
        "SIP:Alice:pw@EXAMPLE.com:5062;Transport=TCP;lr;method=REGISTER?Replaces=a%40b%3Bto-tag%3D1"
    )
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sip",
        "Alice",
        "pw",
        "example.com",
        5062,
    )
    assert (uri.transport, uri.lr, uri.is_numeric) == ("tcp", True, False)
    assert uri.headers == {"Replaces": "a%40b%3Bto-tag%3D1"}
    assert str(uri.plain()) == "sip:Alice:pw@example.com:5062;transport=TCP;lr"
    assert "pw" not in repr(uri)


def test_ipv6_hosts_lose_their_brackets_and_get_them_back() -> None:
    uri = Uri.parse("sip:[2001:DB8::1]:5060")
    assert (uri.host, uri.port, uri.is_numeric) == ("2001:db8::1", 5060, True)
    assert str(uri) == "sip:[2001:db8::1]:5060"


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("sip:a@example.com;tag=1", "", "sip:a@example.com", {"tag": "1"}),
        ("<sip:a@example.com;x=1>;tag=1", "", "sip:a@example.com;x=1", {"tag": "1"}),
        ('"A \\"B\\" <C>" <sip:a@example.com>', 'A "B" <C>', "sip:a@example.com", {}),
        ("John Q. Public <sip:a@example.com> ; TAG = x", "John Q. Public", "sip:a@example.com", {"tag": "x"}),
        ('"" <sip:a@example.com>', "", "sip:a@example.com", {}),
        ('<sip:a@example.com>;x="a;b,c\\""', "", "sip:a@example.com", {"x": '"a;b,c\\""'}),
        ('<tel:+123>;+sip.instance="<urn:uuid:1>"', "", "tel:+123", {"+sip.instance": '"<urn:uuid:1>"'}),
    ],
)
def test_an_address_is_read(text: str, display: str, uri: str, params: dict[str, str]) -> None:
    address = NameAddr.parse(text)
    assert (address.display, str(address.uri), address.params) == (display, uri, params)
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        '"A <sip:a@example.com>',
        '"A" B <sip:a@example.com>',
        "<sip:a@example.com",
        "sip:a@example.com>",
        "<<sip:a@example.com>>",
        "<sip:a@example.com>;",
        "<sip:a@example.com>;;tag=1",
        "<sip:a@example.com>;tag=1;tag=2",
        "<sip:a@example.com>;tag",
        '<sip:a@example.com>;tag=""',
        "<sip:a@example.com> x",
        "<sip:a@example.com>;x=a b",
        "sip:a@example.com?x=y",
        "sip:a@example.com, sip:b@example.com",
    ],
)
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        NameAddr.parse(text)


def test_a_tag_is_put_on_and_taken_off() -> None:
    address = NameAddr.parse('"A" <sip:a@example.com>;x=1;tag=old')
    assert str(address.with_tag("new")) == '"A" <sip:a@example.com>;x=1;tag=new'
    assert str(address.with_tag("")) == '"A" <sip:a@example.com>;x=1'
    assert address.tag == "old"


def test_a_via_is_read_and_written() -> None:
    via = Via.parse("SIP/2.0/udp [2001:DB8::1]:5070 ;branch=z9hG4bKx;rport;received=[::1]")
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "2001:db8::1", 5070, "z9hG4bKx")
    assert (via.wants_rport, via.rport, via.received) == (True, None, "::1")
    assert str(via) == "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx;rport;received=[::1]"


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0/UDP",
        "SIP/2.0/UDP host:99999",
        "SIP/2.0/UDP host:0;branch=x",
        "SIP/2.0/UDP host;rport=70000",
        "SIP/2.0/UDP host;rport=0",
        "SIP/2.0/UDP host;rport=-1",
        "SIP/2.0/UDP host;rport=x",
        "SIP/2.0/UDP ho st",
        "SIP/2.0/UDP host;;",
        "SIP/2.0/UDP " + "h" * 300,
        "SIP/2.0/UDP [::1;branch=x",
        "HTTP/1.1/TCP host",
        "",
    ],
)
def test_a_bad_via_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        Via.parse(text)


def test_a_received_name_is_not_taken_for_an_address() -> None:
    assert Via.parse("SIP/2.0/UDP host;received=evil.example.com").received == ""


def test_where_a_request_came_from_is_noted_over_what_it_says() -> None:
    via = Via.parse("SIP/2.0/UDP host:5070;branch=x;rport;received=6.6.6.6").seen_from("127.0.0.1", 6060)
    assert str(via) == "SIP/2.0/UDP host:5070;branch=x;rport=6060;received=127.0.0.1"
    assert "rport" not in Via.parse("SIP/2.0/UDP host;branch=x").seen_from("127.0.0.1", 6060).params


def test_header_text_becomes_real_text_and_back() -> None:
    assert readable("张三".encode().decode("latin-1")) == "张三"
    assert readable("张三".encode("gbk").decode("latin-1")) == "张三"
    assert readable("\xff\xfe\xff") == "\ufffd\ufffd\ufffd"
    assert readable(header_text("Zoë 保险")) == "Zoë 保险"
    assert readable("plain") == header_text("plain") == "plain"


@pytest.mark.parametrize(
    "text",
    [
        "sip:" + "a" * 16_000,
        "sip:" + "a%" * 8_000,
        "sip:a" + ";" * 16_000,
        "sip:a" + ";a=" * 5_000,
        '"' + '\\"' * 8_000,
        "<" + " " * 16_000,
        "a " * 8_000 + "<",
        '<sip:a@b>;x="' + '\\"' * 8_000,
        "<sip:a@b>" + " ;" * 8_000,
        "SIP/2.0/UDP a" + " " * 16_000 + "x",
    ],
)
def test_no_text_is_slow_to_read(text: str) -> None:
    for read in (Uri.parse, NameAddr.parse, Via.parse):
        assert not grows_too_fast(partial(attempt, read), text)


def attempt(read: Callable[[str], object], text: str) -> None:
    with suppress(SipSyntaxError):
        read(text)


def test_a_uri_parameter_given_twice_counts_as_it_was_first() -> None:
    assert Uri.parse("sip:a@b;transport=udp;lr;Transport=tcp").params == {"transport": "udp", "lr": None}
