"""When the transactions send, and when they end: every timer of RFC 3261, section 17, at its moment."""

from __future__ import annotations

import pytest

from ivr.sip.message import Response, respond
from ivr.sip.network import Flow
from ivr.sip.transactions import Timers
from tests.sip.transaction_bench import TCP, UDP, Bench

INVITE_SENDINGS = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
PLAIN_SENDINGS = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def times(bench: Bench) -> list[float]:
    return [sent.time for sent in bench.network.take()]


@pytest.mark.parametrize(("method", "moments"), [("INVITE", INVITE_SENDINGS), ("BYE", PLAIN_SENDINGS)])
def test_over_udp_an_unanswered_request_is_sent_7_or_11_times_and_given_up_at_64_t1(
    method: str, moments: list[float]
) -> None:
    bench = Bench()
    _, user = bench.ask(method)
    bench.drain()
    assert times(bench) == moments
    assert (user.heard, user.at) == (["timeout"], [32.0])
    assert bench.is_clean()


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_what_is_sent_again_is_the_same_octets(method: str) -> None:
    bench = Bench()
    bench.ask(method, body=b"v=0")
    bench.drain()
    assert len({sent.data for sent in bench.network.take()}) == 1


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_over_tcp_an_unanswered_request_is_sent_once_and_given_up_at_64_t1(method: str) -> None:
    bench = Bench()
    _, user = bench.ask(method, TCP)
    bench.drain()
    assert times(bench) == [0.0]
    assert (user.heard, user.at) == (["timeout"], [32.0])


def test_the_base_values_are_parameters() -> None:
    bench = Bench(timers=Timers(t1=0.25, t2=1.0))
    _, user = bench.ask("BYE")
    bench.drain()
    assert times(bench)[:6] == [0.0, 0.25, 0.75, 1.75, 2.75, 3.75]
    assert user.at == [16.0]


def test_a_provisional_response_stops_an_invite_being_sent_and_nothing_ends_it_any_more() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.advance(1.0)
    bench.answer(transaction, 180)
    bench.advance(3600.0)
    assert times(bench) == [0.0, 0.5]
    assert (transaction.state, user.heard) == ("proceeding", ["180"])


def test_a_provisional_response_slows_another_request_down_to_t2() -> None:
    bench = Bench()
    transaction, user = bench.ask("BYE")
    bench.advance(0.6)
    bench.answer(transaction, 100)
    bench.drain()
    assert times(bench) == [0.0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert (user.heard, user.at[-1]) == (["100", "timeout"], 32.0)


@pytest.mark.parametrize(
    ("method", "status", "flow", "end"),
    [
        ("INVITE", 486, UDP, 33.0),  # D: 32 seconds
        ("INVITE", 486, TCP, 1.0),
        ("INVITE", 200, UDP, 33.0),  # M: 64*T1
        ("INVITE", 200, TCP, 33.0),
        ("BYE", 200, UDP, 6.0),  # K: T4
        ("BYE", 200, TCP, 1.0),
    ],
)
def test_an_answered_client_ends_when_its_last_timer_says(
    method: str, status: int, flow: Flow, end: float
) -> None:
    bench = Bench()
    transaction, _ = bench.ask(method, flow)
    bench.advance(1.0)
    bench.answer(transaction, status)
    ended = bench.clock.time()
    while bench.layer.size:
        assert bench.clock.advance_to_next()
        ended = bench.clock.time()
    assert ended == end
    assert bench.is_clean()


def test_timer_d_is_never_shorter_than_32_seconds() -> None:
    assert Timers(t1=0.1).d(reliable=False) == 32.0
    assert Timers(t1=1.0).d(reliable=False) == 64.0


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_a_silent_invite_server_says_100_at_200_ms_without_a_tag(flow: Flow) -> None:
    bench = Bench()
    bench.hear("INVITE", flow, more="Timestamp: 54.3 1.0\r\n")
    bench.advance(0.19)
    assert bench.sent() == []
    bench.advance(0.2)
    (sent,) = bench.network.take()
    trying = sent.message
    assert isinstance(trying, Response)
    assert (trying.status, trying.to.tag, trying.get("Timestamp")) == (100, "", "54.3 0.200")


@pytest.mark.parametrize("status", [100, 180, 200, 486])
def test_an_invite_server_that_has_spoken_never_says_100_by_itself(status: int) -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], status, to_tag="ours"))
    bench.advance(10.0)
    assert bench.sent().count("100") == (status == 100)


