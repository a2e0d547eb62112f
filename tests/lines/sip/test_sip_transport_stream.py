"""TCP and TLS under the user agent: framing, reuse, deadlines and bounds, and who is believed."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from transport_bed import Bed, StreamPeer, certificate, options, tls_settings

from ivr.errors import LineError
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.sip.guard import GuardSettings
from ivr.sip.network import Flow
from ivr.sip.uri import Uri

OK = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
LOOPBACK = TransportSettings(host="127.0.0.1", port=0)


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async with Bed(LOOPBACK, answer=OK) as bed:
        yield bed


async def _located(bed: Bed, text: str) -> list[Flow]:
    told: list[list[Flow]] = []
    bed.transports.locate(Uri.parse(text), lambda flows: told.append(list(flows)))
    await bed.until(lambda: told)
    return told[0]


async def _shut_out(port: int) -> bool:
    """Whether a new connection is closed without a word."""
    try:
        peer = await StreamPeer.to(port)
    except ConnectionError:
        return True
    said = await peer.read()
    await peer.close()
    return said == b""


# ---- what others open


async def test_messages_are_answered_by_the_connection_they_came_by(bed: Bed) -> None:
    one, two = await StreamPeer.to(bed.port("tcp")), await StreamPeer.to(bed.port("tcp"))
    one.writer.write(options(1) + options(2, body=b"hello"))
    assert await one.read(len(OK) * 2)
    two.writer.write(options(3))
    assert await two.read() == OK
    assert [data for data, _ in bed.got] == [options(1), options(2, body=b"hello"), options(3)]
    assert bed.got[0][1] == bed.got[1][1] != bed.got[2][1]
    assert {flow.transport for _, flow in bed.got} == {"tcp"}
    await one.close()
    await two.close()


async def test_a_message_in_pieces_is_put_together(bed: Bed) -> None:
    peer = await StreamPeer.to(bed.port("tcp"))
    for at in range(0, len(options(1, body=b"abc")), 7):
        peer.writer.write(options(1, body=b"abc")[at : at + 7])
        await peer.writer.drain()
        await asyncio.sleep(0)
    assert await peer.read() == OK
    assert bed.got[0][0] == options(1, body=b"abc")
    await peer.close()


async def test_many_messages_at_once_are_handed_on_a_turn_at_a_time(bed: Bed) -> None:
    peer = await StreamPeer.to(bed.port("tcp"))
    peer.writer.write(b"".join(options(number) for number in range(200)))
    steps = []
    while sum(steps) < 200:
        before = len(bed.got)
        await asyncio.sleep(0)
        steps.append(len(bed.got) - before)
    assert max(steps) <= 32
    assert [data for data, _ in bed.got] == [options(number) for number in range(200)]
    await peer.close()


async def test_a_keep_alive_is_answered(bed: Bed) -> None:
    peer = await StreamPeer.to(bed.port("tcp"))
    peer.writer.write(b"\r\n\r\n")
    assert await peer.read() == b"\r\n"
    assert bed.got == []
    await peer.close()


async def test_a_slow_sender_is_cut_off_and_a_prompt_one_is_not(bed: Bed) -> None:
    slow, prompt = await StreamPeer.to(bed.port("tcp")), await StreamPeer.to(bed.port("tcp"))
    prompt.writer.write(options(1))
    assert await prompt.read() == OK
    for octet in options(2)[:12]:
        slow.writer.write(bytes([octet]))
        await asyncio.sleep(0.005)
        await bed.pass_time(1.0)
    assert await slow.read() == b""
    prompt.writer.write(options(3))
    assert await prompt.read() == OK
    assert bed.transports.counts["stream_timed_out"] == 1
    await slow.close()
    await prompt.close()


async def test_whoever_connects_must_say_something(bed: Bed) -> None:
    peers = [await StreamPeer.to(bed.port("tcp")) for _ in range(5)]
    peers[0].writer.write(b"\r\n\r\n")
    assert await peers[0].read() == b"\r\n"
    await bed.pass_time(11.0)
    assert [await peer.read() for peer in peers] == [b""] * 5
    assert bed.transports.counts["connections"] == 0
    for peer in peers:
        await peer.close()


async def test_a_silent_connection_is_closed_after_its_time_unless_it_is_kept_alive(bed: Bed) -> None:
    silent, alive = await StreamPeer.to(bed.port("tcp")), await StreamPeer.to(bed.port("tcp"))
    for peer in (silent, alive):
        peer.writer.write(options(1))
        assert await peer.read() == OK
    for _ in range(4):
        await bed.pass_time(600.0)
        alive.writer.write(b"\r\n\r\n")
        assert await alive.read() == b"\r\n"
    assert await silent.read() == b""
    await silent.close()
    await alive.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 70000\r\n\r\n",
        b"X" * 20_000,
        options(1, more="User-Agent: friendly-scanner\r\n"),
    ],
)
async def test_a_stream_of_what_is_no_sip_is_closed_without_a_word(bed: Bed, sent: bytes) -> None:
    peer = await StreamPeer.to(bed.port("tcp"))
    peer.writer.write(sent)
    assert await peer.read() == b""
    assert bed.got == []
    await peer.close()


async def test_a_call_too_many_is_told_so_on_its_connection() -> None:
    async with Bed(LOOPBACK, GuardSettings(calls_per_second=1, call_burst=1)) as bed:
        peer = await StreamPeer.to(bed.port("tcp"))
        peer.writer.write(
            options(1).replace(b"OPTIONS", b"INVITE") + options(2).replace(b"OPTIONS", b"INVITE")
        )
        assert (await peer.read()).startswith(b"SIP/2.0 503 ")
        assert len(bed.got) == 1
        await peer.close()


async def test_a_source_that_is_shut_out_cannot_connect_again() -> None:
    async with Bed(LOOPBACK, GuardSettings(networks=("192.0.2.0/24",)), answer=OK) as bed:
        assert await _shut_out(bed.port("tcp"))
        assert bed.transports.counts["stream_refused"] == 1


async def test_one_source_has_so_many_connections_and_no_more() -> None:
    async with Bed(TransportSettings(host="127.0.0.1", port=0, most_per_source=3), answer=OK) as bed:
        peers = [await StreamPeer.to(bed.port("tcp")) for _ in range(3)]
        assert await _shut_out(bed.port("tcp"))
        await peers[0].close()
        await bed.until(lambda: bed.transports.counts["connections"] == 2)
        again = await StreamPeer.to(bed.port("tcp"))
        again.writer.write(options())
        assert await again.read() == OK
        for peer in (*peers[1:], again):
            await peer.close()


async def test_a_peer_who_does_not_read_is_cut_off_before_it_fills_the_memory() -> None:
    async with Bed(TransportSettings(host="127.0.0.1", port=0, most_unsent=100_000)) as bed:
        peer = socket.create_connection(("127.0.0.1", bed.port("tcp")))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.sendall(options())
        await bed.until(lambda: bed.got)
        for _ in range(10_000):
            if bed.failed:
                break
            bed.transports.send(options(body=bytes(5_000)), bed.got[0][1])
            await asyncio.sleep(0)
        assert bed.failed[0] == (bed.got[0][1], "the other side does not read")
        peer.close()


async def test_a_connection_closed_in_order_is_no_failure(bed: Bed) -> None:
    peer = await StreamPeer.to(bed.port("tcp"))
    peer.writer.write(options())
    assert await peer.read() == OK
    await peer.close()
    await bed.until(lambda: bed.transports.counts["connections"] == 0)
    assert bed.failed == []


async def test_ipv6_connections_are_taken_and_opened() -> None:
    async with Bed(TransportSettings(host="::", port=0), answer=OK) as bed:
        reader, writer = await asyncio.open_connection("::1", bed.port("tcp"))
        peer = StreamPeer(reader, writer)
        peer.writer.write(options())
        assert await peer.read() == OK
        assert bed.got[0][1].host == "::1"
        bed.answer = b""
        bed.transports.send(options(2), Flow("tcp", "::1", bed.port("tcp")))
        await bed.until(lambda: len(bed.got) == 2)
        assert bed.got[1][0] == options(2)
        await peer.close()


async def test_when_the_system_has_no_more_handles_newcomers_wait(bed: Bed) -> None:
    peer = socket.socket()
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as next_free:
        handle = next_free.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (handle, hard))
    try:
        await loop.sock_connect(peer, ("127.0.0.1", bed.port("tcp")))
        await bed.until(lambda: bed.transports.counts.get("stream_rests"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await bed.pass_time(1.0)
    await loop.sock_sendall(peer, options())
    await bed.until(lambda: bed.got)
    assert bed.transports.counts["stream_rests"] == 1
    peer.close()


# ---- what we open


class Listener:
    """A peer that takes connections, answers with `OK`, and keeps what it heard."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.heard: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(65_536):
                self.heard.append(data)
                writer.write(OK)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_a_request_opens_a_connection_and_the_next_one_uses_it(bed: Bed) -> None:
    async with Listener() as peer:
        [flow] = await _located(bed, f"sip:127.0.0.1:{peer.port};transport=tcp")
        bed.answer = b""
        for number in range(3):
            bed.transports.send(options(number), flow)
        await bed.until(lambda: bed.got)
        await bed.until(lambda: b"".join(peer.heard) == b"".join(options(number) for number in range(3)))
        assert len(peer.writers) == 1
        assert bed.got[0] == (OK, flow)
        assert (await _located(bed, f"sip:127.0.0.1:{peer.port};transport=tcp")) == [flow]
        bed.transports.send(options(9), Flow("tcp", "127.0.0.1", peer.port))
        await bed.until(lambda: options(9) in b"".join(peer.heard))
        assert len(peer.writers) == 1


