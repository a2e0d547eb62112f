"""UDP under the user agent: no packet can close the socket, starve the loop, or send us astray."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from transport_bed import Bed, UdpPeer, options

from ivr.clock import SystemClock, VirtualClock
from ivr.errors import LineError
from ivr.lines.sip.addresses import family, usable
from ivr.lines.sip.audit import MOST, SECONDS, BanLog
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.lines.sip.transports import SipTransports
from ivr.sip.guard import GuardSettings
from ivr.sip.guard_sources import Ban
from ivr.sip.network import Flow
from ivr.sip.uri import Uri


def _handles() -> int:
    """How many files and sockets this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


LOOPBACK = TransportSettings(host="127.0.0.1", port=0)


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async with Bed(LOOPBACK, answer=b"SIP/2.0 200 OK\r\n\r\n") as bed:
        yield bed


@pytest.fixture
async def peer() -> AsyncIterator[UdpPeer]:
    peer = UdpPeer()
    yield peer
    peer.close()


async def test_a_packet_is_handed_on_with_where_it_came_from_and_the_answer_goes_back_there(
    bed: Bed, peer: UdpPeer
) -> None:
    assert await peer.ask(options(), bed.port()) == b"SIP/2.0 200 OK\r\n\r\n"
    assert bed.got == [(options(), Flow("udp", "127.0.0.1", peer.port))]
    assert bed.transports.counts["udp_in"] == bed.transports.counts["udp_out"] == 1


@pytest.fixture
def log_output() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as lines:
        yield lines


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("127.0.0.1", 0),
        ("127.0.0.1", 70_000),
        ("127.0.0.1", -1),
        ("224.0.0.1", 5060),
        ("255.255.255.255", 5060),
        ("0.0.0.0", 5060),
        ("", 5060),
        ("pbx.example", 5060),
        ("::1", 5060),
        ("::ffff:127.0.0.1", 5060),
        ("fe80::1%lo", 5060),
        ("1.2.3.4\x00", 5060),
        ("999.1.1.1", 5060),
    ],
)
async def test_no_address_can_close_the_socket(bed: Bed, peer: UdpPeer, host: str, port: int) -> None:
    flow = Flow("udp", host, port)
    bed.transports.send(b"SIP/2.0 200 OK\r\n\r\n", flow)
    assert bed.failed == []
    await bed.until(lambda: bed.failed)
    assert bed.failed[0][0] == flow
    assert await peer.ask(options(), bed.port())


async def test_a_message_too_long_for_a_datagram_is_a_failure_of_that_message_alone(
    bed: Bed, peer: UdpPeer
) -> None:
    bed.transports.send(bytes(70_000), Flow("udp", "127.0.0.1", peer.port))
    await bed.until(lambda: bed.failed)
    assert "long" in bed.failed[0][1].lower()
    assert await peer.ask(options(), bed.port())


async def test_a_peer_that_has_gone_does_not_stop_the_others(bed: Bed, peer: UdpPeer) -> None:
    gone = UdpPeer()
    gone.close()
    for _ in range(20):
        bed.transports.send(options(), Flow("udp", "127.0.0.1", gone.port))
    assert await peer.ask(options(), bed.port())


async def test_what_the_guard_drops_is_not_handed_on(bed: Bed, peer: UdpPeer) -> None:
    peer.socket.sendto(b"garbage, and nothing but garbage", ("127.0.0.1", bed.port()))
    assert await peer.ask(options(), bed.port())
    assert len(bed.got) == 1
    assert bed.guard.counts["not_sip"] == 1


async def test_a_call_too_many_is_told_to_come_back_without_being_handed_on(peer: UdpPeer) -> None:
    settings = GuardSettings(calls_per_second=1, call_burst=1)
    async with Bed(LOOPBACK, settings, {"retry_after": 7}) as bed:
        peer.socket.sendto(options(1).replace(b"OPTIONS", b"INVITE"), ("127.0.0.1", bed.port()))
        answer = await peer.ask(options(2).replace(b"OPTIONS", b"INVITE"), bed.port())
        assert answer.startswith(b"SIP/2.0 503 ")
        assert b"\r\nRetry-After: 7\r\n" in answer
        assert f"rport={peer.port};received=127.0.0.1".encode() in answer
        assert len(bed.got) == 1
        assert bed.transports.counts["busy_answers"] == 1


