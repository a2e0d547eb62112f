"""Thousands of calls on a wire that loses, doubles and reorders: every one ends on both sides, once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest

from ivr.clock import VirtualClock
from ivr.sip.session import Session
from ivr.sip.uri import Uri
from ivr.sip.users import AgentSettings, Usage
from tests.sip.lossy import FINE, ROUGH, Host, Party, Proxy, Weather, Wire, answer

LONGEST = 4_000.0  # virtual seconds by which everything is over
SLOWEST = 40.0  # 64*T1, and what the wire takes


class World:
    """Three hosts on one wire, and the calls between them."""

    def __init__(self, seed: int, weather: Weather = ROUGH, settings: AgentSettings | None = None) -> None:
        self.random = Random(seed)
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.wire = Wire(self.clock, self.random, weather)
        self.settings = settings or AgentSettings()
        self.hosts = [Host(self.wire, f"10.0.0.{n}", self.settings) for n in (1, 2, 3)]
        self.log: list[str] = []
        self.plans: dict[str, Callable[[Party], None]] = {}
        self.met: dict[str, list[Party]] = {}
        for host in self.hosts:
            host.on_invited = self._invited

    def _invited(self, party: Party, session: Session) -> None:
        number = session.invite.uri.user
        self.met.setdefault(number, []).append(party)
        self.plans[number](party)

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """In so many virtual seconds."""
        self.clock.call_at(self.clock.time() + seconds, action)

    def some(self, most: float) -> float:
        """A random number of seconds, often a very small one."""
        return self.random.choice((0.0, self.random.random() * 0.5, self.random.random() * most))

    def call(
        self, number: str, caller: Host, callee: Host, plan: Callable[[Party], None], *, late: bool = False
    ) -> Party:
        """Place a call; `plan` gets the other side once it rings there."""
        self.plans[number] = plan
        return caller.call(callee.uri(number), late=late)

    def hang_up_callee(self, number: str) -> None:
        """The called side of that call hangs up, if the call ever reached it."""
        for party in self.met.get(number, ()):
            party.hang_up()

    def hang_up_all(self, number: str) -> None:
        """Everybody hangs up whose call has to do with that one."""
        for host in self.hosts:
            for party in host.parties:
                if related(party) == number:
                    party.hang_up()

    def live(self) -> None:
        """Until nothing is left to happen, or far too long."""
        while (due := self.clock.next_timer()) is not None and due < LONGEST:
            self.clock.advance_to_next()

    def figures(self) -> Counter[str]:
        """How much of what has happened."""
        parties = [party for host in self.hosts for party in host.parties]
        count = Counter({"parties": len(parties)})
        count["established"] = sum(party.established_at is not None for party in parties)
        count["transfers done"] = sum(party.reports[-1:] == [200] for party in parties)
        for party in parties:
            count.update(f"{by} {status}" for by, status in party.ends)
        return count

    def wrong(self, *, slowest: float = SLOWEST) -> list[str]:
        """Whatever is not as it should be once everything is over.

        `slowest`: seconds that may pass between the two ends of a call, and after the last one of a host
        until its last timer has run.
        """
        found = [f"call {number} came {len(met)} times" for number, met in self.met.items() if len(met) > 1]
        if self.clock.next_timer() is not None:
            found.append(f"a timer is left at {self.clock.next_timer()}")
        for host in self.hosts:
            found += [f"{host.address} {what}" for what in left_behind(host, slowest)]
        for call_id, parties in self.calls().items():
            times = [party.ended_at for party in parties]
            if max(times) - min(times) > slowest:
                found.append(f"call {call_id} ended at {times}")
        return found

    def calls(self) -> dict[str, list[Party]]:
        """The parties of each call, by Call-ID."""
        calls: dict[str, list[Party]] = {}
        for party in (party for host in self.hosts for party in host.parties):
            assert party.session is not None
            calls.setdefault(party.session.call_id, []).append(party)
        return calls

    def unprovoked(self) -> list[str]:
        """Calls that nobody wanted to end, and that ended: those that the weather broke.

        Without SDP that both like (488) there is no call, and it is nobody's wish.
        """
        found = []
        for call_id, parties in self.calls().items():
            ends = [party.ends[0] for party in parties if party.ends]
            if len(parties) == 2 and not any(by == "us" or status == 488 for by, status in ends):
                found.append(f"call {call_id}: {ends}")
        return found


def left_behind(host: Host, slowest: float) -> list[str]:
    """What a host still has when everything is over, and what its users should not have been told."""
    agent = host.agent
    found = [f"noticed {what} {detail}" for what, detail in host.notices if what in BAD and detail != GONE]
    if (agent.sessions, agent.transactions, agent.dialogs) != (0, 0, 0):
        found.append(f"keeps {agent.sessions}, {agent.transactions}, {agent.dialogs}")
    for party in host.parties:
        found += [f"{party.name}: {what}" for what in party.wrong]
        if len(party.ends) != 1:
            found.append(f"{party.name} ended {len(party.ends)} times: {party.ends}")
    last = max((party.ended_at for party in host.parties), default=0.0)
    if host.watch.last > last + slowest:
        found.append(f"has a timer at {host.watch.last}, long after {last}")
    return found


BAD = {"error", "user_error", "malformed", "overload", "refused"}
GONE = "INVITE 481"  # what a call that was to be replaced may be by then


# --- scripts: each places one call and plans what both sides do -----------------------------------------


def answering(world: World, then: Callable[[Party], None] = lambda party: None) -> Callable[[Party], None]:
    """A callee that rings in one of the usual ways, and answers after a while."""
    ring = world.random.choice(("", "180", "183", "180+183"))
    wait = world.some(3.0)

    def plan(party: Party) -> None:
        if "180" in ring:
            party.act(lambda session: session.ring(180))
        if "183" in ring:
            party.act(lambda session: early_media(party, session))
        world.at(wait, lambda: answer(party))
        then(party)

    return plan


def early_media(party: Party, session: Session) -> None:
    """183 with the answer that will be in the 200 as well; with none where the caller gave no offer."""
    party.agreed = party.agreed or session.remote_offer
    sdp = b"answer to " + session.remote_offer if session.remote_offer else b""
    session.ring(183, sdp)


def talk(world: World, number: str, caller: Host, callee: Host) -> None:
    """Answered; both change things and send keys at any time; either or both hang up."""

    def busy(party: Party) -> None:
        for _ in range(world.random.randrange(5)):
            action = world.random.choice((party.change, party.change, party.key))
            world.at(world.random.random() * 12.0, action)

    party = world.call(number, caller, callee, answering(world, busy), late=world.random.random() < 0.2)
    busy(party)
    ends(world, number, party, 15.0)


def ends(world: World, number: str, caller: Party, longest: float) -> None:
    """Either side or both hang up at some time, together or nearly so."""
    when = world.random.random() * longest
    who = world.random.choice(("caller", "callee", "both"))
    if who != "callee":
        world.at(when, caller.hang_up)
    if who != "caller":
        world.at(
            when + world.some(0.6) * (who == "both"),
            lambda: [party.hang_up() for party in world.met.get(number, ())],
        )
    world.at(longest + 100.0, caller.hang_up)


def refused(world: World, number: str, caller: Host, callee: Host) -> None:
    """Refused by the callee, at once or after some ringing."""
    status = world.random.choice((302, 404, 480, 486, 488, 500, 503, 600, 603))
    wait = world.some(2.0)

    def plan(party: Party) -> None:
        if world.random.random() < 0.5:
            party.act(lambda session: session.ring())
        world.at(wait, lambda: party.act(lambda session: session.refuse(status)))

    world.call(number, caller, callee, plan)


def given_up(world: World, number: str, caller: Host, callee: Host) -> None:
    """The caller hangs up while it rings; nobody answers."""
    party = world.call(number, caller, callee, lambda callee: callee.act(lambda session: session.ring()))
    world.at(world.some(3.0), party.hang_up)


def crossing(world: World, number: str, caller: Host, callee: Host) -> None:
    """The caller hangs up at about the moment at which the callee answers."""
    moment = 1.0 + world.random.random()
    party = world.call(number, caller, callee, lambda callee: world.at(moment - 0.3, lambda: answer(callee)))
    world.at(moment + (world.random.random() - 0.5), party.hang_up)
    world.at(100.0, lambda: world.hang_up_callee(number))


def glare(world: World, number: str, caller: Host, callee: Host) -> None:
    """Both offer at the same moment, several times; after a quiet minute both think the same."""
    party = world.call(number, caller, callee, answering(world))
    other = lambda: next(iter(world.met.get(number, ())), party)  # noqa: E731
    for second in (5.0, 5.0 + world.some(0.5), 9.0):
        world.at(second, party.change)
        world.at(second, lambda: other().change())

    def compare() -> None:
        if not party.ends and not other().ends and party.agreed != other().agreed:
            party.wrong.append(f"thinks {party.agreed!r}, the other side {other().agreed!r}")
        party.hang_up()

    world.at(100.0, compare)


def transferred(world: World, number: str, caller: Host, callee: Host) -> None:
    """The caller consults a third and then joins the two (RFC 5589), or sends the callee there blindly."""
    third = next(host for host in world.hosts if host not in (caller, callee))
    party = world.call(number, caller, callee, answering(world))
    world.plans[f"{number}t"] = answering(world)
    attended = world.random.random() < 0.7
    consulted = world.call(f"{number}c", caller, third, answering(world)) if attended else None
    target = third.uri(f"{number}c" if attended else f"{number}t")
    world.at(6.0, lambda: party.transfer(target, consulted))
    if world.random.random() < 0.3:
        world.at(6.0 + world.some(1.5), party.hang_up)
    world.at(150.0, lambda: world.hang_up_all(number))


def related(party: Party) -> str:
    """The number that a party's call was placed to."""
    session = party.session
    return session.invite.uri.user.rstrip("ct") if session is not None else ""