async def test_a_lost_connection_is_told_and_the_same_flow_opens_a_new_one(bed: Bed) -> None:
    bed.answer = b""
    async with Listener() as peer:
        [flow] = await _located(bed, f"sip:127.0.0.1:{peer.port};transport=tcp")
        bed.transports.send(options(1), flow)
        await bed.until(lambda: bed.got)
        peer.writers[0].transport.abort()
        await bed.until(lambda: bed.failed)
        assert bed.failed[0][0] == flow
        bed.transports.send(options(2), flow)
        await bed.until(lambda: len(bed.got) == 2)
        assert bed.got[1][1] == flow


async def test_a_closed_port_is_told_by_the_flow_that_was_used(bed: Bed) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for flow in (
        Flow("tcp", "127.0.0.1", port),
        (await _located(bed, f"sip:127.0.0.1:{port};transport=tcp"))[0],
    ):
        bed.failed.clear()
        bed.transports.send(options(), flow)
        await bed.until(lambda: bed.failed)
        assert flow in [failed for failed, _ in bed.failed]
        assert "refused" in bed.failed[0][1]
    assert bed.transports.counts["connections"] == 0


async def test_whoever_does_not_take_a_connection_in_time_is_given_up(bed: Bed) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        full = [socket.socket() for _ in range(4)]
        for other in full:
            other.setblocking(False)
            other.connect_ex(deaf.getsockname())
        flow = Flow("tcp", "127.0.0.1", deaf.getsockname()[1])
        bed.transports.send(options(), flow)
        await bed.pass_time(6.0)
        await bed.until(lambda: bed.failed)
        assert flow in [failed for failed, _ in bed.failed]
        for other in full:
            other.close()