async def test_a_user_who_raises_does_not_stop_the_socket(
    peer: UdpPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    bed = Bed(LOOPBACK, answer=b"SIP/2.0 200 OK\r\n\r\n")
    received = bed._received
    asked = iter((True, False))

    def stumbles(data: bytes, flow: Flow) -> None:
        if next(asked):
            raise RuntimeError("stumbled")
        received(data, flow)

    bed.transports = SipTransports(
        LOOPBACK, received=stumbles, failed=lambda *_: None, guard=bed.guard, clock=bed.clock
    )
    async with bed:
        peer.socket.sendto(options(), ("127.0.0.1", bed.port()))
        assert await peer.ask(options(), bed.port())
        assert bed.transports.counts["undelivered"] == 1
    shown = capsys.readouterr()
    assert "call-1" not in shown.out + shown.err


async def test_a_flood_leaves_the_loop_its_turns(bed: Bed) -> None:
    """However many packets wait, a turn of the loop takes 32 of them at most."""
    flooder = UdpPeer()
    for _ in range(500):
        flooder.socket.sendto(options(), ("127.0.0.1", bed.port()))
    steps = []
    while sum(steps) < 500:
        before = len(bed.got)
        await asyncio.sleep(0)
        steps.append(len(bed.got) - before)
    flooder.close()
    assert max(steps) <= 32
    assert len([step for step in steps if step]) >= 500 // 32


async def test_ten_thousand_packets_of_garbage_leave_a_telephone_its_answer(peer: UdpPeer) -> None:
    settings = GuardSettings(source_packets=1e6, source_packet_burst=1e6)
    async with Bed(LOOPBACK, settings, answer=b"SIP/2.0 200 OK\r\n\r\n") as bed:
        noise = [os.urandom(n % 400 + 1) for n in range(1_000)]
        flooders = [UdpPeer() for _ in range(20)]
        for part in range(10):
            for number, data in enumerate(noise):
                flooders[number % 20].socket.sendto(data, ("127.0.0.1", bed.port()))
            assert await peer.ask(options(part + 1), bed.port())
        for flooder in flooders:
            flooder.close()
        assert len(bed.got) == 10
        assert bed.guard.counts["bans"] == 20


async def test_a_source_that_is_shut_out_gets_one_line_in_the_log(
    peer: UdpPeer, log_output: list[MutableMapping[str, Any]]
) -> None:
    async with Bed(LOOPBACK, on_ban=BanLog(SystemClock())) as bed:
        for _ in range(3):
            peer.socket.sendto(options(more="User-Agent: friendly-scanner\r\n"), ("127.0.0.1", bed.port()))
        await bed.until(lambda: bed.guard.counts.get("banned") == 2)
    assert log_output == [
        {
            "event": "sip source shut out",
            "address": f"127.0.0.1:{peer.port}",
            "why": "scanner",
            "seconds": 600.0,
            "log_level": "warning",
        }
    ]


async def test_forged_addresses_shut_out_by_the_thousand_do_not_fill_the_log(
    log_output: list[MutableMapping[str, Any]],
) -> None:
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    log = BanLog(clock)
    for number in range(20_000):
        log(Ban(f"203.0.{number // 250}.{number % 250}", "scanner", 600.0))
    assert len(log_output) == MOST + 1
    assert "hotline_sip_shut_out_total" in log_output[-1]["event"]
    clock.call_at(clock.time() + SECONDS, lambda: None)
    clock.advance_to_next()
    log(Ban("198.51.100.1", "scanner", 600.0))
    assert log_output[-2] == {
        "event": "more sip sources shut out",
        "sources": 20_000 - MOST,
        "log_level": "warning",
    }
    assert log_output[-1]["address"] == "198.51.100.1"


async def test_the_port_is_the_one_that_was_asked_for_and_udp_and_tcp_share_it() -> None:
    async with Bed(LOOPBACK) as bed:
        assert bed.port("udp") == bed.port("tcp")
        with pytest.raises(LineError, match=r"H202.*in use.*choose another port"):
            await Bed(TransportSettings(host="127.0.0.1", port=bed.port())).transports.start()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"host": "pbx.example"}, "no address to listen on"),
        ({"host": "224.0.0.1"}, "no address to listen on"),
        ({"port": 70_000}, "not between 0 and 65535"),
        ({"udp": False, "tcp": False}, "needs a transport"),
        ({"tls": True}, "name both PEM files"),
        ({"public_address": "not a name"}, "neither an address nor a host name"),
        ({"idle_seconds": 0}, "idle_seconds must be more than 0"),
        ({"tls_callers_too": True}, "authorities"),
    ],
)
def test_a_setting_that_cannot_be_says_what_to_do(settings: dict[str, object], says: str) -> None:
    with pytest.raises(LineError, match=f"H201.*{says}"):
        TransportSettings(**settings)  # type: ignore[arg-type]


