"""What the guard lets through, throttles, and shuts out."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest

from ivr.clock import VirtualClock
from ivr.sip.guard import Guard, GuardSettings
from ivr.sip.guard_sources import Ban, Bucket, Sources
from ivr.sip.network import Flow
from ivr.sip.refusal import busy
from tests.sip.work import grows_too_fast

TRUNK = Flow("udp", "192.0.2.10", 5060)
STRANGER = Flow("udp", "198.51.100.7", 5066)


def packet(method: str = "INVITE", *, call: str = "c1", to: str = "<sip:100@x>", more: str = "") -> bytes:
    return (
        f"{method} sip:100@192.0.2.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa;rport\r\n"
        f"From: <sip:a@x>;tag=1\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n{more}"
        "Content-Length: 0\r\n\r\n"
    ).encode()


class Desk:
    """A guard on a virtual clock, with its bans kept."""

    def __init__(self, settings: GuardSettings | None = None) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.bans: list[Ban] = []
        self.guard = Guard(settings or GuardSettings(), clock=self.clock, on_ban=self.bans.append)

    def admit(self, data: bytes, flow: Flow = STRANGER) -> str:
        verdict = self.guard.admit(data, flow)
        return verdict.reason or verdict.action

    def wait(self, seconds: float) -> None:
        self.clock.call_at(self.clock.time() + seconds, lambda: None)
        self.clock.advance_to_next()


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_what_looks_like_sip_is_admitted(desk: Desk) -> None:
    assert desk.admit(packet()) == "allow"
    assert desk.admit(b"SIP/2.0 200 OK\r\n\r\n") == "allow"
    assert desk.admit(b"\r\n\r\n" + packet("OPTIONS")) == "allow"
    assert desk.guard.counts["allowed"] == 3


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x80\x00\x12\x34" + bytes(168),
        b"\x16\x03\x01" + bytes(200),
        b"INVITE",
        b"INVITE sip:x\r\nSIP/2.0\r\n",
        b"\xff" * 60_000,
    ],
)
async def test_what_does_not_look_like_sip_is_dropped(desk: Desk, data: bytes) -> None:
    assert desk.admit(data) == "not_sip"


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)],
)
async def test_a_keepalive_is_no_strike_however_often_it_comes(desk: Desk, data: bytes) -> None:
    assert {desk.admit(data) for _ in range(50)} == {"keepalive"}
    assert not desk.bans


async def test_a_message_longer_than_a_datagram_is_dropped(desk: Desk) -> None:
    assert desk.admit(packet() + bytes(65_536)) == "too_long"


async def test_ten_packets_of_garbage_shut_a_source_out_for_ten_minutes_and_it_is_told_once(
    desk: Desk,
) -> None:
    for _ in range(9):
        desk.admit(b"garbage, and again garbage")
    assert desk.admit(packet()) == "allow"
    desk.admit(b"garbage, and again garbage")
    assert desk.admit(packet()) == "banned"
    assert desk.admit(b"garbage, and again garbage") == "banned"
    assert desk.bans == [Ban("198.51.100.7", "not_sip", 600.0)]
    assert not desk.guard.welcome(STRANGER)
    assert desk.guard.banned == 1
    desk.wait(601)
    assert desk.admit(packet()) == "allow"
    assert desk.guard.welcome(STRANGER)
    assert desk.guard.banned == 0


async def test_garbage_now_and_then_is_forgotten(desk: Desk) -> None:
    for _ in range(50):
        desk.admit(b"garbage, and again garbage")
        desk.wait(7)
    assert not desk.bans


@pytest.mark.parametrize(
    "more",
    [
        "User-Agent: friendly-scanner\r\n",
        "user-agent :sipvicious 0.3\r\n",
        "User-Agent: sipcli/v1.8\r\n",
        "User-Agent: VaxSIPUserAgent/3.1\r\n",
        "User-Agent: sundayddr\r\n",
        "User-Agent: pplsip\r\n",
        "User-Agent: sip-scan\r\n",
        'f: "sipvicious" <sip:100@1.1.1.1>;tag=1\r\n',
    ],
)
async def test_a_scanner_is_shut_out_at_its_first_packet(desk: Desk, more: str) -> None:
    assert desk.admit(packet("OPTIONS", more=more)) == "scanner"
    assert desk.admit(packet()) == "banned"
    assert [ban.why for ban in desk.bans] == ["scanner"]


async def test_a_caller_who_only_speaks_of_a_scanner_is_heard(desk: Desk) -> None:
    assert desk.admit(packet(more="Subject: friendly-scanner\r\n")) == "allow"
    assert desk.admit(packet(call="sipcli-1")) == "allow"


@pytest.mark.parametrize("what", ["malformed", "unauthorised", "forbidden"])
async def test_ten_notices_of_the_core_shut_a_source_out(desk: Desk, what: str) -> None:
    for _ in range(10):
        assert desk.admit(packet("REGISTER")) == "allow"
        desk.guard.strike(STRANGER, what)
    assert desk.admit(packet()) == "banned"
    assert [ban.why for ban in desk.bans] == [what]


async def test_notices_that_an_honest_peer_may_cause_are_no_strikes(desk: Desk) -> None:
    for what in ("no_dialog", "merged", "overload", "error"):
        for _ in range(100):
            desk.guard.strike(STRANGER, what)
    assert desk.admit(packet()) == "allow"


async def test_only_listed_networks_are_heard_and_they_are_never_shut_out() -> None:
    desk = Desk(GuardSettings(networks=("192.0.2.0/24", "2001:db8::/32")))
    assert desk.admit(packet()) == "not_listed"
    assert not desk.guard.welcome(STRANGER)
    assert desk.admit(packet(), TRUNK) == "allow"
    assert desk.admit(packet(call="c2"), Flow("tcp", "2001:db8::9", 5060, 4)) == "allow"
    for _ in range(100):
        desk.admit(b"garbage, and again garbage", TRUNK)
        desk.guard.strike(TRUNK, "malformed")
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"), TRUNK)
    assert desk.admit(packet(call="c3"), TRUNK) == "allow"
    assert not desk.bans


async def test_strangers_may_be_heard_beside_a_list_and_are_shut_out_like_any() -> None:
    desk = Desk(GuardSettings(networks=("192.0.2.0/24",), strangers=True))
    assert desk.admit(packet()) == "allow"
    for _ in range(10):
        desk.guard.strike(STRANGER, "unauthorised")
        desk.guard.strike(TRUNK, "unauthorised")
    assert desk.admit(packet(call="c2")) == "banned"
    assert desk.admit(packet(call="c3"), TRUNK) == "allow"


async def test_whom_we_called_may_answer_though_he_is_not_listed() -> None:
    desk = Desk(GuardSettings(networks=("192.0.2.0/24",)))
    desk.guard.expect(STRANGER)
    assert desk.admit(b"SIP/2.0 200 OK\r\n\r\n") == "allow"
    desk.wait(3_601)
    assert desk.admit(b"SIP/2.0 200 OK\r\n\r\n") == "not_listed"


async def test_a_trusted_registrar_is_listed_and_never_shut_out() -> None:
    desk = Desk(GuardSettings(networks=("192.0.2.0/24",)))
    assert desk.admit(packet()) == "not_listed"
    desk.guard.trust(STRANGER.host)
    for _ in range(100):
        desk.guard.strike(STRANGER, "malformed")
    assert desk.admit(packet()) == "allow"
    assert desk.guard.trusts(STRANGER.host)
    assert desk.guard.trusts("192.0.2.77")
    assert not desk.guard.trusts("203.0.113.1")


async def test_packets_that_somebody_sends_in_a_trunks_name_do_not_shut_it_out(desk: Desk) -> None:
    desk.guard.vouch(TRUNK)
    for _ in range(20):
        desk.admit(b"garbage, and again garbage", TRUNK)
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"), TRUNK)
    assert desk.admit(packet(), TRUNK) == "allow"
    for _ in range(100):
        desk.admit(b"garbage, and again garbage", TRUNK)
    assert desk.admit(packet(), TRUNK) == "banned"


async def test_a_pardon_ends_a_ban(desk: Desk) -> None:
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"))
    desk.guard.pardon(STRANGER.host)
    assert desk.admit(packet()) == "allow"


async def test_a_hundred_calls_a_second_from_one_trunk_are_never_touched(desk: Desk) -> None:
    verdicts = set()
    for second in range(60):
        for call in range(100):
            name = f"{second}-{call}"
            verdicts.add(desk.admit(packet(call=name), TRUNK))
            for method in ("ACK", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "BYE"):
                verdicts.add(desk.admit(packet(method, call=name, to="<sip:100@x>;tag=9"), TRUNK))
            desk.wait(0.01)
    assert verdicts == {"allow"}


async def test_a_storm_of_400_calls_a_second_is_told_busy_and_leaves_room_for_others(desk: Desk) -> None:
    allowed = busy_told = others = 0
    for number in range(400 * 10):
        verdict = desk.admit(packet(call=f"storm-{number}"))
        allowed += verdict == "allow"
        busy_told += verdict == "call_rate"
        if number % 40 == 0:
            others += desk.admit(packet(call=f"honest-{number}"), TRUNK) == "allow"
        desk.wait(1 / 400)
    assert allowed == pytest.approx(120 * 10 + 240, abs=5)
    assert busy_told == 4000 - allowed
    assert others == 100
    assert not desk.bans


async def test_all_calls_together_are_bounded() -> None:
    desk = Desk(GuardSettings(calls_per_second=10, call_burst=20))
    verdicts = [desk.admit(packet(call=f"{n}"), Flow("udp", f"203.0.113.{n}", 5060)) for n in range(1, 41)]
    assert verdicts == ["allow"] * 18 + ["call_rate"] * 22


async def test_strangers_storming_from_everywhere_leave_room_for_who_has_called_before() -> None:
    desk = Desk()
    for number in range(4_000):
        desk.admit(
            packet(call=f"storm-{number}"), Flow("udp", f"203.0.{number % 200}.{number % 97 + 1}", 5060)
        )
        desk.wait(1 / 400)
    assert "call_rate" in [desk.admit(packet(call=f"new-{n}"), TRUNK) for n in range(3)]
    desk.guard.vouch(TRUNK)
    assert [desk.admit(packet(call=f"known-{n}"), TRUNK) for n in range(25)] == ["allow"] * 25


async def test_a_repeated_invite_of_an_admitted_call_and_a_hold_are_no_new_calls() -> None:
    desk = Desk(GuardSettings(calls_per_second=1, call_burst=1))
    assert [desk.admit(packet(call="one")) for _ in range(7)] == ["allow"] * 7
    assert desk.admit(packet(call="two")) == "call_rate"
    assert desk.admit(packet(call="two", to="<sip:100@x>;tag=77")) == "allow"


async def test_one_call_id_does_not_open_the_gate_for_a_storm() -> None:
    desk = Desk(GuardSettings(calls_per_second=1, call_burst=1))
    verdicts = [desk.admit(packet(call="same")) for _ in range(100)]
    assert verdicts.count("allow") == 16


async def test_one_source_may_send_so_many_packets_and_others_are_not_touched_by_it() -> None:
    desk = Desk(GuardSettings(source_packets=100, source_packet_burst=200))
    verdicts = [desk.admit(packet("OPTIONS")) for _ in range(300)]
    assert verdicts.count("rate") == 100
    assert desk.admit(packet("OPTIONS"), TRUNK) == "allow"
    desk.wait(1)
    assert [desk.admit(packet("OPTIONS")) for _ in range(101)].count("allow") == 100


async def test_a_flood_of_forged_sources_does_not_silence_one_that_is_vouched_for() -> None:
    desk = Desk(GuardSettings(packets=100, packet_burst=100))
    desk.guard.vouch(TRUNK)
    verdicts = [
        desk.admit(packet("OPTIONS"), Flow("udp", f"10.{n >> 8}.{n & 255}.1", 5060)) for n in range(500)
    ]
    assert verdicts.count("overall_rate") == 400
    assert desk.admit(packet("OPTIONS"), TRUNK) == "allow"


async def test_a_flood_of_forged_sources_is_bounded_in_memory_and_forgets_no_ban() -> None:
    desk = Desk(GuardSettings(most_sources=500, packets=1e9, packet_burst=1e9))
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"))
    for n in range(2_000):
        desk.admit(packet("OPTIONS"), Flow("udp", f"10.{n >> 8}.{n & 255}.1", 5060))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for n in range(20_000):
            desk.admit(packet("OPTIONS"), Flow("udp", f"11.{n >> 8}.{n & 255}.1", 5060))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_500_000
    assert desk.admit(packet()) == "banned"


async def test_on_this_machine_a_ban_is_for_one_port_alone(desk: Desk) -> None:
    bad, good = Flow("udp", "127.0.0.1", 40_000), Flow("udp", "127.0.0.1", 40_001)
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"), bad)
    assert desk.admit(packet(), bad) == "banned"
    assert desk.admit(packet(), good) == "allow"
    assert desk.bans[0].source == "127.0.0.1:40000"


async def test_an_ipv6_source_is_its_whole_network(desk: Desk) -> None:
    desk.admit(packet(more="User-Agent: friendly-scanner\r\n"), Flow("udp", "2001:db8:1:2::5", 5060))
    assert desk.admit(packet(), Flow("udp", "2001:db8:1:2:ffff::9", 5061)) == "banned"
    assert desk.admit(packet(), Flow("udp", "2001:db8:1:3::5", 5060)) == "allow"


@pytest.mark.parametrize(
    "bad", [{"networks": ("300.0.0.0/8",)}, {"strikes": 0}, {"calls_per_second": -1.0}, {"most_sources": 0}]
)
def test_settings_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        GuardSettings(**bad)  # type: ignore[arg-type]


async def test_a_long_packet_counts_for_many_short_ones() -> None:
    desk = Desk(GuardSettings(source_packets=10, source_packet_burst=100))
    long = packet("OPTIONS") + bytes(64_000)
    assert [desk.admit(long) for _ in range(4)] == ["allow", "allow", "rate", "rate"]
    assert desk.admit(packet("OPTIONS")) == "allow"


@pytest.mark.parametrize(
    "hostile",
    [
        b"INVITE sip:x SIP/2.0\r\nTo: " + b";" * 60_000,
        b"INVITE sip:x SIP/2.0\r\n" + b"\r\nTo:" * 10_000,
        b"INVITE sip:x SIP/2.0\r\n" + (b"\nTo:" + b" " * 1_990) * 30,
        b"INVITE sip:x SIP/2.0\r\nsipvicious" + (b"\nFrom:" + b"s" * 390) * 160,
        b"INVITE sip:x SIP/2.0\r\nsipcli" + b"\nUser-Agent:" * 5_000,
        b"INVITE sip:x SIP/2.0\r\n" + b"Via: x\r\n \r\n" * 5_000 + b"\r\n\r\n",
        b"INVITE " + b"S" * 60_000,
        b"\r\n" * 30_000,
    ],
    ids=range(8),
)
async def test_no_packet_takes_long_to_judge(hostile: bytes) -> None:
    desk = Desk(GuardSettings(calls_per_second=1, call_burst=1, source_packet_burst=1e9, packet_burst=1e9))

    def judge(packet: bytes) -> None:
        for _ in range(200):
            if desk.guard.admit(packet, TRUNK).action == "busy":
                busy(packet, TRUNK, retry_after=1)

    assert not grows_too_fast(judge, hostile)


async def test_notices_about_nobody_are_nobodys(desk: Desk) -> None:
    desk.guard.strike(Flow("udp", "", 0), "malformed")
    assert desk.guard.counts["bans"] == 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(10, 5, 0.0)
    assert [bucket.take(1_000.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(1_000.05)
    assert bucket.take(1_000.11)


def test_the_table_of_sources_is_empty_at_first() -> None:
    assert len(Sources(10)) == 0


def test_a_busy_answer_repeats_what_a_response_must_and_says_when_to_come_back() -> None:
    request = packet(more="X-Long: ever so\r\n").replace(
        b"Via: ", b"v: SIP/2.0/UDP first;branch=z9hG4bKb\r\nVia: "
    )
    request = request.replace(
        b"v: SIP/2.0/UDP first;branch=z9hG4bKb", b"v: SIP/2.0/UDP first;rport ;branch=z9hG4bKb"
    )
    answer = busy(request, STRANGER, retry_after=30)
    assert answer is not None
    lines = answer.decode().split("\r\n")
    assert lines[0] == "SIP/2.0 503 Service Unavailable"
    assert lines[1] == "v: SIP/2.0/UDP first;rport=5066;received=198.51.100.7 ;branch=z9hG4bKb"
    assert lines[2] == "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa;rport"
    assert lines[3] == "From: <sip:a@x>;tag=1"
    assert lines[4].startswith("To: <sip:100@x>;tag=")
    assert lines[5:] == ["Call-ID: c1", "CSeq: 1 INVITE", "Retry-After: 30", "Content-Length: 0", "", ""]
    assert busy(request, STRANGER, retry_after=30) == answer


@pytest.mark.parametrize("cut", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_what_cannot_be_answered_is_not_answered(cut: bytes) -> None:
    assert busy(packet().replace(b"\r\n" + cut + b":", b"\r\nX-Cut:"), STRANGER, retry_after=30) is None


def test_a_head_without_an_end_is_not_answered() -> None:
    assert busy(packet()[:-2], STRANGER, retry_after=30) is None