async def test_an_address_that_is_none_is_told_and_opens_nothing(bed: Bed) -> None:
    for host, port in (("127.0.0.1", 70_000), ("pbx.example", 5060), ("224.0.0.1", 5060)):
        bed.failed.clear()
        bed.transports.send(options(), Flow("tcp", host, port))
        await bed.until(lambda: bed.failed)
    assert bed.transports.counts["connections"] == 0


async def test_connections_of_ours_are_kept_alive_and_bounded() -> None:
    async with (
        Bed(TransportSettings(host="127.0.0.1", port=0, most_connections=2)) as bed,
        Listener() as peer,
    ):
        bed.transports.send(options(), Flow("tcp", "127.0.0.1", peer.port))
        await bed.until(lambda: bed.got)
        await bed.pass_time(26.0)
        await bed.until(lambda: b"\r\n\r\n" in peer.heard)
        async with Listener() as two, Listener() as three:
            bed.transports.send(options(), Flow("tcp", "127.0.0.1", two.port))
            bed.transports.send(options(), Flow("tcp", "127.0.0.1", three.port))
            await bed.until(lambda: bed.failed)
            assert bed.failed == [(Flow("tcp", "127.0.0.1", three.port), "too many connections")]


async def test_an_answer_finds_a_new_way_when_its_connection_is_gone(bed: Bed) -> None:
    """RFC 3261, section 18.2.2: a new connection to where the request came from."""
    async with Listener() as peer:
        bed.answer = b""
        bed.transports.send(OK, Flow("tcp", "127.0.0.1", peer.port, 987_654))
        await bed.until(lambda: peer.heard == [OK])