SCRIPTS = (talk, talk, talk, refused, given_up, crossing, glare, transferred)


def populate(world: World, calls: int) -> None:
    """Calls between random hosts, one every half second or so."""
    for number in range(calls):
        caller, callee = world.random.sample(world.hosts[:3], 2)
        script = world.random.choice(SCRIPTS)
        place = lambda script=script, number=number, a=caller, b=callee: script(world, str(number), a, b)  # noqa: E731
        world.at(number * 0.5 + world.random.random(), place)


SETTINGS = (
    AgentSettings(),
    AgentSettings(session_timers="off", reliable="off"),
    AgentSettings(session_timers="always", session_expires=90, reliable="required"),
)


@pytest.mark.parametrize("seed", range(12))
def test_every_call_ends_on_both_sides_and_leaves_nothing_behind(seed: int) -> None:
    world = World(seed, settings=SETTINGS[seed % len(SETTINGS)])
    populate(world, 40)
    world.live()
    assert world.wrong() == []
    assert world.unprovoked() == []
    assert world.wire.count["lost"] > world.wire.count["sent"] // 20


def chain(world: World, *, between: str = "udp", silent: bool = False) -> list[Proxy]:
    """Two proxies that stay on the path of calls between the first two hosts, and perhaps one that does not."""
    one, two = world.hosts[0], world.hosts[1]
    ends = [world.wire.end(f"10.0.1.{n}") for n in (1, 2, 3)]
    tail = "" if between == "udp" else f";transport={between}"
    first, second, third = (Uri.parse(f"sip:{end.host}{tail};lr") for end in ends)
    one.route = [Uri.parse(f"sip:{ends[0].host};lr")]
    two.route = [Uri.parse(f"sip:{ends[1].host};lr")]
    proxies = [
        Proxy(
            ends[0], record=True, table={two.address: third if silent else second}, strangers={two.address}
        ),
        Proxy(ends[1], record=True, table={one.address: third if silent else first}, strangers={one.address}),
    ]
    if silent:
        proxies.append(
            Proxy(
                ends[2],
                record=False,
                table={two.address: second, one.address: first},
                strangers={two.address, one.address},
            )
        )
    return proxies


