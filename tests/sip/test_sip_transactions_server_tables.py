"""Figures 7 (as in RFC 6026) and 8 (with RFC 4320) of RFC 3261: the server machines, state by event."""

from __future__ import annotations

import pytest

from ivr.sip.message import respond
from ivr.sip.network import Flow
from tests.sip.transaction_bench import TCP, UDP, Bench, RecordingServer

Outcome = tuple[str, list[str], list[str]]

#: How each state is reached from the beginning: what is responded, or the ACK.
INVITE_STATES = {
    "proceeding": [],
    "proceeding, rung": ["say 180"],
    "accepted": ["say 200"],
    "completed": ["say 486"],
    "confirmed": ["say 486", "ACK"],
}
#: (state, event) → (next state, what is sent, what the user hears); what is not here changes nothing.
INVITE_FIGURE: dict[tuple[str, str], Outcome] = {
    ("proceeding", "silence"): ("proceeding", ["100"], []),
    ("proceeding", "say 180"): ("proceeding", ["180"], []),
    ("proceeding", "say 200"): ("accepted", ["200"], []),
    ("proceeding", "say 302"): ("completed", ["302"], []),
    ("proceeding", "say 603"): ("completed", ["603"], []),
    ("proceeding", "CANCEL"): ("proceeding", ["200"], ["cancelled"]),
    ("proceeding, rung", "INVITE"): ("proceeding", ["180"], []),
    ("proceeding, rung", "silence"): ("proceeding", [], []),
    ("proceeding, rung", "say 180"): ("proceeding", ["180"], []),
    ("proceeding, rung", "say 200"): ("accepted", ["200"], []),
    ("proceeding, rung", "say 302"): ("completed", ["302"], []),
    ("proceeding, rung", "say 603"): ("completed", ["603"], []),
    ("proceeding, rung", "CANCEL"): ("proceeding", ["200"], ["cancelled"]),
    ("accepted", "say 200"): ("accepted", ["200"], []),
    ("accepted", "ACK"): ("accepted", [], ["ACK"]),
    ("accepted", "timer L"): ("terminated", [], []),
    ("accepted", "transport error"): ("accepted", [], ["failed"]),
    ("accepted", "CANCEL"): ("accepted", ["200"], []),
    ("completed", "INVITE"): ("completed", ["486"], []),
    ("completed", "timer G"): ("completed", ["486"], []),
    ("completed", "ACK"): ("confirmed", [], []),
    ("completed", "timer H"): ("terminated", [], []),
    ("completed", "transport error"): ("completed", [], ["failed"]),
    ("completed", "CANCEL"): ("completed", ["200"], []),
    ("confirmed", "timer I"): ("terminated", [], []),
    ("confirmed", "CANCEL"): ("confirmed", ["200"], []),
}
INVITE_EVENTS = [
    *("INVITE", "ACK", "CANCEL", "silence", "say 100", "say 180", "say 200", "say 302", "say 603"),
    *("timer G", "timer H", "timer I", "timer L", "transport error"),
]
INVITE_FIGURE |= {
    ("proceeding", "say 100"): ("proceeding", ["100"], []),
    ("proceeding, rung", "say 100"): ("proceeding", ["100"], []),
}

PLAIN_STATES = {"trying": [], "proceeding": ["silence"], "completed": ["say 200"]}
PLAIN_FIGURE: dict[tuple[str, str], Outcome] = {
    ("trying", "silence"): ("proceeding", ["100"], []),
    ("trying", "say 200"): ("completed", ["200"], []),
    ("trying", "say 404"): ("completed", ["404"], []),
    ("trying", "say 408"): ("terminated", [], []),
    ("proceeding", "OPTIONS"): ("proceeding", ["100"], []),
    ("proceeding", "too late"): ("terminated", [], []),
    ("proceeding", "say 200"): ("completed", ["200"], []),
    ("proceeding", "say 404"): ("completed", ["404"], []),
    ("proceeding", "say 408"): ("terminated", [], []),
    ("completed", "OPTIONS"): ("completed", ["200"], []),
    ("completed", "timer J"): ("terminated", [], []),
    ("completed", "transport error"): ("terminated", [], ["failed"]),
}
PLAIN_EVENTS = [
    *("OPTIONS", "silence", "too late", "say 100", "say 183", "say 200", "say 404", "say 408"),
    *("timer J", "transport error"),
]


