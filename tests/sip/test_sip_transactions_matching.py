"""Which transaction a message goes to, what comes twice, late or forged, and what Via says."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.sip.message import Request, Response, respond
from ivr.sip.network import Flow
from ivr.sip.transactions import stamp
from tests.sip.transaction_bench import TCP, UDP, Bench, incoming

UNIQUE = "z9hG4bKthem1"


def refuse(bench: Bench, status: int = 486) -> None:
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], status, to_tag="ours"))


@pytest.mark.parametrize("branch", [UNIQUE, "", "old-style", "z9hG4bK"], ids=["3261", "none", "2543", "bare"])
class TestRequests:
    def test_a_repeated_request_is_no_new_one(self, branch: str) -> None:
        bench = Bench()
        bench.hear("INVITE", branch=branch)
        bench.hear("INVITE", branch=branch)
        assert len(bench.agent.requests) == 1

    def test_the_same_branch_with_another_method_or_sender_is_another_transaction(self, branch: str) -> None:
        bench = Bench()
        bench.hear("OPTIONS", branch=branch)
        bench.hear("INFO", branch=branch)
        bench.hear("OPTIONS", branch=branch, sent_by="198.51.100.7:5071")
        bench.hear("OPTIONS", branch=branch, sent_by="198.51.100.8:5070")
        assert len(bench.agent.requests) == 4

    def test_the_ack_of_a_refusal_stays_in_its_transaction(self, branch: str) -> None:
        bench = Bench()
        bench.hear("INVITE", branch=branch)
        refuse(bench)
        bench.hear("ACK", branch=branch, to_tag="ours")
        bench.hear("ACK", branch=branch, to_tag="ours")
        assert bench.agent.transactions[0].state == "confirmed"
        assert bench.agent.acks == []
        bench.drain()
        assert bench.is_clean()

    def test_the_ack_of_a_2xx_goes_to_the_user(self, branch: str) -> None:
        bench = Bench()
        bench.hear("INVITE", branch=branch)
        refuse(bench, 200)
        bench.hear("ACK", branch=branch, to_tag="ours")
        bench.hear("ACK", branch=branch and f"{branch}2", to_tag="ours")
        assert len(bench.agent.acks) == 2
        bench.drain()
        assert bench.is_clean()

    def test_a_cancel_finds_its_invite(self, branch: str) -> None:
        bench = Bench()
        bench.hear("INVITE", branch=branch)
        bench.hear("CANCEL", branch=branch)
        assert bench.sent() == ["200"]
        assert bench.agent.transactions[0].user.heard == ["cancelled"]  # type: ignore[union-attr]

    def test_a_repeated_request_is_known_though_its_via_was_filled_in(self, branch: str) -> None:
        bench = Bench()
        for _ in range(2):
            bench.hear("INVITE", branch=branch, via_more=";rport", sent_by="inside.example")
        assert len(bench.agent.requests) == 1


@pytest.mark.parametrize(
    "change",
    [{"uri": "sip:other@192.0.2.1"}, {"call_id": "another"}, {"cseq": 2}, {"to_tag": "dialog"}],
    ids=["uri", "call-id", "cseq", "to"],
)
def test_without_a_unique_branch_everything_else_tells_requests_apart(change: dict[str, Any]) -> None:
    bench = Bench()
    bench.hear("INVITE", branch="1")
    bench.hear("INVITE", branch="1", **change)
    assert len(bench.agent.requests) == 2


def test_an_old_ack_with_a_foreign_tag_acknowledges_nothing() -> None:
    bench = Bench()
    bench.hear("INVITE", branch="1")
    refuse(bench)
    bench.hear("ACK", branch="1", to_tag="foreign")
    assert bench.agent.transactions[0].state == "completed"
    assert len(bench.agent.acks) == 1


def test_an_ack_for_nothing_goes_to_the_user_and_is_not_answered() -> None:
    bench = Bench()
    bench.hear("ACK")
    assert len(bench.agent.acks) == 1
    assert bench.sent() == []
    assert bench.is_clean()


def test_an_ack_that_overtakes_its_refusal_changes_nothing() -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.hear("ACK", to_tag="ours")
    assert bench.agent.transactions[0].state == "proceeding"
    refuse(bench)
    assert bench.sent() == ["486"]


def test_a_lost_ack_is_made_up_for_by_the_repeated_refusal() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 486)
    bench.answer(transaction, 486)
    assert bench.sent() == ["INVITE", "ACK", "ACK"]
    assert user.heard == ["486"]


def test_responses_go_to_where_the_packet_came_from_whatever_via_says() -> None:
    bench = Bench()
    bench.hear(
        "INVITE", sent_by="203.0.113.99:9", via_more=";received=203.0.113.98;rport=7;maddr=203.0.113.97"
    )
    refuse(bench)
    bench.hear("CANCEL", branch="z9hG4bKother")
    assert {sent.flow for sent in bench.network.sent} == {UDP}


@pytest.mark.parametrize(
    ("sent_by", "more", "expected"),
    [
        ("198.51.100.7:5070", "", "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKthem1"),
        ("10.0.0.1", "", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKthem1;received=198.51.100.7"),
        ("pc.example", "", "SIP/2.0/UDP pc.example;branch=z9hG4bKthem1;received=198.51.100.7"),
        (
            "198.51.100.7",
            ";rport",
            "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKthem1;rport=5070;received=198.51.100.7",
        ),
        (
            "198.51.100.7",
            ";received=203.0.113.9;rport=9",
            "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKthem1;received=198.51.100.7;rport=5070",
        ),
    ],
)
def test_via_is_filled_in_from_the_packet(sent_by: str, more: str, expected: str) -> None:
    request = incoming("OPTIONS", sent_by=sent_by, via_more=more)
    stamp(request, UDP)
    assert request.get("Via") == expected


def test_only_the_top_via_is_filled_in() -> None:
    request = incoming("OPTIONS", sent_by="10.0.0.1", more="Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n")
    stamp(request, UDP)
    assert [via.host for via in request.vias] == ["10.0.0.1", "10.9.9.9"]
    assert [via.received for via in request.vias] == ["198.51.100.7", ""]


def test_an_ipv6_source_is_written_without_brackets() -> None:
    flow = Flow("udp", "2001:db8::7", 5060)
    request = incoming("OPTIONS", flow, sent_by="[2001:db8::1]:5060", via_more=";rport")
    stamp(request, flow)
    assert request.via.received == "2001:db8::7"
    assert request.via.rport == 5060


def test_a_request_of_ours_has_one_via_with_a_fresh_branch_that_asks_for_the_port_over_udp() -> None:
    bench = Bench()
    first, _ = bench.ask("OPTIONS")
    second, _ = bench.ask("OPTIONS", TCP)
    vias = [(via.transport, via.branch, via.wants_rport) for t in (first, second) for via in t.request.vias]
    assert vias == [("UDP", "z9hG4bKtoken2", True), ("TCP", "z9hG4bKtoken3", False)]


def test_a_request_that_is_sent_anew_has_a_new_via_and_it_alone() -> None:
    bench = Bench()
    first, user = bench.ask("OPTIONS")
    again = bench.layer.request(first.request, UDP, user)
    assert [via.branch for via in again.request.vias] == ["z9hG4bKtoken3"]


def test_a_response_without_our_branch_is_a_stray() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 200, z9hG4bKtoken2="z9hG4bKlong-ago")
    assert user.heard == []
    assert [stray.status for stray in bench.agent.strays] == [200]


def test_a_response_with_another_method_belongs_to_another_transaction() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 200, INVITE="CANCEL")
    assert (user.heard, transaction.state) == ([], "calling")


def test_a_response_with_a_foreign_via_is_dropped() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 200, **{"UDP 192.0.2.1:5060": "UDP 203.0.113.9:5060"})
    bench.answer(transaction, 200, **{"z9hG4bKtoken2": "z9hG4bKx", "UDP 192.0.2.1": "UDP 203.0.113.9"})
    assert (user.heard, bench.agent.strays) == ([], [])


def test_a_response_with_two_vias_is_dropped() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(
        transaction, 200, **{"Via: ": "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtoken2\r\nVia: "}
    )
    assert (user.heard, bench.agent.strays) == ([], [])


def test_a_forked_invite_tells_every_2xx_with_its_tag() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    for status, tag in ((183, "one"), (180, "two"), (200, "two"), (200, "two"), (200, "one"), (486, "three")):
        bench.answer(transaction, status, tag)
    assert user.heard == ["183", "180", "200", "200", "200"]


def test_the_ack_of_a_refusal_is_the_invites_own_but_for_the_tag() -> None:
    bench = Bench()
    transaction, _ = bench.ask("INVITE", body=b"v=0")
    bench.answer(transaction, 407, "proxy")
    invite, ack = bench.network.messages()
    assert isinstance(invite, Request)
    assert isinstance(ack, Request)
    assert (ack.uri_text, ack.call_id, ack.cseq, ack.method) == (invite.uri_text, invite.call_id, 7, "ACK")
    assert ack.all("Via") == invite.all("Via")
    assert ack.all("Route") == invite.all("Route") != []
    assert (ack.get("From"), ack.to.tag, ack.body) == (invite.get("From"), "proxy", b"")


def test_late_and_reordered_responses_do_not_wake_an_answered_request() -> None:
    bench = Bench()
    transaction, user = bench.ask("BYE")
    for status in (200, 100, 200, 481):
        bench.answer(transaction, status)
    assert user.heard == ["200"]
    bench.drain()
    bench.answer(transaction, 200)
    assert user.heard == ["200"]
    assert bench.is_clean()


def test_a_late_refusal_after_the_timeout_is_a_stray_and_not_acknowledged() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.drain()
    bench.network.take()
    bench.answer(transaction, 486)
    assert (user.heard, bench.sent()) == (["timeout"], [])
    assert [stray.status for stray in bench.agent.strays] == [486]


@pytest.mark.parametrize(("method", "status"), [("INVITE", 486), ("INVITE", 200), ("BYE", 200)])
def test_the_server_gives_up_what_it_no_longer_needs(method: str, status: int) -> None:
    bench = Bench()
    bench.hear(method, body="v=0")
    transaction = bench.agent.transactions[0]
    assert transaction.request is bench.agent.requests[0]
    transaction.respond(respond(bench.agent.requests[0], 100))
    transaction.respond(respond(bench.agent.requests[0], status, to_tag="ours"))
    assert transaction.request is None
    bench.hear("ACK", to_tag="ours")
    assert bool(transaction._data) == (method == "BYE")
    bench.drain()
    assert (transaction._data, transaction.user) == (b"", None)


def test_a_closed_server_gives_up_everything() -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.layer.close()
    assert (bench.agent.transactions[0].request, bench.agent.transactions[0].user) == (None, None)


def test_a_second_final_response_is_not_sent() -> None:
    bench = Bench()
    for method in ("INVITE", "BYE"):
        bench.hear(method)
    for transaction, request in zip(bench.agent.transactions, bench.agent.requests, strict=True):
        for status in (404, 500, 180, 100, 200):
            transaction.respond(respond(request, status, to_tag="ours"))
    assert bench.sent() == ["404", "404"]


def test_a_repeated_invite_gets_the_last_provisional_response_again() -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.hear("INVITE")
    assert bench.sent() == []
    for status in (180, 183):
        bench.agent.transactions[0].respond(respond(bench.agent.requests[0], status, to_tag="ours"))
    bench.hear("INVITE")
    last = bench.network.messages()[-1]
    assert isinstance(last, Response)
    assert last.status == 183
