"""REFER and Replaces between real sessions: blind and attended transfer, refusals, and who is told what."""

from __future__ import annotations

import pytest

from ivr.sip.message import respond
from ivr.sip.uri import Uri
from tests.sip.two_agents import Pair, Person, Station, Stranger


@pytest.fixture
def pair() -> Pair:
    return Pair()


def accept(person: Person, status: int = 202) -> None:
    person.on["referred"] = lambda to, replaces, by: status


def test_a_transfer_that_is_declined_is_reported_once(pair: Pair) -> None:
    alice, bob = pair.up()
    reports: list[int] = []
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=reports.append)
    pair.run(1)
    assert alice.of("referred") == [("sip:carol@10.0.0.3", "", "<sip:hotline@10.0.0.2>")]
    assert reports == [603]
    assert alice.session.state == "established"
    alice.session.hang_up()
    pair.over()


def test_a_transfer_reports_how_the_new_call_goes(pair: Pair) -> None:
    alice, bob = pair.up()
    accept(alice)
    reports: list[int] = []
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=reports.append)
    pair.run(1)
    alice.report(180)
    pair.run(1)
    alice.report(200)
    pair.run(1)
    assert reports == [100, 180, 200]
    notifies = [packet.message for packet in pair.wire.seen("NOTIFY")]
    assert notifies[-1].get("Subscription-State") == "terminated;reason=noresource"
    assert notifies[-1].body == b"SIP/2.0 200 OK\r\n"
    alice.session.hang_up()
    pair.over()


def test_two_transfers_of_one_call_are_told_apart_by_number(pair: Pair) -> None:
    alice, bob = pair.up()
    accept(alice)
    first: list[int] = []
    second: list[int] = []
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=first.append)
    pair.run(1)
    report_first = alice.report
    bob.session.refer(Uri.parse("sip:dave@10.0.0.4"), report=second.append)
    pair.run(1)
    alice.report(486)
    pair.run(1)
    report_first(200)
    pair.run(1)
    assert first == [100, 200]
    assert second == [100, 486]
    number = pair.wire.seen("REFER")[1].message.cseq
    assert pair.wire.seen("NOTIFY")[1].message.get("Event") == f"refer;id={number}"
    alice.session.hang_up()
    pair.over()


def test_a_transfer_of_a_call_that_ends_meanwhile_is_reported_as_over(pair: Pair) -> None:
    alice, bob = pair.up()
    accept(alice)
    reports: list[int] = []
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=reports.append)
    pair.run(1)
    alice.session.hang_up()
    alice.report(200)
    pair.run(1)
    assert reports == [100, 487]
    pair.over()