def outcome(method: str, flow: Flow, way: list[str], event: str) -> Outcome:
    """Begin, go the way to a state, and see what an event does there."""
    bench = Bench()
    bench.hear(method, flow)
    transaction = bench.agent.transactions[0]
    request = bench.agent.requests[0]
    user = transaction.user
    assert isinstance(user, RecordingServer)

    def happen(what: str) -> None:
        if what.startswith("say "):
            transaction.respond(respond(request, int(what.removeprefix("say ")), to_tag="ours"))
        elif what in {"ACK", "CANCEL", "INVITE", "OPTIONS"}:
            bench.hear(what, flow, to_tag="ours" if what == "ACK" else "")
        elif what == "transport error":
            bench.layer.failed(flow)
        else:
            transaction.happen(what)

    for step in way:
        happen(step)
    bench.network.take()
    happen(event)
    heard = user.heard + [ack.method for ack in bench.agent.acks]
    assert len(bench.agent.transactions) == 1 or transaction.state == "terminated"
    found = (transaction.state, bench.sent(), heard)
    transaction.respond(respond(request, 500, to_tag="ours"))  # whatever is open ends
    bench.drain()
    assert bench.layer.size <= (len(bench.agent.transactions) - 1)
    return found


def named(state: str) -> str:
    return state.partition(",")[0]


@pytest.mark.parametrize("event", INVITE_EVENTS)
@pytest.mark.parametrize("state", INVITE_STATES)
def test_the_invite_server_does_what_the_figure_says_over_udp(state: str, event: str) -> None:
    expected = INVITE_FIGURE.get((state, event), (named(state), [], []))
    assert outcome("INVITE", UDP, INVITE_STATES[state], event) == expected


@pytest.mark.parametrize("event", [event for event in INVITE_EVENTS if event not in {"INVITE", "timer G"}])
@pytest.mark.parametrize("state", [state for state in INVITE_STATES if state != "confirmed"])
def test_the_invite_server_over_tcp_ends_with_the_ack_of_its_refusal(state: str, event: str) -> None:
    state_after, sent, heard = INVITE_FIGURE.get((state, event), (named(state), [], []))
    expected = ("terminated" if state_after == "confirmed" else state_after, sent, heard)  # timer I: zero
    assert outcome("INVITE", TCP, INVITE_STATES[state], event) == expected


@pytest.mark.parametrize("event", PLAIN_EVENTS)
@pytest.mark.parametrize("state", PLAIN_STATES)
def test_the_plain_server_does_what_the_figure_says_over_udp(state: str, event: str) -> None:
    expected = PLAIN_FIGURE.get((state, event), (state, [], []))
    assert outcome("OPTIONS", UDP, PLAIN_STATES[state], event) == expected


@pytest.mark.parametrize("event", [event for event in PLAIN_EVENTS if event != "OPTIONS"])
@pytest.mark.parametrize("state", ["trying", "proceeding"])
def test_the_plain_server_over_tcp_ends_with_its_answer_and_may_say_100_at_any_time(
    state: str, event: str
) -> None:
    state_after, sent, heard = PLAIN_FIGURE.get((state, event), (state, [], []))
    if event == "say 100":
        state_after, sent = "proceeding", ["100"]
    expected = ("terminated" if state_after == "completed" else state_after, sent, heard)
    assert outcome("OPTIONS", TCP, PLAIN_STATES[state], event) == expected