async def test_an_address_of_another_machine_says_what_to_do() -> None:
    with pytest.raises(LineError, match=r"H201.*no such address"):
        await Bed(TransportSettings(host="192.0.2.251", port=0)).transports.start()


async def test_ipv6_has_its_socket_beside_ipv4() -> None:
    async with Bed(TransportSettings(host="::", port=0), answer=b"SIP/2.0 200 OK\r\n\r\n") as bed:
        for host in ("::1", "127.0.0.1"):
            peer = UdpPeer(host)
            assert await peer.ask(options(), bed.port())
            peer.close()
        assert [flow.host for _, flow in bed.got] == ["::1", "127.0.0.1"]
        assert bed.transports.sent_by(Flow("udp", "::1", 5999)) == ("::1", bed.port())
        assert bed.transports.sent_by(Flow("udp", "127.0.0.1", 5999)) == ("127.0.0.1", bed.port())


async def test_the_address_we_are_known_by_is_never_every_address() -> None:
    async with Bed(TransportSettings(host="0.0.0.0", port=0)) as bed:
        assert bed.transports.sent_by(Flow("udp", "127.0.0.1", 5060)) == ("127.0.0.1", bed.port())
        for number in range(2_000):
            host, _ = bed.transports.sent_by(Flow("udp", f"127.1.{number >> 8}.{number & 255 or 1}", 5060))
            assert family(host) is socket.AF_INET
        assert bed.transports.sent_by(Flow("udp", "2001:db8::1", 5060))[0] != "::"


async def test_behind_address_translation_the_public_address_is_told() -> None:
    async with Bed(TransportSettings(host="0.0.0.0", port=0, public_address="203.0.113.5")) as bed:
        assert bed.transports.sent_by(Flow("udp", "198.51.100.1", 5060)) == ("203.0.113.5", bed.port())
        assert bed.transports.sent_by(Flow("udp", "::1", 5060))[0] == "::1"
    async with Bed(TransportSettings(host="0.0.0.0", port=0, public_address="sip.example")) as bed:
        assert bed.transports.sent_by(Flow("udp", "::1", 5060)) == ("sip.example", bed.port())


async def test_the_way_to_a_registrar_is_kept_open_where_the_settings_say_so(peer: UdpPeer) -> None:
    flow = Flow("udp", "127.0.0.1", peer.port)
    async with Bed(TransportSettings(host="127.0.0.1", port=0, udp_keep_alive=True)) as bed:
        bed.transports.keep_alive(flow)
        await bed.pass_time(25.1)
        assert await peer.heard() == b"\r\n\r\n"
        await bed.pass_time(25.0)
        assert await peer.heard() == b"\r\n\r\n"
        bed.transports.let_go(flow)
        await bed.pass_time(100.0)
        bed.transports.send(b"SIP/2.0 200 OK\r\n\r\n", flow)
        assert await peer.heard() == b"SIP/2.0 200 OK\r\n\r\n"
    async with Bed(LOOPBACK) as bed:
        bed.transports.keep_alive(flow)
        await bed.pass_time(100.0)
        bed.transports.send(b"SIP/2.0 200 OK\r\n\r\n", flow)
        assert await peer.heard() == b"SIP/2.0 200 OK\r\n\r\n"


async def test_after_the_stop_nothing_is_open_and_nothing_happens_any_more() -> None:
    bed = Bed(LOOPBACK)
    before = _handles()
    async with bed:
        assert _handles() > before
    assert _handles() == before
    assert bed.clock.next_timer() is None
    bed.transports.send(options(), Flow("udp", "127.0.0.1", 5060))
    told: list[object] = []
    bed.transports.locate(Uri(host="127.0.0.1"), told.append)
    assert told == [()]
    await bed.transports.stop()
    assert bed.failed == []


async def test_transports_that_are_not_wanted_are_not_opened() -> None:
    async with Bed(TransportSettings(host="127.0.0.1", port=0, tcp=False)) as bed:
        assert set(bed.transports.ports) == {"udp"}
    async with Bed(TransportSettings(host="127.0.0.1", port=0, udp=False)) as bed:
        assert set(bed.transports.ports) == {"tcp"}
        bed.transports.send(options(), Flow("udp", "127.0.0.1", 5060))
        await bed.until(lambda: bed.failed)


def test_only_addresses_that_one_can_send_to_are_usable() -> None:
    assert usable("192.0.2.1", 5060)
    assert usable("2001:db8::1", 65_535)
    for host in ("224.1.1.1", "ff02::1", "::", "0.1.2.3", "name", "fe80::1", "1.2.3"):
        assert not usable(host, 5060)
    for port in (0, -1, 65_536):
        assert not usable("192.0.2.1", port)
