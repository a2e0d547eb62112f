"""CANCEL from both sides (RFC 3261, section 9), broken flows, and a full table."""

from __future__ import annotations

import pytest

from ivr.sip.message import Request, Response, respond
from ivr.sip.network import Flow
from tests.sip.transaction_bench import TCP, UDP, Bench, RecordingClient, incoming


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    bench = Bench()
    transaction, _ = bench.ask("INVITE")
    transaction.cancel()
    bench.advance(0.4)
    assert bench.sent() == ["INVITE"]
    bench.answer(transaction, 100)
    assert bench.sent() == ["CANCEL"]
    bench.answer(transaction, 180)
    assert bench.sent() == []


def test_a_cancel_goes_out_at_once_when_the_phone_rings_and_only_once() -> None:
    bench = Bench()
    transaction, _ = bench.ask("INVITE")
    bench.answer(transaction, 180)
    transaction.cancel()
    transaction.cancel()
    assert bench.sent() == ["INVITE", "CANCEL"]


def test_a_cancel_is_the_invites_own_with_its_via_and_routes() -> None:
    bench = Bench()
    transaction, _ = bench.ask("INVITE", body=b"v=0")
    bench.answer(transaction, 180)
    transaction.cancel()
    invite, cancel = bench.network.messages()
    assert isinstance(invite, Request)
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.cseq, cancel.uri_text) == ("CANCEL", invite.cseq, invite.uri_text)
    for name in ("Via", "From", "To", "Call-ID", "Route"):
        assert cancel.all(name) == invite.all(name)
    assert cancel.body == b""


def test_a_cancelled_invite_ends_with_its_487() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 180)
    transaction.cancel()
    bench.answer(transaction, 200, INVITE="CANCEL")
    bench.answer(transaction, 487)
    assert user.heard == ["180", "487"]
    bench.drain()
    assert bench.sent() == ["INVITE", "CANCEL", "ACK"]
    assert bench.is_clean()


def test_a_200_that_crosses_the_cancel_reaches_the_user() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 180)
    transaction.cancel()
    bench.answer(transaction, 200)
    assert (user.heard, transaction.state) == (["180", "200"], "accepted")
    bench.drain()
    assert user.heard == ["180", "200"]
    assert bench.is_clean()


def test_a_cancel_without_any_answer_ends_the_invite_after_64_t1() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    bench.answer(transaction, 180)
    bench.advance(10.0)
    transaction.cancel()
    bench.drain()
    assert (user.heard, user.at[-1]) == (["180", "timeout"], 42.0)
    assert bench.sent().count("CANCEL") == 11
    assert bench.is_clean()


def test_a_cancel_of_an_invite_that_nobody_knows_of_ends_by_timer_b_and_is_never_sent() -> None:
    bench = Bench()
    transaction, user = bench.ask("INVITE")
    transaction.cancel()
    bench.drain()
    assert (user.heard, user.at) == (["timeout"], [32.0])
    assert set(bench.sent()) == {"INVITE"}


def test_an_answered_invite_and_other_requests_are_not_cancelled() -> None:
    bench = Bench()
    for method, status in (("INVITE", 200), ("INVITE", 486), ("BYE", 100)):
        transaction, _ = bench.ask(method)
        bench.answer(transaction, status)
        transaction.cancel()
    assert "CANCEL" not in bench.sent()


def test_the_200_of_a_cancel_comes_before_the_487_and_has_the_same_tag() -> None:
    bench = Bench()
    bench.hear("INVITE")
    transaction, request = bench.agent.transactions[0], bench.agent.requests[0]
    transaction.respond(respond(request, 180, to_tag="ours"))
    bench.hear("CANCEL")
    transaction.respond(respond(request, 487, to_tag="ours"))
    responses = [message for message in bench.network.messages() if isinstance(message, Response)]
    assert [(response.status, response.method, response.to.tag) for response in responses] == [
        (180, "INVITE", "ours"),
        (200, "CANCEL", "ours"),
        (487, "INVITE", "ours"),
    ]
    bench.hear("ACK", to_tag="ours")
    bench.drain()
    assert bench.is_clean()


def test_a_tag_that_the_user_chose_before_its_first_response_is_the_cancels_too() -> None:
    bench = Bench()
    bench.hear("INVITE")
    bench.agent.transactions[0].to_tag = "chosen"
    bench.hear("CANCEL")
    assert bench.network.messages()[0].to.tag == "chosen"


def test_a_repeated_cancel_is_answered_again_and_cancels_once() -> None:
    bench = Bench()
    bench.hear("INVITE")
    for _ in range(3):
        bench.hear("CANCEL")
    assert bench.sent() == ["200"] * 3
    assert bench.agent.transactions[0].user.heard == ["cancelled"]  # type: ignore[union-attr]


def test_a_cancel_that_crosses_our_200_is_answered_and_has_no_effect() -> None:
    bench = Bench()
    bench.hear("INVITE")
    transaction = bench.agent.transactions[0]
    transaction.respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    bench.hear("CANCEL")
    assert bench.sent() == ["200", "200"]
    assert transaction.user.heard == []  # type: ignore[union-attr]


