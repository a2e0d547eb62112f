"""What a site may choose, and what becomes of it: settings of the line, of its parts, and of whom is called."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.app import make_line
from ivr.clock import VirtualClock
from ivr.errors import LineError, SettingError
from ivr.lines.pjsua import PjsuaLine
from ivr.lines.sip import SipLine, SipSettings
from ivr.lines.sip.dialling import route_of, sender_of, target_of
from ivr.lines.sip.parts import agent_settings, guard_settings, public_address, transport_settings
from ivr.lines.sip.switchboard import parties_of
from ivr.settings import Settings, load_settings
from ivr.sip.message import Request, parse

CLOCK = VirtualClock(datetime(2026, 3, 10, tzinfo=ZoneInfo("Asia/Shanghai")))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"peers": ("192.0.2.300/24",)}, "192.0.2.0/24"),
        ({"port": 70_000}, "65535"),
        ({"tls_port": -1}, "65535"),
        ({"laws": ()}, "PCMA"),
        ({"laws": ("G729",)}, "G729"),
        ({"most_calls": 0}, "one call"),
        ({"rtp_port": 70_000}, "70000"),
        ({"rtp_port": 10_000, "rtp_ports": 10}, "too few"),
        ({"rtp_port": 65_000}, "do not exist"),
        ({"transports": ("sctp",)}, "sctp"),
        ({"transports": ()}, "transport"),
        ({"session_least": 30}, "RFC 4028"),
        ({"registrar": "sip:pbx.example"}, "secret"),
        ({"accept_user": "trunk"}, "secret"),
    ],
)
def test_a_setting_that_cannot_be_is_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(LineError, match=told) as error:
        SipSettings(**wrong)  # type: ignore[arg-type]
    assert error.value.code == "H201"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"registrar": "not an address", "secret": "s"}, "H201.*no registrar"),
        ({"proxy": "::::"}, "H201.*no proxy"),
        ({"public_address": "not a name"}, "H201.*public address"),
        ({"tls_port": 5061}, "H201.*name both PEM files"),
        ({"tls_port": 5061, "tls_certificate": "/no.pem", "tls_key": "/no.key"}, "H205.*does not exist"),
        ({"tls_ca": __file__}, "H205.*authorities"),
        ({"host": "pbx.example"}, "H201.*no address to listen on"),
    ],
)
async def test_what_no_line_could_start_with_is_told_without_starting_one(
    wrong: dict[str, object], told: str
) -> None:
    with pytest.raises(LineError, match=told):
        await SipLine(SipSettings(**{"host": "127.0.0.1", **wrong})).check()  # type: ignore[arg-type]


async def test_a_line_that_could_start_is_found_so_and_nothing_of_it_is_open() -> None:
    line = SipLine(
        SipSettings(host="127.0.0.1", registrar="sip:pbx.example", secret="s", proxy="pbx.example")
    )
    with pytest.raises(LineError, match="no proxy"):
        await line.check()
    line = SipLine(SipSettings(host="127.0.0.1", registrar="sip:pbx.example", secret="s"))
    await line.check()
    assert not line.ports


def test_secrets_are_not_printed() -> None:
    shown = repr(SipSettings(secret="hidden one", accept_secret="hidden two"))
    assert "hidden" not in shown


def test_strangers_may_speak_only_where_they_are_asked_for_a_password_or_there_is_no_list() -> None:
    listed = SipSettings(peers=("192.0.2.0/24",))
    asked = SipSettings(peers=("192.0.2.0/24",), accept_user="trunk", accept_secret="between us")
    assert not guard_settings(listed).strangers
    assert guard_settings(asked).strangers
    assert agent_settings(listed, CLOCK).gate is None
    found = agent_settings(asked, CLOCK)
    assert found.gate is not None
    assert found.trusted("192.0.2.7")
    assert not found.trusted("192.0.3.7")
    assert not found.trusted("2001:db8::1")


def test_transports_are_opened_as_chosen() -> None:
    found = transport_settings(
        SipSettings(transports=("tcp",), tls_port=5061, tls_certificate="a", tls_key="b")
    )
    assert (found.udp, found.tcp, found.tls, found.tls_port) == (False, True, True, 5061)
    assert found.tls_certificate == Path("a")
    assert transport_settings(SipSettings()).tls is False


async def test_a_public_name_becomes_a_number_for_media() -> None:
    assert await public_address(SipSettings()) == ""
    assert await public_address(SipSettings(public_address="192.0.2.9")) == "192.0.2.9"
    assert await public_address(SipSettings(public_address="localhost")) in ("127.0.0.1", "::1")
    with pytest.raises(LineError, match=r"H201.*nowhere\.invalid"):
        await public_address(SipSettings(public_address="nowhere.invalid"))


REGISTERED = SipSettings(registrar="sip:pbx.example:5070;transport=tcp", user="4008", secret="between us")


@pytest.mark.parametrize(
    ("to", "settings", "called"),
    [
        ("sip:seat@192.0.2.1:5070", SipSettings(), "sip:seat@192.0.2.1:5070"),
        ("<sip:seat@host;transport=tcp>", SipSettings(), "sip:seat@host;transport=tcp"),
        ("SIPS:seat@host", SipSettings(), "sips:seat@host"),
        ("seat@host", SipSettings(), "sip:seat@host"),
        ("13800138000", REGISTERED, "sip:13800138000@pbx.example:5070;transport=tcp"),
        ("+8610#9", REGISTERED, "sip:+8610%239@pbx.example:5070;transport=tcp"),
        ("前台", REGISTERED, "sip:%E5%89%8D%E5%8F%B0@pbx.example:5070;transport=tcp"),
    ],
)
def test_whom_a_call_goes_to(to: str, settings: SipSettings, called: str) -> None:
    assert str(target_of(to, settings)) == called


@pytest.mark.parametrize(
    "to", ["13800138000", "", "sip:", "tel:1", "mailto:x@host", "sip:a b@host", "<sip:x"]
)
def test_whom_no_call_can_go_to(to: str) -> None:
    with pytest.raises(LineError) as error:
        target_of(to, SipSettings())
    assert error.value.code == "H212"


@pytest.mark.parametrize(
    ("caller", "settings", "shown"),
    [
        ("", SipSettings(), "<sip:hotline@192.0.2.1>"),
        ("95500", SipSettings(), "<sip:95500@192.0.2.1>"),
        ("sip:95500@insurer.example", SipSettings(), "<sip:95500@insurer.example>"),
        ("95500@insurer.example", SipSettings(), "<sip:95500@insurer.example>"),
        ("", REGISTERED, "<sip:4008@pbx.example:5070;transport=tcp>"),
        ("95500", REGISTERED, "<sip:95500@pbx.example:5070;transport=tcp>"),
    ],
)
def test_whom_a_call_comes_from(caller: str, settings: SipSettings, shown: str) -> None:
    assert str(sender_of(caller, settings, "192.0.2.1")) == shown


def test_a_proxy_routes_loosely_and_a_wrong_one_is_named() -> None:
    assert route_of(SipSettings()) == []
    assert [str(hop) for hop in route_of(SipSettings(proxy="sip:proxy.example"))] == ["sip:proxy.example;lr"]
    with pytest.raises(LineError, match="H201"):
        route_of(SipSettings(proxy="proxy.example"))


def test_a_display_name_in_gbk_is_read_from_the_octets_of_the_invite() -> None:
    name = "王芳".encode("gb18030")
    invite = parse(
        b"INVITE sip:4001@host SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
        b'From: "' + name + b'" <sip:13800138000@host>;tag=1\r\nTo: <sip:4001@host>\r\nCall-ID: a\r\n'
        b"CSeq: 1 INVITE\r\nX-Hint: one\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(invite, Request)
    parties = parties_of(invite)
    assert (parties.caller, parties.called, parties.display_name) == ("13800138000", "4001", "王芳")
    assert parties.headers == {"x-hint": "one"}


def settings_of(tmp_path: Path, **more: object) -> Settings:
    return load_settings(data_dir=tmp_path, sip_port=5060, **more)


def test_each_worker_has_ports_of_its_own(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        sip_tls_port=5161,
        sip_tls_certificate="a",
        sip_tls_key="b",
        sip_peers="192.0.2.0/24, ::1/128",
    )
    lines = [make_line(settings, index) for index in (0, 2)]
    chosen = [line.settings for line in lines if isinstance(line, SipLine)]
    assert [(one.port, one.tls_port, one.rtp_port) for one in chosen] == [
        (5060, 5161, 10_000),
        (5062, 5163, 14_000),
    ]
    assert chosen[0].peers == ("192.0.2.0/24", "::1/128")
    assert lines[0].capacity == 500


def test_the_other_line_is_there_by_setting(tmp_path: Path) -> None:
    assert isinstance(make_line(settings_of(tmp_path, line="pjsua"), 0), PjsuaLine)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sip_peers": "nonsense"}, "HOTLINE_SIP_PEERS"),
        ({"sip_transports": "udp,sctp"}, "HOTLINE_SIP_TRANSPORTS"),
        ({"sip_tls_port": 5061}, "HOTLINE_SIP_TLS_CERTIFICATE"),
        ({"max_calls": 1001}, "HOTLINE_RTP_PORTS"),
        ({"workers": 28}, "HOTLINE_WORKERS"),
        ({"sip_accept_user": "trunk"}, "HOTLINE_SIP_ACCEPT_SECRET"),
        ({"symmetric_rtp": "maybe"}, "HOTLINE_SYMMETRIC_RTP"),
    ],
)
def test_a_setting_of_the_hotline_that_cannot_be_is_named(
    tmp_path: Path, wrong: dict[str, object], told: str
) -> None:
    with pytest.raises(SettingError, match=told):
        settings_of(tmp_path, **wrong)
