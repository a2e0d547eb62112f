"""Packets that are almost right, thrown at an agent with calls up: it never stumbles, and the calls stay up."""

from __future__ import annotations

import sys
from random import Random

import pytest

from ivr.sip.network import Flow
from ivr.sip.uri import Uri
from tests.sip.two_agents import ANSWER, Pair, Person, Stranger

WORDS = [
    b"",
    b"0",
    b"-1",
    b"4294967296",
    b"99999999999999999999",
    b"\xff\xfe",
    b"%00",
    b"<sip:a@b;lr>",
    b"sips:",
    b"tel:+1",
    b"*",
    b",",
    b";tag=",
    b";branch=",
    b"z9hG4bK",
    b"INVITE",
    b"ACK",
    b"PRACK",
    b"UPDATE",
    b"REFER",
    b"NOTIFY",
    b"100rel",
    b"timer",
    b"refer;id=1",
    b"1;refresher=uas",
    b"terminated",
    b"application/sdp",
    b"multipart/mixed;boundary=x",
    b"\r\n",
    b"\r\nRequire: 100rel",
    b"\r\nReplaces: a;to-tag=b;from-tag=c",
    b"\r\nSession-Expires: 90",
    b"\r\nRSeq: 1",
    b"\r\nRAck: 1 1 INVITE",
    b"\r\nRecord-Route: <sip:x.invalid;lr>",
    b"\r\nContact: <sip:y.invalid>",
    b"\r\nContent-Encoding: gzip",
]


def samples() -> list[tuple[bytes, str]]:
    """Every message of a few rich calls, and who sent it."""
    settings = {"reliable": "offered"}
    pair = Pair(alice=settings, bob=settings)
    pair.bob.on_invited = lambda session, person: (session.ring(183, ANSWER), session.answer(ANSWER))
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    bob = pair.bob.people[0]
    alice.on["referred"] = lambda to, replaces, by: 202
    alice.session.offer(b"hold")
    pair.run(1)
    bob.session.offer(b"hold")
    alice.session.info("application/dtmf-relay", b"Signal=1\r\n")
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=lambda status: None)
    pair.run(1)
    alice.report(200)
    pair.run(1000)
    alice.session.hang_up()
    pair.run(1)
    pair.bob.on_invited = lambda session, person: session.ring()
    cancelled = pair.alice.call(pair.bob.uri(), offer=b"")
    pair.run(1)
    cancelled.session.hang_up()
    pair.run(1)
    return [(packet.data, packet.source) for packet in pair.wire.packets]


def mutate(data: bytes, random: Random) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at, kind = random.randrange(len(out) + 1), random.randrange(5)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << random.randrange(8)
        elif kind == 1:
            out[at:at] = random.choice(WORDS)
        elif kind == 2:
            del out[at : at + random.randrange(20)]
        elif kind == 3:
            lines = bytes(out).split(b"\r\n")
            first, second = random.randrange(len(lines)), random.randrange(len(lines))
            lines[first] = lines[second]
            out = bytearray(b"\r\n".join(lines))
        else:
            name, colon, _ = bytes(out)[:at].rpartition(b"\r\n")[2].partition(b":")
            if colon:
                start = at - len(bytes(out)[:at].rpartition(b"\r\n")[2])
                stop = out.find(b"\r\n", start)
                out[start : stop if stop > 0 else len(out)] = name + b": " + random.choice(WORDS)
    return bytes(out)


def throw(seed: int, count: int) -> None:
    """Throw that many mutations at both sides of calls that come, stand and go; then all must be over."""
    random = Random(seed)
    corpus = samples()
    settings = {"reliable": "offered", "most_sessions": 200}
    pair = Pair(alice=settings, bob=settings)
    pair.bob.on_invited = lambda session, person: (session.ring(183, ANSWER), session.answer(ANSWER))
    bystander = Stranger(pair.wire)
    bystander.ask("INVITE", body=b"offer", call_id="bystander")
    pair.run(0.1)
    tag = bystander.responses("INVITE")[-1].to.tag
    bystander.ask("ACK", to_tag=tag, call_id="bystander")
    alive: list[Person] = []
    for number in range(count):
        if number % 50 == 0:
            alive = [pair.alice.call(pair.bob.uri()) for _ in range(3)]
            pair.wire.packets.clear()
        data, source = random.choice(corpus)
        recent = random.choice(pair.wire.packets) if pair.wire.packets and random.random() < 0.7 else None
        if recent is not None:
            data, source = recent.data, recent.source
        agent = pair.bob.agent if source == "10.0.0.1" else pair.alice.agent
        agent.received(mutate(data, random), Flow("udp", source, 5060))
        pair.run(random.choice((0.0, 0.003, 0.02)))
        if number % 50 == 49:
            for person in alive:
                person.session.hang_up()
            pair.run(1)
    bystander.ask("OPTIONS", to_tag=tag, call_id="bystander", cseq=2)
    pair.run(0.1)
    assert bystander.statuses("OPTIONS") == [200], "a call that has nothing to do with it is still up"
    bystander.ask("BYE", to_tag=tag, call_id="bystander", cseq=3)
    pair.run(0.1)
    errors = [n for n in pair.alice.notices + pair.bob.notices if n[0] in {"error", "user_error"}]
    assert errors == []
    pair.run(5000)
    for station in (pair.alice, pair.bob):
        for person in station.people:
            assert person.names().count("ended") <= 1
            if person.session is not None and person.session.state != "ended":
                person.session.hang_up()
    pair.run(5000)
    assert pair.alice.clean()
    assert pair.bob.clean()
    assert pair.clock.next_timer() is None


@pytest.mark.parametrize("seed", range(4))
def test_mutated_messages_hurt_nobody_and_leave_nothing_behind(seed: int) -> None:
    throw(seed, 500)


if __name__ == "__main__":
    for one in range(int(sys.argv[1]), int(sys.argv[2])):
        throw(one, 2_000)