@pytest.mark.parametrize("between", ["udp", "tcp"])
@pytest.mark.parametrize("silent", [False, True])
def test_calls_through_proxies_that_stay_on_the_path_end_on_both_sides(between: str, silent: bool) -> None:
    for seed in range(2):
        world = World(seed, settings=SETTINGS[seed])
        proxies = chain(world, between=between, silent=silent)
        populate(world, 30)
        world.live()
        assert world.wrong() == []
        assert all(proxy.requests > 50 for proxy in proxies[:2])
        assert [proxy.strange for proxy in proxies if proxy.strange] == []


def test_calls_over_tcp_end_on_both_sides() -> None:
    world = World(1)
    for host in world.hosts:
        host.transport = "tcp"
    populate(world, 30)
    world.live()
    assert world.wrong() == []


@pytest.mark.parametrize("seed", range(4))
def test_when_a_host_vanishes_the_others_and_it_too_are_rid_of_every_call(seed: int) -> None:
    world = World(seed, settings=AgentSettings(session_timers="always", session_expires=90))
    populate(world, 30)
    world.at(2.0 + world.random.random() * 10.0, lambda: world.wire.cut.add(world.hosts[0].address))
    world.live()
    assert world.wrong(slowest=200.0) == []


@pytest.mark.parametrize(
    ("method", "start"),
    [
        ("INVITE", b"INVITE "),
        ("INVITE", b"SIP/2.0 100 "),
        ("INVITE", b"SIP/2.0 18"),
        ("INVITE", b"SIP/2.0 200 "),
        ("INVITE", b"SIP/2.0 487 "),
        ("INVITE", b"SIP/2.0 4"),
        ("ACK", b"ACK "),
        ("CANCEL", b"CANCEL "),
        ("CANCEL", b"SIP/2.0 "),
        ("PRACK", b"PRACK "),
        ("PRACK", b"SIP/2.0 "),
        ("UPDATE", b"UPDATE "),
        ("UPDATE", b"SIP/2.0 "),
        ("INFO", b"SIP/2.0 "),
        ("REFER", b"SIP/2.0 "),
        ("NOTIFY", b"NOTIFY "),
        ("NOTIFY", b"SIP/2.0 "),
        ("BYE", b"BYE "),
        ("BYE", b"SIP/2.0 "),
    ],
)
def test_when_one_kind_of_message_never_arrives_every_call_ends_all_the_same(
    method: str, start: bytes
) -> None:
    for seed, settings in enumerate(IN_THE_END):
        world = World(seed, settings=settings)
        sequence = f" {method}\r\n".encode()
        world.wire.never = lambda data, end=sequence: data.startswith(start) and cseq(data).endswith(end)
        populate(world, 30)
        world.live()
        assert world.wrong(slowest=500.0) == []