# ---- TLS


@pytest.fixture
def secured(tmp_path: Path) -> TransportSettings:
    return tls_settings(tmp_path)


def _client(path: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if path is not None:
        context.load_verify_locations(path)
    return context


async def test_tls_carries_messages_both_ways(secured: TransportSettings) -> None:
    async with Bed(secured, answer=OK) as bed:
        peer = await StreamPeer.to(bed.port("tls"), _client(secured.tls_certificate), "127.0.0.1")
        peer.writer.write(options(1, body=b"x" * 40_000))
        assert await peer.read() == OK
        assert bed.got[0][1].transport == "tls"
        assert bed.got[0][1].secure
        await peer.close()
        await bed.until(lambda: bed.transports.counts["connections"] == 0)


async def test_old_tls_is_refused(secured: TransportSettings) -> None:
    context = _client(secured.tls_certificate)
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    async with Bed(secured) as bed:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await StreamPeer.to(bed.port("tls"), context, "127.0.0.1")


async def test_a_half_open_handshake_is_cut_off_and_does_not_keep_others_out(
    secured: TransportSettings,
) -> None:
    async with Bed(secured, answer=OK) as bed:
        half = [socket.create_connection(("127.0.0.1", bed.port("tls"))) for _ in range(20)]
        half[0].sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        half[1].sendall(b"GET / HTTP/1.1\r\n\r\n")
        peer = await StreamPeer.to(bed.port("tls"), _client(secured.tls_certificate), "127.0.0.1")
        peer.writer.write(options())
        assert await peer.read() == OK
        await bed.pass_time(6.0)
        await bed.until(lambda: bed.transports.counts["connections"] == 1)
        await peer.close()
        for other in half:
            other.close()


async def test_we_call_by_tls_whom_our_authorities_know(secured: TransportSettings, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path, "127.0.0.1"))
    secured = TransportSettings(host="127.0.0.1", port=0, tls_authorities=tmp_path / "127.0.0.1.pem")
    async with Bed(secured) as bed, Listener(context) as peer:
        for text in (f"sips:127.0.0.1:{peer.port}", f"sip:127.0.0.1:{peer.port};transport=tls"):
            [flow] = await _located(bed, text)
            assert flow.transport == "tls"
            bed.transports.send(options(), flow)
        await bed.until(lambda: b"".join(peer.heard) == options() * 2)
        assert len(peer.writers) == 1


