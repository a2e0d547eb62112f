"""Figures 5 (as in RFC 6026) and 6 of RFC 3261: every state of the client machines with every event."""

from __future__ import annotations

import pytest

from ivr.sip.network import Flow
from tests.sip.transaction_bench import TCP, UDP, Bench

Outcome = tuple[str, list[str], list[str]]

#: How each state is reached, by responses from the beginning.
INVITE_STATES = {"calling": [], "proceeding": [180], "completed": [486], "accepted": [200]}
#: (state, event) → (next state, what is sent, what the user hears); what is not here changes nothing.
INVITE_FIGURE: dict[tuple[str, str], Outcome] = {
    ("calling", "timer A"): ("calling", ["INVITE"], []),
    ("calling", "timer B"): ("terminated", [], ["timeout"]),
    ("calling", "transport error"): ("terminated", [], ["failed"]),
    ("calling", "180"): ("proceeding", [], ["180"]),
    ("calling", "200"): ("accepted", [], ["200"]),
    ("calling", "302"): ("completed", ["ACK"], ["302"]),
    ("calling", "603"): ("completed", ["ACK"], ["603"]),
    ("proceeding", "180"): ("proceeding", [], ["180"]),
    ("proceeding", "200"): ("accepted", [], ["200"]),
    ("proceeding", "302"): ("completed", ["ACK"], ["302"]),
    ("proceeding", "603"): ("completed", ["ACK"], ["603"]),
    ("completed", "302"): ("completed", ["ACK"], []),
    ("completed", "603"): ("completed", ["ACK"], []),
    ("completed", "timer D"): ("terminated", [], []),
    ("completed", "transport error"): ("terminated", [], []),
    ("accepted", "200"): ("accepted", [], ["200"]),
    ("accepted", "timer M"): ("terminated", [], []),
}
INVITE_EVENTS = ["timer A", "timer B", "timer D", "timer M", "transport error", "180", "200", "302", "603"]

PLAIN_STATES = {"trying": [], "proceeding": [100], "completed": [200]}
PLAIN_FIGURE: dict[tuple[str, str], Outcome] = {
    ("trying", "timer E"): ("trying", ["OPTIONS"], []),
    ("trying", "timer F"): ("terminated", [], ["timeout"]),
    ("trying", "transport error"): ("terminated", [], ["failed"]),
    ("trying", "100"): ("proceeding", [], ["100"]),
    ("trying", "200"): ("completed", [], ["200"]),
    ("trying", "404"): ("completed", [], ["404"]),
    ("proceeding", "timer E"): ("proceeding", ["OPTIONS"], []),
    ("proceeding", "timer F"): ("terminated", [], ["timeout"]),
    ("proceeding", "transport error"): ("terminated", [], ["failed"]),
    ("proceeding", "100"): ("proceeding", [], ["100"]),
    ("proceeding", "200"): ("completed", [], ["200"]),
    ("proceeding", "404"): ("completed", [], ["404"]),
    ("completed", "timer K"): ("terminated", [], []),
}
PLAIN_EVENTS = ["timer E", "timer F", "timer K", "transport error", "100", "200", "404"]


def outcome(method: str, flow: Flow, way: list[int], event: str) -> Outcome:
    """Begin, go the way to a state, and see what an event does there."""
    bench = Bench()
    transaction, user = bench.ask(method, flow)
    for status in way:
        bench.answer(transaction, status)
    bench.network.take()
    user.heard.clear()
    if event.isdigit():
        bench.answer(transaction, int(event))
    elif event == "transport error":
        bench.layer.failed(flow)
    else:
        transaction.happen(event)
    found = (transaction.state, bench.sent(), user.heard.copy())
    bench.answer(transaction, 487)  # a call that rings has no end of its own
    bench.drain()
    assert bench.is_clean()
    return found


@pytest.mark.parametrize("event", INVITE_EVENTS)
@pytest.mark.parametrize("state", INVITE_STATES)
def test_the_invite_client_does_what_the_figure_says_over_udp(state: str, event: str) -> None:
    expected = INVITE_FIGURE.get((state, event), (state, [], []))
    assert outcome("INVITE", UDP, INVITE_STATES[state], event) == expected


@pytest.mark.parametrize("event", INVITE_EVENTS)
@pytest.mark.parametrize("state", INVITE_STATES)
def test_the_invite_client_over_tcp_ends_with_its_refusal(state: str, event: str) -> None:
    if state == "completed":
        expected: Outcome = ("terminated", [], [])  # timer D is zero seconds
    else:
        state_after, sent, heard = INVITE_FIGURE.get((state, event), (state, [], []))
        expected = ("terminated" if state_after == "completed" else state_after, sent, heard)
    assert outcome("INVITE", TCP, INVITE_STATES[state], event) == expected


@pytest.mark.parametrize("event", PLAIN_EVENTS)
@pytest.mark.parametrize("state", PLAIN_STATES)
def test_the_plain_client_does_what_the_figure_says_over_udp(state: str, event: str) -> None:
    expected = PLAIN_FIGURE.get((state, event), (state, [], []))
    assert outcome("OPTIONS", UDP, PLAIN_STATES[state], event) == expected


@pytest.mark.parametrize("event", PLAIN_EVENTS)
@pytest.mark.parametrize("state", PLAIN_STATES)
def test_the_plain_client_over_tcp_ends_with_its_answer(state: str, event: str) -> None:
    if state == "completed":
        expected: Outcome = ("terminated", [], [])  # timer K is zero seconds
    else:
        state_after, sent, heard = PLAIN_FIGURE.get((state, event), (state, [], []))
        expected = ("terminated" if state_after == "completed" else state_after, sent, heard)
    assert outcome("OPTIONS", TCP, PLAIN_STATES[state], event) == expected
