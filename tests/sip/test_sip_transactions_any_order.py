"""Whatever comes in whatever order: no transaction raises, each ends, and none leaves a timer or an entry."""

from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.sip.message import Request, respond
from ivr.sip.network import Flow
from tests.sip.transaction_bench import TCP, UDP, Bench, RecordingClient, incoming

#: What can befall the server's side, the client's side, and both.
SERVER = [
    *("INVITE", "ACK", "CANCEL", "BYE", "INVITE old", "ACK old", "CANCEL old"),
    *("say 100", "say 180", "say 200", "say 302", "say 408", "say 487", "say 503"),
]
CLIENT = ["ask INVITE", "ask BYE", "cancel", "100", "180", "200", "200 fork", "302", "481", "600"]
BOTH = ["udp fails", "tcp fails", "0.1", "0.6", "4", "20", "33"]

STEPS = st.lists(
    st.tuples(st.sampled_from(SERVER + CLIENT + BOTH), st.integers(0, 2), st.sampled_from([UDP, TCP])),
    max_size=40,
)


class World:
    """A bench with whatever transactions the steps began."""

    def __init__(self) -> None:
        self.bench = Bench(most=6)
        self.asked: list[tuple[object, RecordingClient]] = []

    def step(self, what: str, which: int, flow: Flow) -> None:
        bench = self.bench
        word, _, more = what.partition(" ")
        if word in {"INVITE", "ACK", "CANCEL", "BYE"}:
            branch = "old" if more else f"z9hG4bK{which}"
            bench.hear(
                word, flow, branch=branch, call_id=f"call{which}", to_tag="ours" if word == "ACK" else ""
            )
        elif word == "say":
            for transaction, request in list(
                zip(bench.agent.transactions, bench.agent.requests, strict=True)
            )[which::3]:
                transaction.respond(respond(request, int(more), to_tag="ours"))
        elif word == "ask":
            self.asked.append(bench.ask(more, flow))
        elif word in {"udp", "tcp"}:
            bench.layer.failed(UDP if word == "udp" else TCP)
        elif word == "cancel" or (word.isdigit() and int(word) >= 100):
            self._answer(word, which, more or "theirs")
        else:
            bench.advance(bench.clock.time() + float(word))

    def _answer(self, word: str, which: int, tag: str) -> None:
        for transaction, _ in self.asked[which::3]:
            if word == "cancel":
                transaction.cancel()  # type: ignore[attr-defined]
            else:
                self.bench.answer(transaction, int(word), tag)  # type: ignore[arg-type]

    def end(self) -> None:
        """What has no end of its own is ended: ringing INVITEs, one way or the other."""
        self.step("say 500", 0, UDP)
        for which in range(3):
            self.step("say 500", which, UDP)
            self.step("487", which, UDP)
        self.bench.drain()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(STEPS)
def test_every_transaction_ends_and_every_user_hears_one_outcome(steps: list[tuple[str, int, Flow]]) -> None:
    world = World()
    for step in steps:
        world.step(*step)
    world.end()
    assert world.bench.is_clean()
    for transaction, user in world.asked:
        assert transaction.state == "terminated"  # type: ignore[attr-defined]
        outcomes = [heard for heard in user.heard if heard not in {"100", "180"}]
        accepted = outcomes[:1] == ["200"] and transaction.request.method == "INVITE"  # type: ignore[attr-defined]
        assert len(outcomes) == 1 or (accepted and set(outcomes) == {"200"})
        assert user.heard[-1] not in {"100", "180"}


def test_the_bound_holds_in_any_storm() -> None:
    bench = Bench(most=50)
    for number in range(2000):
        method = ("INVITE", "OPTIONS", "BYE", "CANCEL")[number % 4]
        bench.hear(method, branch=f"z9hG4bK{number}", call_id=str(number), to_tag="x" if number % 3 else "")
        assert bench.layer.size <= 56
    bench.drain()
    assert bench.layer.size <= 56
    for transaction, request in zip(bench.agent.transactions, bench.agent.requests, strict=True):
        transaction.respond(respond(request, 486, to_tag="ours"))
    bench.drain()
    assert bench.is_clean()


def call(number: int) -> Request:
    """An INVITE as telephones send it: about 1,200 octets."""
    body = "v=0\r\n" + "a=rtpmap:0 PCMU/8000\r\n" * 15
    more = "User-Agent: Telephone of somebody 1.2.3\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n"
    more += f"Contact: <sip:caller@198.51.100.7:{1024 + number}>\r\nContent-Type: application/sdp\r\n"
    return incoming("INVITE", branch=f"z9hG4bK{number}", call_id=f"{number}@host", more=more, body=body)


def test_a_refused_call_weighs_little_until_its_ack_comes() -> None:
    bench = Bench()
    bench.layer.received(call(0), UDP)
    count = 200
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, count + 1):
            flow = Flow("udp", "198.51.100.7", 1024 + number)
            bench.layer.received(call(number), flow)
            bench.agent.transactions.pop().respond(respond(bench.agent.requests.pop(), 486, to_tag="ours"))
        bench.network.take()
        weight = (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()
    assert bench.layer.size == count + 1
    assert weight <= 4096