@pytest.mark.parametrize("checked", [True, False])
async def test_a_stranger_with_another_certificate_is_not_called_unless_that_is_switched_off(
    tmp_path: Path, checked: bool
) -> None:
    ours, _ = certificate(tmp_path, "ours.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path, "127.0.0.1"))
    settings = TransportSettings(host="127.0.0.1", port=0, tls_authorities=ours, tls_check=checked)
    async with Bed(settings) as bed, Listener(context) as peer:
        bed.transports.send(options(), Flow("tls", "127.0.0.1", peer.port))
        await bed.until(lambda: bed.failed if checked else bed.got)
        assert not checked or "certificate is not believed" in bed.failed[0][1]
        assert not checked or peer.heard == []


async def test_the_certificate_must_name_whom_we_called_not_where_the_name_led_us(tmp_path: Path) -> None:
    shown, key = certificate(tmp_path, "pbx.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 pbx.example other.example\n")
    settings = TransportSettings(host="127.0.0.1", port=0, tls_authorities=shown)
    async with Bed(settings, more={"hosts": hosts}) as bed, Listener(context) as peer:
        [good] = await _located(bed, f"sips:pbx.example:{peer.port}")
        [bad] = await _located(bed, f"sips:other.example:{peer.port}")
        assert good != bad
        bed.transports.send(options(1), good)
        bed.transports.send(options(2), bad)
        await bed.until(lambda: bed.got and bed.failed)
        assert bed.got == [(OK, good)]
        assert bed.failed[0][0] == bad
        assert peer.heard == [options(1)]


async def test_callers_must_show_a_certificate_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = tls_settings(tmp_path, tls_callers_too=True)
    shown = settings.tls_certificate
    async with Bed(settings, answer=OK) as bed:
        proven = _client(shown)
        proven.load_cert_chain(shown, settings.tls_key)
        peer = await StreamPeer.to(bed.port("tls"), proven, "127.0.0.1")
        peer.writer.write(options())
        assert await peer.read() == OK
        await peer.close()
        stranger = await StreamPeer.to(bed.port("tls"), _client(shown), "127.0.0.1")
        stranger.writer.write(options())
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
            assert await stranger.read() == b"something"
        await stranger.close()
        assert len(bed.got) == 1


@pytest.mark.parametrize("proven", [False, True])
async def test_a_request_goes_by_a_connection_that_another_opened_only_if_he_proved_who_he_is(
    tmp_path: Path, proven: bool
) -> None:
    settings = tls_settings(tmp_path, tls_callers_too=proven)
    context = _client(settings.tls_certificate)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    async with Bed(settings) as bed:
        peer = await StreamPeer.to(bed.port("tls"), context, "127.0.0.1")
        peer.writer.write(options(1))
        await bed.until(lambda: bed.got)
        bed.transports.send(options(2), Flow("tls", "127.0.0.1", bed.got[0][1].port))
        if proven:
            assert await peer.read() == options(2)
        else:
            await bed.until(lambda: bed.failed)
            assert "refused" in bed.failed[0][1]
        await peer.close()


async def test_a_certificate_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    shown, key = certificate(tmp_path, "a.example")
    _, other_key = certificate(tmp_path, "b.example")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnot one\n")
    for pair, says in (
        ((tmp_path / "none.pem", key), "none.pem does not exist"),
        ((shown, tmp_path / "none.key"), "none.key does not exist"),
        ((broken, key), "must be PEM"),
        ((shown, other_key), "belong together"),
    ):
        settings = TransportSettings(
            host="127.0.0.1", port=0, tls=True, tls_certificate=pair[0], tls_key=pair[1]
        )
        with pytest.raises(LineError, match=f"H205.*{says}"):
            await Bed(settings).transports.start()
    with pytest.raises(LineError, match=r"H205.*authorities"):
        await Bed(TransportSettings(host="127.0.0.1", port=0, tls_authorities=broken)).transports.start()