def test_a_refusal_is_repeated_by_timer_g_until_timer_h_over_udp() -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 486, to_tag="ours"))
    bench.drain()
    assert times(bench) == PLAIN_SENDINGS  # G doubles up to T2 like E
    assert bench.clock.time() == 32.0
    assert bench.is_clean()


def test_a_refusal_over_tcp_is_sent_once_and_waits_for_its_ack_until_timer_h() -> None:
    bench = Bench()
    bench.hear("INVITE", TCP)
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 486, to_tag="ours"))
    bench.drain()
    assert times(bench) == [0.0]
    assert bench.clock.time() == 32.0
    assert bench.is_clean()


@pytest.mark.parametrize(("flow", "end"), [(UDP, 6.0), (TCP, 1.0)], ids=["udp", "tcp"])
def test_an_acknowledged_refusal_ends_by_timer_i(flow: Flow, end: float) -> None:
    bench = Bench()
    bench.hear("INVITE", flow)
    transaction = bench.agent.transactions[0]
    transaction.respond(respond(bench.agent.requests[0], 486, to_tag="ours"))
    bench.advance(1.0)
    bench.network.take()
    bench.hear("ACK", flow, to_tag="ours")
    bench.advance(end - 0.1 if flow is UDP else end)
    assert bench.layer.size == (flow is UDP)
    bench.advance(end)
    assert bench.is_clean()
    assert bench.sent() == []


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_an_accepted_invite_absorbs_repetitions_until_timer_l(flow: Flow) -> None:
    bench = Bench()
    bench.hear("INVITE", flow)
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    bench.advance(31.9)
    bench.hear("INVITE", flow)
    assert len(bench.agent.requests) == 1
    bench.advance(32.0)
    assert bench.is_clean()
    assert times(bench) == [0.0]  # repeating the 200 is its user's


def test_a_plain_server_absorbs_repetitions_until_timer_j() -> None:
    bench = Bench()
    bench.hear("BYE")
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    bench.advance(31.9)
    bench.hear("BYE")
    bench.advance(32.0)
    assert times(bench) == [0.0, 31.9]
    assert bench.is_clean()


def test_a_plain_server_over_tcp_is_forgotten_with_its_answer() -> None:
    bench = Bench()
    bench.hear("BYE", TCP)
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    assert bench.is_clean()


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_a_silent_plain_server_says_100_when_timer_e_reaches_t2_and_nothing_after_64_t1(flow: Flow) -> None:
    bench = Bench()
    bench.hear("INFO", flow)
    bench.advance(40.0)
    assert times(bench) == [3.5]
    assert bench.is_clean()
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    assert times(bench) == []


def test_a_plain_server_that_said_100_by_itself_does_not_say_it_again() -> None:
    bench = Bench()
    bench.hear("INFO", TCP)
    transaction, request = bench.agent.transactions[0], bench.agent.requests[0]
    transaction.respond(respond(request, 100))
    bench.advance(4.0)
    transaction.respond(respond(request, 200, to_tag="ours"))
    assert bench.sent() == ["100", "200"]
    assert bench.is_clean()


def test_a_plain_server_that_said_100_and_answered_leaves_no_timer() -> None:
    bench = Bench()
    bench.hear("INFO", TCP)
    for status in (100, 200):
        bench.agent.transactions[0].respond(respond(bench.agent.requests[0], status, to_tag="ours"))
    assert bench.is_clean()


@pytest.mark.parametrize(
    ("method", "status"), [("INVITE", 180), ("INVITE", 200), ("INVITE", 486), ("BYE", 200)]
)
def test_the_octets_of_a_request_are_let_go_when_it_will_not_be_sent_again(method: str, status: int) -> None:
    bench = Bench()
    transaction, _ = bench.ask(method)
    assert transaction._data
    bench.answer(transaction, status)
    assert transaction._data == b""


def test_a_thousand_ended_transactions_of_each_kind_leave_nothing() -> None:
    bench = Bench()
    for number in range(1000):
        flow = (UDP, TCP)[number % 2]
        bench.hear("INVITE", flow, branch=f"z9hG4bKi{number}", call_id=f"i{number}")
        bench.hear("BYE", flow, branch=f"z9hG4bKb{number}", call_id=f"b{number}")
        for transaction, request in zip(bench.agent.transactions, bench.agent.requests, strict=True):
            transaction.respond(respond(request, (486, 200)[number % 3 == 0], to_tag="ours"))
        bench.agent.transactions.clear()
        bench.agent.requests.clear()
        for method in ("INVITE", "BYE"):
            asked, _ = bench.ask(method, flow)
            bench.answer(asked, (486, 200)[number % 3 == 0])
    assert bench.layer.size > 1000
    bench.drain()
    assert bench.is_clean()