# With these, even a side that is never told ends: the other cannot refresh a session that is no more.
IN_THE_END = (
    AgentSettings(session_timers="always", session_expires=90, unanswered_seconds=60.0),
    AgentSettings(session_timers="offered", session_expires=90, reliable="required", unanswered_seconds=60.0),
)


def cseq(data: bytes) -> bytes:
    """The CSeq line of a message."""
    return data[data.index(b"\r\nCSeq:") + 2 :].split(b"\n")[0] + b"\n"


@pytest.mark.parametrize("vanished", [0, 1])
def test_a_call_whose_other_side_vanished_ends_by_its_session_timer(vanished: int) -> None:
    world = World(1, FINE, AgentSettings(session_timers="offered", session_expires=90))
    world.call("1", world.hosts[0], world.hosts[1], lambda party: answer(party))
    world.at(10.0, lambda: world.wire.cut.add(world.hosts[vanished].address))
    world.live()
    assert world.wrong() == []
    ended = [party.ends[0] for host in world.hosts for party in host.parties]
    assert ended == [("line", 408), ("line", 408)]
    assert world.clock.time() < 200.0


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_weather_alone_keeps_no_call_from_being_made_and_ends_none(settings: AgentSettings) -> None:
    world = World(1, settings=settings)
    for host in world.hosts:
        host.refuses = 0.0

    def steady(number: str, caller: Host, callee: Host) -> None:
        party = world.call(number, caller, callee, answering(world), late=world.random.random() < 0.2)
        for _ in range(4):
            world.at(8.0 + world.random.random() * 150.0, party.change)
            world.at(8.0 + world.random.random() * 150.0, party.key)
        world.at(200.0, world.random.choice((party.hang_up, lambda: world.hang_up_callee(number))))

    for number in range(40):
        caller, callee = world.random.sample(world.hosts, 2)
        world.at(number * 0.3, lambda n=number, a=caller, b=callee: steady(str(n), a, b))
    world.live()
    assert world.wrong() == []
    for parties in world.calls().values():
        assert sorted(party.ends[0] for party in parties) == [("caller", 200), ("us", 200)]
        assert min(party.ended_at for party in parties) > 199.0


# --- what the weather found, each by itself ---------------------------------------------------------------


def losing(*starts: bytes, times: int = 10_000) -> Callable[[bytes], bool]:
    """Messages that begin so never arrive, the first `times` of them."""
    left = times

    def never(data: bytes) -> bool:
        nonlocal left
        lost = data.startswith(starts) and left > 0
        left -= lost
        return lost

    return never


def fine_call(
    plan: Callable[[World, Party], None], never: Callable[[bytes], bool], *, reliable: Usage = "offered"
) -> tuple[World, Party]:
    """One call in fine weather but for what never arrives; and its caller."""
    world = World(1, FINE, AgentSettings(session_timers="off", reliable=reliable))
    world.wire.never = never
    for host in world.hosts:
        host.refuses = 0.0
    return world, world.call("1", world.hosts[0], world.hosts[1], lambda party: plan(world, party))