def test_a_cancel_for_nothing_is_481_and_not_remembered() -> None:
    bench = Bench()
    bench.hear("CANCEL")
    bench.hear("CANCEL")
    first, second = bench.network.messages()
    assert isinstance(first, Response)
    assert (first.status, first.to.tag) == (481, second.to.tag)
    assert bench.is_clean()


def test_a_broken_flow_ends_only_what_waits_on_it() -> None:
    bench = Bench()
    (ours, user), (other, other_user) = bench.ask("INVITE", TCP), bench.ask("INVITE", UDP)
    bench.layer.failed(TCP)
    assert (ours.state, user.heard) == ("terminated", ["failed"])
    assert (other.state, other_user.heard) == ("calling", [])


class RefusingNetworkUser(RecordingClient):
    """Hears of the failure only when it has its transaction."""

    begun = False

    def failed(self, reason: str) -> None:
        assert self.begun
        super().failed(reason)


def test_a_flow_that_breaks_while_sending_is_told_when_the_sender_is_ready() -> None:
    bench = Bench()
    bench.network.on_send = lambda _data, flow: bench.layer.failed(flow)
    user = RefusingNetworkUser(bench.clock)
    request = Request.build(
        "BYE", "sip:a@198.51.100.7", from_="<sip:a@b>;tag=1", to="<sip:c@d>", call_id="x", cseq=1
    )
    bench.layer.request(request, TCP, user)
    user.begun = True
    bench.advance(0.0)
    assert user.heard == ["failed"]
    assert bench.is_clean()


class RaisingUser(RecordingClient):
    """Cannot bear bad news."""

    def failed(self, reason: str) -> None:
        super().failed(reason)
        raise ValueError(reason)


def test_a_user_that_raises_keeps_the_news_of_a_broken_flow_from_nobody() -> None:
    bench = Bench()
    users = [RaisingUser(bench.clock) for _ in range(5)]
    for user in users:
        request = Request.build(
            "BYE", "sip:a@198.51.100.7", from_="<sip:a@b>;tag=1", to="<sip:c@d>", call_id="x", cseq=1
        )
        bench.layer.request(request, TCP, user)
    with pytest.raises(ValueError, match=r"198\.51\.100\.7"):
        bench.layer.failed(TCP)
    assert [user.heard for user in users] == [["failed"]] * 5
    assert bench.is_clean()


def test_close_forgets_everything_and_tells_nobody() -> None:
    bench = Bench()
    asked, user = bench.ask("INVITE")
    bench.hear("INVITE")
    bench.hear("BYE")
    bench.layer.close()
    assert bench.is_clean()
    asked.cancel()
    bench.agent.transactions[0].respond(respond(bench.agent.requests[0], 200, to_tag="ours"))
    bench.network.take()
    bench.drain()
    assert (user.heard, bench.sent()) == ([], [])


def fill(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.hear("INVITE", branch=f"z9hG4bKfill{number}", call_id=f"fill{number}")


def test_a_full_table_refuses_with_503_and_absorbs_its_ack() -> None:
    bench = Bench(most=8)
    fill(bench, 8)
    bench.hear("INVITE")
    bench.hear("INVITE")
    first, second = bench.network.messages()
    assert isinstance(first, Response)
    assert (first.status, first.get("Retry-After"), first.to.tag) == (503, "30", second.to.tag)
    assert (bench.layer.size, bench.layer.refused, len(bench.agent.requests)) == (8, 2, 8)
    bench.hear("ACK", to_tag=first.to.tag)
    assert bench.agent.acks == []
    bench.hear("ACK", to_tag=first.to.tag, cseq=2)
    assert len(bench.agent.acks) == 1


def test_a_call_can_still_end_and_be_cancelled_when_the_table_is_full() -> None:
    bench = Bench(most=8)
    fill(bench, 8)
    bench.hear("BYE", branch="z9hG4bKbye", to_tag="ours")
    assert bench.agent.requests[-1].method == "BYE"
    bench.hear("BYE", branch="z9hG4bKbye2", to_tag="ours")
    assert bench.sent() == ["503"]
    bench.hear("CANCEL", branch="z9hG4bKfill0")
    assert bench.sent() == ["200"]
    assert bench.agent.transactions[0].user.heard == ["cancelled"]  # type: ignore[union-attr]
    assert bench.layer.size == 9


def test_what_is_in_the_table_goes_on_when_it_is_full() -> None:
    bench = Bench(most=8)
    fill(bench, 8)
    bench.hear("INVITE", branch="z9hG4bKfill3", call_id="fill3")
    assert bench.sent() == []
    bench.agent.transactions[3].respond(respond(bench.agent.requests[3], 486, to_tag="ours"))
    bench.hear("ACK", branch="z9hG4bKfill3", call_id="fill3", to_tag="ours")
    bench.advance(5.0)
    bench.hear("INVITE", branch="z9hG4bKnew")
    assert len(bench.agent.requests) == 9


def test_a_stranger_cannot_make_the_tag_of_a_503() -> None:
    benches = [Bench(most=0), Bench(most=0)]
    benches[1].layer._busy_key = b"another"
    tags = []
    for bench in benches:
        bench.layer.received(incoming("INVITE"), Flow("udp", "198.51.100.7", 5070))
        tags.append(bench.network.messages()[0].to.tag)
    assert tags[0] != tags[1]