def test_a_transfer_of_a_call_that_does_not_stand_is_reported_as_481(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring()
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    reports: list[int] = []
    alice.session.refer(Uri.parse("sip:carol@10.0.0.3"), report=reports.append)
    assert reports == [481]


def test_an_attended_transfer_puts_one_call_in_anothers_place(pair: Pair) -> None:
    """Bob speaks with Alice and with Carol, and has Alice take his place with Carol."""
    carol_station = Station(pair.wire, "10.0.0.3")
    carol_station.on_invited = pair.answer_at_once
    alice, bob = pair.up()
    consultation = pair.bob.call(carol_station.uri("carol"))
    pair.run(1)
    carol = carol_station.people[0]

    def place(to: str, replaces: str, by: str) -> int:
        alice_new.append(pair.alice.call(Uri.parse(to), replaces=replaces))
        return 202

    alice_new: list[Person] = []
    alice.on["referred"] = place
    target = consultation.session.remote.uri
    reports: list[int] = []
    bob.session.refer(target, replaces=consultation.session, report=reports.append)
    pair.run(1)
    assert len(carol_station.people) == 2
    assert carol_station.people[1].session.replaces is carol.session
    assert "established" in alice_new[0].names()
    carol.session.hang_up()
    pair.run(1)
    assert consultation.end == ("caller", 200, "")
    for person in (alice, alice_new[0]):
        person.session.hang_up()
    pair.over()


@pytest.mark.parametrize(
    ("replaces", "status"),
    [
        ("unknown;to-tag=a;from-tag=b", 481),
        ("{call};to-tag={to};from-tag=wrong", 481),
        ("{call};to-tag={to};from-tag=stranger;early-only", 486),
        ("{call};to-tag={to};from-tag=stranger", 200),
        ("{call};to-tag={to}", 400),
    ],
)
def test_replaces_is_answered_by_the_rules_of_rfc_3891(pair: Pair, replaces: str, status: int) -> None:
    stranger, tag = pair.met()
    value = replaces.format(call="call-1", to=tag)
    stranger.ask("INVITE", call_id="call-2", from_tag="other", body=b"o", headers=[("Replaces", value)])
    pair.run(0.1)
    answers = [r.status for r in stranger.responses("INVITE") if r.call_id == "call-2"]
    assert answers == [status]
    assert len(pair.bob.people) == 1 + (status == 200)


def test_a_call_that_has_just_ended_cannot_be_replaced(pair: Pair) -> None:
    stranger, tag = pair.met()
    pair.bob.person.session.hang_up()
    value = f"call-1;to-tag={tag};from-tag=stranger"
    stranger.ask("INVITE", call_id="call-2", from_tag="o", body=b"o", headers=[("Replaces", value)])
    pair.run(0.1)
    assert [r.status for r in stranger.responses("INVITE") if r.call_id == "call-2"] == [603]


def test_a_call_of_ours_that_still_rings_can_be_replaced_and_one_of_theirs_not(pair: Pair) -> None:
    carol = Stranger(pair.wire, "10.0.0.3")
    carol.on_request = lambda request: (
        carol.send(respond(request, 180, to_tag="c", headers=[("Contact", "<sip:c@10.0.0.3>")]))
        if request.method == "INVITE"
        else None
    )
    ringing = pair.bob.call(Uri.parse("sip:carol@10.0.0.3"))
    pair.run(0.1)
    session = ringing.session
    value = f"{session.call_id};to-tag={session.local_tag};from-tag=c"
    carol.ask("INVITE", call_id="pick-up", body=b"o", headers=[("Replaces", value)])
    pair.run(0.1)
    assert pair.bob.people[-1].session.replaces is session
    pair.bob.on_invited = lambda session, person: session.ring()
    carol.ask("INVITE", call_id="theirs", from_tag="t", body=b"o")
    pair.run(0.1)
    tag = carol.responses("INVITE")[-1].to.tag
    other = f"theirs;to-tag={tag};from-tag=t"
    carol.ask("INVITE", call_id="steal", from_tag="u", body=b"o", headers=[("Replaces", other)])
    pair.run(0.1)
    assert [r.status for r in carol.responses("INVITE") if r.call_id == "steal"] == [481]


def test_a_replacement_is_taken_while_no_new_calls_are(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag)
    pair.bob.status = 503
    value = f"call-1;to-tag={tag};from-tag=stranger"
    stranger.ask("INVITE", call_id="call-2", from_tag="o", body=b"o", headers=[("Replaces", value)])
    stranger.ask("INVITE", call_id="call-3", from_tag="o", body=b"o")
    pair.run(0.1)
    statuses = {r.call_id: r.status for r in stranger.responses("INVITE")}
    assert (statuses["call-2"], statuses["call-3"]) == (200, 503)


def test_a_notify_for_no_refer_of_ours_is_481(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag)
    stranger.ask("NOTIFY", to_tag=tag, cseq=2, headers=[("Event", "refer")])
    pair.run(0.1)
    assert stranger.statuses("NOTIFY") == [481]


def test_a_refer_to_something_that_cannot_be_called_is_refused(pair: Pair) -> None:
    stranger, tag = pair.met()
    accept(pair.bob.person)
    for cseq, values in enumerate(
        ([], ["<sip:a@b.example;method=BYE>"], ["<sip:a@b>", "<sip:c@d>"]), start=2
    ):
        stranger.ask("REFER", to_tag=tag, cseq=cseq, headers=[("Refer-To", value) for value in values])
    stranger.ask(
        "REFER",
        to_tag=tag,
        cseq=9,
        headers=[("Refer-To", "<sip:a@b.example>"), ("Refer-Sub", "false"), ("Supported", "norefersub")],
    )
    pair.run(1)
    assert stranger.statuses("REFER") == [400, 501, 400, 202]
    assert stranger.responses("REFER")[-1].get("Refer-Sub") == "false"
    assert stranger.requests("NOTIFY") == []


def test_a_transfer_into_a_call_that_has_not_even_rung_is_reported_as_481(pair: Pair) -> None:
    _, bob = pair.up()
    nowhere = pair.bob.call(Uri.parse("sip:carol@10.0.0.3"))
    reports: list[int] = []
    bob.session.refer(Uri.parse("sip:carol@10.0.0.3"), replaces=nowhere.session, report=reports.append)
    assert reports == [481]