def acks_the_first_200(data: bytes) -> bool:
    """Whether it is the caller's ACK of the 200 that made the call."""
    return data.startswith(b"ACK ") and b"CSeq: 1 ACK" in data and b"\r\nFrom: <sip:10.0.0.1" in data


def ring_then_answer(world: World, party: Party) -> None:
    party.act(lambda session: early_media(party, session))
    world.at(3.0, lambda: answer(party))


def answer_at_once(world: World, party: Party) -> None:
    answer(party)


def lived_happily(world: World, caller: Party) -> None:
    """The call stands, and ends when the caller wants it to, a hundred seconds later."""
    world.at(100.0, caller.hang_up)
    world.live()
    assert caller.ends == [("us", 200)]
    assert world.met["1"][0].ends == [("caller", 200)]
    assert world.wrong() == []


def test_a_prack_that_was_overtaken_by_an_info_is_sent_again_with_a_higher_number() -> None:
    world, caller = fine_call(ring_then_answer, losing(b"PRACK ", times=1))
    world.at(0.1, caller.key)
    lived_happily(world, caller)


def test_an_update_waits_until_the_prack_before_it_is_answered() -> None:
    world, caller = fine_call(ring_then_answer, losing(b"PRACK ", times=1))
    sent: list[bytes] = []
    world.wire.tap = lambda when, source, to, data: sent.append(data[:6])
    world.at(0.1, caller.change)
    lived_happily(world, caller)
    assert sent.index(b"UPDATE") > max(at for at, start in enumerate(sent) if start == b"PRACK ")


def test_a_refusal_that_overtakes_the_prack_is_told_as_what_it_is() -> None:
    def plan(world: World, party: Party) -> None:
        ring_then_answer(world, party)
        party.act(lambda session: session.refuse(486))

    world, caller = fine_call(plan, losing(b"SIP/2.0 486", times=1))
    world.live()
    assert caller.ends == [("caller", 486)]
    assert world.wrong() == []


def test_an_info_that_overtakes_our_200_does_not_end_the_call() -> None:
    def plan(world: World, party: Party) -> None:
        answer(party)
        party.key()

    world, caller = fine_call(plan, losing(b"SIP/2.0 200", times=1))
    lived_happily(world, caller)


def test_a_re_invite_shows_that_our_200_arrived_though_its_ack_never_does() -> None:
    world, caller = fine_call(answer_at_once, acks_the_first_200)
    world.at(1.0, caller.change)
    lived_happily(world, caller)


def test_what_waited_for_the_ack_is_offered_after_the_re_invite_that_overtook_it_is_refused() -> None:
    world, caller = fine_call(answer_at_once, acks_the_first_200)
    world.hosts[1].refuses = 1.0
    world.at(0.5, lambda: world.met["1"][0].change())
    world.at(1.0, caller.change)
    lived_happily(world, caller)
    assert caller.agreed == f"offer 1 of {world.met['1'][0].name}".encode()


@pytest.mark.parametrize("acks_lost", [1, 3, 10_000])
def test_a_callee_who_hangs_up_before_the_ack_takes_the_caller_along(acks_lost: int) -> None:
    def plan(world: World, party: Party) -> None:
        answer(party)
        party.hang_up()

    world, caller = fine_call(plan, losing(b"ACK ", times=acks_lost))
    world.live()
    assert caller.ends == [("caller", 200)]
    assert caller.ended_at < (5.0 if acks_lost < 10 else 33.0)
    assert world.wrong() == []


def any_world(seed: int) -> World:
    """A world for a long run: its settings and its net by its seed."""
    world = World(seed, settings=SETTINGS[seed % len(SETTINGS)])
    kind = seed // len(SETTINGS) % 6
    if kind == 1:
        for host in world.hosts:
            host.transport = "tcp"
    elif kind > 1:
        chain(world, between=("udp", "tcp")[kind % 2], silent=kind > 3)
        world.wire.weather = Weather(0.03, 0.03, 0.15)  # on each of three or four stretches
    return world


def main(first: int, worlds: int, calls: int) -> int:
    """Live through many worlds, and print what went wrong in which."""
    total: Counter[str] = Counter()
    for seed in range(first, first + worlds):
        world = any_world(seed)
        populate(world, calls)
        world.live()
        total += world.wire.count
        total += world.figures()
        for what in world.wrong() + world.unprovoked():
            total["wrong"] += 1
            sys.stdout.write(f"seed {seed}: {what}\n")
    sys.stdout.write(f"{worlds} worlds of {calls} calls: {dict(total)}\n")
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:4])))
