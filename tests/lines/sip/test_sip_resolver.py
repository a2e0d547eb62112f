"""Where a request goes (RFC 3263): what is asked of the name server, in which order, and how long it may take."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from name_server import FakeNameServer
from transport_bed import Bed

from ivr.clock import VirtualClock
from ivr.lines.sip.resolver import Resolver
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.sip.network import Flow
from ivr.sip.uri import Uri

ZONE = {
    ("full.example", "NAPTR"): (
        60,
        [
            '20 50 "s" "SIP+D2T" "" _sip._tcp.full.example.',
            '10 50 "s" "SIPS+D2T" "" _sips._tcp.full.example.',
            '30 50 "s" "SIP+D2U" "" _sip._udp.full.example.',
            '5 50 "u" "E2U+sip" "!.*!sip:x@y!" .',
            '6 50 "s" "SIP+D2X" "" _sip._sctp.full.example.',
        ],
    ),
    ("_sips._tcp.full.example", "SRV"): (60, ["0 0 5061 one.example."]),
    ("_sip._tcp.full.example", "SRV"): (60, ["0 0 5070 two.example."]),
    ("_sip._udp.full.example", "SRV"): (60, ["0 0 5080 one.example."]),
    ("_sip._udp.plain.example", "SRV"): (60, ["20 0 5062 two.example.", "10 0 5061 one.example."]),
    ("_sip._tcp.plain.example", "SRV"): (60, ["0 0 5090 one.example."]),
    ("_sip._udp.none.example", "SRV"): (60, ["0 0 0 ."]),
    ("_sip._udp.heavy.example", "SRV"): (60, ["0 10 1 one.example.", "0 30 2 one.example.", "0 0 3 one.example."]),
    ("_sip._udp.many.example", "SRV"): (60, [f"{n} 0 {5000 + n} big.example." for n in range(30)]),
    ("_sip._udp.bad.example", "SRV"): (60, ["0 0 0 one.example.", "1 0 5060 wrong.example.", "2 0 5060 one.example."]),
    ("one.example", "A"): (60, ["192.0.2.1"]),
    ("two.example", "A"): (60, ["192.0.2.2"]),
    ("two.example", "AAAA"): (60, ["2001:db8::2"]),
    ("big.example", "A"): (60, [f"192.0.2.{n}" for n in range(1, 100)]),
    ("wrong.example", "A"): (60, ["224.0.0.1", "0.0.0.0", "255.255.255.255"]),
    ("short.example", "A"): (0, ["192.0.2.9"]),
    ("long.example", "A"): (1_000_000, ["192.0.2.9"]),
}  # fmt: skip


class Look:
    """A resolver over the fake name server."""

    def __init__(self, server: FakeNameServer, hosts: Path, **more: Any) -> None:
        self.server = server
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.hosts = hosts
        settings: dict[str, Any] = {
            "carried": ("udp", "tcp", "tls"),
            "families": (socket.AF_INET, socket.AF_INET6),
            "random": Random(7),
        }
        self.resolver = Resolver(clock=self.clock, hosts=hosts, servers=[server.address], **(settings | more))

    async def up(self, text: str) -> list[str]:
        return [
            f"{place.transport} {place.host} {place.port}"
            for place in await self.resolver.look_up(Uri.parse(text))
        ]

    def wait(self, seconds: float) -> None:
        self.clock.call_at(self.clock.time() + seconds, lambda: None)
        self.clock.advance_to_next()


@pytest.fixture
async def server() -> AsyncIterator[FakeNameServer]:
    async with FakeNameServer(dict(ZONE)) as server:
        yield server


@pytest.fixture
def look(server: FakeNameServer, tmp_path: Path) -> Look:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n192.0.2.40 pbx PBX.office. # ours\nnonsense line\n2001:db8::40 pbx\n"
    )
    return Look(server, hosts)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("sip:192.0.2.5", ["udp 192.0.2.5 5060"]),
        ("sip:192.0.2.5:5070;transport=tcp", ["tcp 192.0.2.5 5070"]),
        ("sips:[2001:db8::5]", ["tls 2001:db8::5 5061"]),
        ("sip:192.0.2.5;transport=TLS", ["tls 192.0.2.5 5061"]),
        ("sips:192.0.2.5;transport=tcp", ["tls 192.0.2.5 5061"]),
        ("sips:192.0.2.5;transport=udp", []),
        ("sip:192.0.2.5;transport=sctp", []),
        ("sip:224.0.0.1", []),
        ("sip:0.0.0.0", []),
        ("tel:+8613800000000", []),
        ("http://192.0.2.5", []),
    ],
)
async def test_a_number_needs_no_name_server(look: Look, text: str, places: list[str]) -> None:
    assert look.resolver.known(Uri.parse(text)) is not None
    assert await look.up(text) == places
    assert look.server.asked == []


async def test_naptr_says_which_transport_and_srv_which_server(look: Look) -> None:
    assert await look.up("sip:full.example") == [
        "tls 192.0.2.1 5061",
        "tcp 192.0.2.2 5070",
        "tcp 2001:db8::2 5070",
        "udp 192.0.2.1 5080",
    ]
    assert await look.up("sips:full.example") == ["tls 192.0.2.1 5061"]


async def test_without_naptr_each_transports_srv_is_asked(look: Look) -> None:
    assert await look.up("sip:plain.example") == [
        "udp 192.0.2.1 5061",
        "udp 192.0.2.2 5062",
        "udp 2001:db8::2 5062",
        "tcp 192.0.2.1 5090",
    ]
    assert ("plain.example", "NAPTR") in look.server.asked


async def test_a_named_transport_asks_for_its_own_servers_alone(look: Look) -> None:
    assert await look.up("sip:plain.example;transport=tcp") == ["tcp 192.0.2.1 5090"]
    assert ("plain.example", "NAPTR") not in look.server.asked
    assert ("_sip._udp.plain.example", "SRV") not in look.server.asked


async def test_a_port_asks_for_addresses_alone(look: Look) -> None:
    assert await look.up("sip:two.example:5999") == ["udp 192.0.2.2 5999", "udp 2001:db8::2 5999"]
    assert Counter(kind for _, kind in look.server.asked) == {"A": 1, "AAAA": 1}


async def test_a_name_without_servers_is_an_address(look: Look) -> None:
    assert await look.up("sip:one.example") == ["udp 192.0.2.1 5060"]
    assert await look.up("sips:one.example") == ["tls 192.0.2.1 5061"]


async def test_a_service_that_is_said_not_to_be_offered_is_nowhere(look: Look) -> None:
    assert await look.up("sip:none.example;transport=udp") == []


async def test_a_name_that_does_not_exist_is_nowhere_and_is_not_asked_again_at_once(look: Look) -> None:
    assert await look.up("sip:nobody.example") == []
    asked = len(look.server.asked)
    assert await look.up("sip:nobody.example") == []
    assert len(look.server.asked) == asked
    look.wait(11)
    await look.up("sip:nobody.example")
    assert len(look.server.asked) > asked


async def test_only_what_we_carry_is_asked_and_used(server: FakeNameServer, tmp_path: Path) -> None:
    look = Look(server, tmp_path / "none", carried=("udp",), families=(socket.AF_INET,))
    assert await look.up("sip:full.example") == ["udp 192.0.2.1 5080"]
    assert await look.up("sips:full.example") == []
    assert await look.up("sip:two.example:5060") == ["udp 192.0.2.2 5060"]
    assert "AAAA" not in {kind for _, kind in server.asked}


async def test_servers_of_one_priority_are_drawn_by_weight(look: Look) -> None:
    first: Counter[str] = Counter()
    for _ in range(2_000):
        places = await look.up("sip:heavy.example;transport=udp")
        assert sorted(places) == ["udp 192.0.2.1 1", "udp 192.0.2.1 2", "udp 192.0.2.1 3"]
        first[places[0]] += 1
    assert first["udp 192.0.2.1 2"] / first["udp 192.0.2.1 1"] == pytest.approx(3, rel=0.25)
    assert 0 < first["udp 192.0.2.1 3"] < 150


async def test_an_answer_without_measure_is_cut_to_one(look: Look) -> None:
    assert len(await look.up("sip:many.example;transport=udp")) == 16
    assert len(await look.up("sip:big.example:5060")) == 8


async def test_addresses_and_ports_that_nobody_can_have_are_left_out(look: Look) -> None:
    assert await look.up("sip:bad.example;transport=udp") == ["udp 192.0.2.1 5060"]


async def test_an_answer_is_kept_as_long_as_it_says_within_bounds(look: Look) -> None:
    for name, life in (("one.example", 60), ("short.example", 5), ("long.example", 3_600)):
        text = f"sip:{name}:5060"
        await look.up(text)
        asked = len(look.server.asked)
        look.wait(life - 1)
        await look.up(text)
        assert "A" not in {kind for _, kind in look.server.asked[asked:]}, name
        look.wait(2)
        await look.up(text)
        assert (name, "A") in look.server.asked[asked:]


async def test_the_machines_own_table_needs_no_name_server_and_is_read_again_when_it_changes(
    look: Look,
) -> None:
    assert await look.up("sip:localhost") == ["udp 127.0.0.1 5060"]
    assert await look.up("sip:pbx:5070;transport=tcp") == ["tcp 192.0.2.40 5070", "tcp 2001:db8::40 5070"]
    assert await look.up("sip:PBX.Office") == ["udp 192.0.2.40 5060"]
    look.hosts.write_text("192.0.2.41 pbx\n")
    assert await look.up("sip:pbx") == ["udp 192.0.2.41 5060"]
    look.hosts.unlink()
    assert await look.up("sip:localhost") == ["udp 127.0.0.1 5060", "udp ::1 5060"]
    assert look.server.asked == []


async def test_a_name_server_that_keeps_silent_costs_its_time_and_no_more(
    server: FakeNameServer, tmp_path: Path
) -> None:
    server.deaf = {"NAPTR", "SRV", "A", "AAAA"}
    look = Look(server, tmp_path / "none", seconds=0.3)
    begun = time.monotonic()
    assert await look.up("sip:one.example") == []
    assert time.monotonic() - begun < 1.0


async def test_a_name_server_that_knows_nothing_of_services_still_gives_addresses(
    server: FakeNameServer, tmp_path: Path
) -> None:
    server.deaf = {"NAPTR", "SRV"}
    look = Look(server, tmp_path / "none", seconds=0.6)
    assert await look.up("sip:one.example") == ["udp 192.0.2.1 5060"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "x." * 120 + "example", "-.example", "_.example"])
async def test_a_name_that_cannot_be_is_nowhere(look: Look, host: str) -> None:
    assert await look.resolver.look_up(Uri(host=host)) == []


async def test_look_ups_do_not_hold_up_the_loop_and_the_same_name_is_asked_once(
    server: FakeNameServer, tmp_path: Path
) -> None:
    settings = TransportSettings(host="127.0.0.1", port=0)
    told: list[Sequence[Flow]] = []
    async with Bed(settings, more={"hosts": tmp_path / "none", "name_servers": [server.address]}) as bed:
        for _ in range(50):
            bed.transports.locate(Uri.parse("sip:one.example:5060"), told.append)
        bed.transports.locate(Uri.parse("sip:192.0.2.5"), told.append)
        assert told == [[Flow("udp", "192.0.2.5", 5060)]]
        assert bed.clock.held is False
        await asyncio.sleep(0)
        assert bed.clock.held
        await bed.until(lambda: len(told) == 51)
        assert told[1:] == [[Flow("udp", "192.0.2.1", 5060)]] * 50
        assert server.asked == [("one.example", "A")]
        assert not bed.clock.held


async def test_so_many_names_wait_and_the_rest_are_nowhere_at_once(
    server: FakeNameServer, tmp_path: Path
) -> None:
    server.deaf = {"A"}
    settings = TransportSettings(host="127.0.0.1", port=0)
    told: list[Sequence[Flow]] = []
    async with Bed(settings, more={"hosts": tmp_path / "none", "name_servers": [server.address]}) as bed:
        for number in range(300):
            bed.transports.locate(Uri.parse(f"sip:n{number}.example:5060"), told.append)
        assert len(told) == 300 - 256
        await bed.until(lambda: len(server.asked) >= 16)
        await asyncio.sleep(0.2)
        assert len(server.asked) == 16
    assert len(told) == 300 - 256
    assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()


async def test_whoever_waits_for_a_name_and_raises_does_not_keep_the_others_waiting(
    server: FakeNameServer, tmp_path: Path
) -> None:
    settings = TransportSettings(host="127.0.0.1", port=0)
    told: list[Sequence[Flow]] = []

    def stumbles(_flows: Sequence[Flow]) -> None:
        raise RuntimeError("stumbled")

    async with Bed(settings, more={"hosts": tmp_path / "none", "name_servers": [server.address]}) as bed:
        bed.transports.locate(Uri.parse("sip:one.example:5060"), stumbles)
        bed.transports.locate(Uri.parse("sip:one.example:5060"), told.append)
        await bed.until(lambda: told)
        assert bed.transports.counts["undelivered"] == 1
