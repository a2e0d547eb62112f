"""Dialogs: route sets in both roles, strict routers, numbers in order, targets that move."""

from __future__ import annotations

import pytest

from ivr.sip.dialog import LAST_CSEQ, Dialog, routed
from ivr.sip.message import Request, respond
from ivr.sip.uri import NameAddr, Uri
from tests.sip.two_agents import Pair, Person, Proxy, Station, Stranger


def invite(*record_routes: str, contact: str = "<sip:alice@192.0.2.1:5080>") -> Request:
    request = Request.build(
        "INVITE",
        "sip:bob@192.0.2.2",
        from_="<sip:alice@example.com>;tag=a",
        to="<sip:bob@example.com>",
        call_id="c",
        cseq=7,
        headers=[("Contact", contact), *(("Record-Route", route) for route in record_routes)],
    )
    request.insert_first("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    return request


LOOSE = ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>")


def test_the_called_side_takes_the_route_set_in_order_and_the_caller_in_reverse() -> None:
    request = invite(*LOOSE)
    callee = Dialog.as_server(request, "b")
    assert [route.uri.host for route in callee.routes] == ["p2.example.com", "p1.example.com"]
    assert (callee.local.tag, callee.remote_tag, callee.remote_seq) == ("b", "a", 7)
    assert str(callee.target) == "sip:alice@192.0.2.1:5080"
    response = respond(request, 200, to_tag="b", headers=[("Contact", "<sip:bob@192.0.2.2>")])
    caller = Dialog.as_client(request, response)
    assert [route.uri.host for route in caller.routes] == ["p1.example.com", "p2.example.com"]
    assert (caller.local.tag, caller.remote_tag, caller.local_seq) == ("a", "b", 7)


def test_requests_go_to_the_target_by_the_first_loose_route() -> None:
    draft = Dialog.as_server(invite(*LOOSE), "b").draft("BYE")
    request = draft.request(1)
    assert request.uri_text == "sip:alice@192.0.2.1:5080"
    assert request.all("Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert draft.hop.host == "p2.example.com"


def test_a_strict_router_gets_the_request_uri_and_the_target_goes_last() -> None:
    draft = Dialog.as_server(
        invite("<sip:old.example.com;x=1?Header=1>", "<sip:p1.example.com;lr>"), "b"
    ).draft("BYE")
    request = draft.request(1)
    assert request.uri_text == "sip:old.example.com;x=1", "headers are not for a Request-URI"
    assert request.all("Route") == ["<sip:p1.example.com;lr>", "<sip:alice@192.0.2.1:5080>"]
    assert draft.hop.host == "old.example.com"


def test_without_routes_the_target_is_the_next_hop() -> None:
    target = Uri.parse("sip:alice@192.0.2.1;transport=tcp;method=INVITE?Subject=x")
    uri, hop, routes = routed(target, [])
    assert str(uri) == "sip:alice@192.0.2.1;transport=tcp"
    assert (hop, routes) == (target, [])


def test_older_numbers_are_out_of_order_and_gaps_are_not() -> None:
    dialog = Dialog.as_server(invite(), "b")
    assert not dialog.in_order(7)
    assert dialog.in_order(9)
    assert not dialog.in_order(8)
    fresh = Dialog("c", dialog.local, dialog.remote, dialog.target, [])
    assert fresh.in_order(0), "the first number of the other side may be 0"


def test_our_own_numbers_never_leave_their_range() -> None:
    dialog = Dialog.as_server(invite(), "b")
    assert dialog.next_cseq() == 1
    dialog.local_seq = LAST_CSEQ
    assert dialog.next_cseq() == 1


def test_a_target_moves_with_a_contact_and_stays_without_one() -> None:
    dialog = Dialog.as_server(invite(), "b")
    dialog.refresh(invite(contact="<sip:alice@192.0.2.77>"))
    assert dialog.target.host == "192.0.2.77"
    bare = invite()
    bare.remove("Contact")
    dialog.refresh(bare)
    assert dialog.target.host == "192.0.2.77"


def test_an_answer_without_a_contact_leaves_us_where_the_request_went() -> None:
    request = invite()
    dialog = Dialog.as_client(request, respond(request, 200, to_tag="b"))
    assert str(dialog.target) == "sip:bob@192.0.2.2"


# --- on the wire -----------------------------------------------------------------------------------------


def with_proxies(pair: Pair) -> None:
    """Two record-routing proxies between Alice and Bob, in both directions."""
    Proxy(pair.wire.end("10.0.1.1"), {"10.0.0.2": "10.0.1.2"})
    Proxy(pair.wire.end("10.0.1.2"), {"10.0.0.1": "10.0.1.1"})


def call_through(pair: Pair, caller: Station, callee: Station, first: str) -> tuple[Person, Person]:
    person = caller.call(callee.uri(), route=[Uri.parse(f"sip:{first};lr")])
    pair.run(1)
    assert "established" in person.names()
    return person, callee.people[-1]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_through_two_record_routing_proxies_stays_on_their_path(who: str) -> None:
    pair = Pair()
    with_proxies(pair)
    caller, callee = call_through(pair, pair.alice, pair.bob, "10.0.1.1")
    one = caller if who == "caller" else callee
    one.session.offer(b"hold")
    pair.run(1)
    one.session.info("text/plain", b"x")
    pair.run(1)
    one.session.hang_up()
    pair.run(1)
    assert caller.names().count("ended") == callee.names().count("ended") == 1
    ends = {("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")}
    direct = [p.what for p in pair.wire.packets if (p.source, p.target) in ends]
    assert direct == []
    order = [p.target for p in pair.wire.seen("BYE")]
    there = ["10.0.1.1", "10.0.1.2", "10.0.0.2"]
    back = ["10.0.1.2", "10.0.1.1", "10.0.0.1"]
    assert order == (there if who == "caller" else back)
    pair.over()


def test_a_call_from_the_other_end_of_the_proxies_goes_the_other_way() -> None:
    pair = Pair()
    with_proxies(pair)
    pair.alice.on_invited = pair.answer_at_once
    caller, callee = call_through(pair, pair.bob, pair.alice, "10.0.1.2")
    callee.session.hang_up()
    pair.run(1)
    assert [p.target for p in pair.wire.seen("BYE")] == ["10.0.1.1", "10.0.1.2", "10.0.0.2"]
    assert caller.end == ("caller", 200, "")
    pair.over()


def test_a_cancel_goes_the_way_of_its_invite() -> None:
    pair = Pair()
    with_proxies(pair)
    pair.bob.on_invited = lambda session, person: session.ring(180)
    caller = pair.alice.call(pair.bob.uri(), route=[Uri.parse("sip:10.0.1.1;lr")])
    pair.run(1)
    caller.session.hang_up()
    pair.run(1)
    cancel = pair.wire.seen("CANCEL")[0]
    assert cancel.target == "10.0.1.1"
    assert cancel.message.all("Route") == pair.wire.seen("INVITE")[0].message.all("Route")
    assert pair.bob.person.end == ("caller", 487, "cancelled")
    pair.over()


def test_where_symmetric_signalling_is_on_a_telephone_behind_translation_is_reached() -> None:
    for on in (False, True):
        pair = Pair(bob={"symmetric_signalling": on})
        stranger = Stranger(pair.wire)
        stranger.ask("INVITE", body=b"offer", contact="<sip:stranger@192.168.1.7:5070>")
        pair.run(0.1)
        tag = stranger.responses("INVITE")[0].to.tag
        stranger.ask("ACK", to_tag=tag)
        pair.run(0.1)
        pair.bob.person.session.hang_up()
        pair.run(0.1)
        assert pair.wire.seen("BYE")[0].target == ("10.0.0.9" if on else "192.168.1.7")
        assert pair.wire.seen("BYE")[0].message.uri_text == "sip:stranger@192.168.1.7:5070"


def test_symmetric_signalling_follows_a_telephone_whose_port_changed() -> None:
    pair = Pair(bob={"symmetric_signalling": True})
    stranger, tag = pair.met(contact="<sip:stranger@192.168.1.7>")
    stranger.end.port = 40_000
    stranger.ask("INFO", to_tag=tag, cseq=2)
    pair.run(0.1)
    assert pair.bob.person.of("flow_changed")[0][0].port == 40_000
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].flow.port == 40_000


def test_a_proxy_on_the_path_is_kept_to_even_with_symmetric_signalling() -> None:
    pair = Pair(bob={"symmetric_signalling": True})
    pair.met(headers=[("Record-Route", "<sip:10.0.0.77;lr>")])
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].target == "10.0.0.77"


def test_requests_within_a_tcp_dialog_prefer_its_own_connection() -> None:
    pair = Pair()
    stranger = Stranger(pair.wire)
    request = stranger.ask(
        "INVITE", to="10.9.9.9", contact=f"<sip:s@{stranger.host};transport=tcp>", body=b"o"
    )
    tcp = pair.wire.packets[0].flow._replace(transport="tcp", host="10.0.0.2", connection=4711)
    stranger.end.port = 50_123
    stranger.end.send(bytes(request), tcp)
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    ack = Request.build(
        "ACK", "sip:x@10.0.0.2", from_=request.from_, to=request.to.with_tag(tag), call_id="call-1", cseq=1
    )
    ack.insert_first("Via", "SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKack")
    stranger.end.send(bytes(ack), tcp)
    pair.run(0.1)
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    flow = pair.wire.seen("BYE")[0].flow
    assert (flow.transport, flow.port, flow.connection) == ("tcp", 50_123, 4711)


def test_names_are_looked_up_once_and_the_order_of_requests_is_kept() -> None:
    pair = Pair()
    stranger = Stranger(pair.wire)
    pair.wire.names["edge.example"] = [pair.wire_flow("10.0.0.9")]
    pair.wire.name_seconds = 1.0
    stranger.ask("INVITE", body=b"offer", contact="<sip:stranger@edge.example>")
    pair.run(0.1)
    stranger.ask("ACK", to_tag=stranger.responses("INVITE")[0].to.tag)
    pair.run(0.1)
    person = pair.bob.person
    person.session.info("text/plain", b"1")
    person.session.info("text/plain", b"2")
    person.session.hang_up()
    pair.run(0.5)
    assert [r.method for r in stranger.inbox if isinstance(r, Request)] == []
    pair.run(4)
    sent = [(r.method, r.cseq) for r in stranger.inbox if isinstance(r, Request)]
    assert list(dict.fromkeys(sent)) == [("INFO", 1), ("INFO", 2), ("BYE", 3)]


def test_a_contact_that_cannot_be_found_is_answered_where_its_packets_come_from() -> None:
    pair = Pair()
    pair.met(contact="<sip:stranger@unknown.invalid>")
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].target == "10.0.0.9"


def test_a_call_tries_the_next_address_of_a_name_when_the_first_is_dead_or_busy() -> None:
    pair = Pair()
    busy = Station(pair.wire, "10.0.0.3")
    busy.status = 503
    pair.wire.names["bob.example"] = [pair.wire_flow(host) for host in ("10.0.0.3", "10.0.0.8", "10.0.0.2")]
    caller = pair.alice.call(Uri.parse("sip:bob@bob.example"))
    pair.run(40)
    assert "established" in caller.names()
    assert [p.target for p in pair.wire.seen("ACK")] == ["10.0.0.3", "10.0.0.2"]
    caller.session.hang_up()
    pair.run(1)
    assert caller.end == ("us", 200, "")


def test_a_re_invite_moves_the_target() -> None:
    pair = Pair()
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag)
    stranger.ask("INVITE", to_tag=tag, cseq=2, body=b"offer 2", contact="<sip:stranger@10.0.0.50>")
    pair.run(0.1)
    stranger.ask("ACK", to_tag=tag, cseq=2)
    pair.run(0.1)
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].target == "10.0.0.50"


def test_a_re_invite_that_is_refused_leaves_the_target() -> None:
    pair = Pair()
    stranger, tag = pair.met()
    pair.bob.person.answer_offer = lambda sdp: None
    stranger.ask("INVITE", to_tag=tag, cseq=2, body=b"offer 2", contact="<sip:stranger@10.0.0.50>")
    pair.run(0.1)
    assert stranger.statuses("INVITE")[-1] == 488
    pair.bob.person.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].target == "10.0.0.9"


def test_the_route_set_of_an_early_dialog_is_replaced_by_that_of_the_2xx() -> None:
    pair = Pair()
    stranger = Stranger(pair.wire)

    def answer(request: Request) -> None:
        if request.method == "INVITE":
            contact = ("Contact", f"<sip:s@{stranger.host}>")
            early = respond(request, 180, to_tag="t", headers=[contact])
            early.add("Record-Route", "<sip:10.0.0.70;lr>")
            stranger.send(early, "10.0.0.1")
            final = respond(
                request, 200, to_tag="t", headers=[contact], body=b"answer", content_type="application/sdp"
            )
            final.add("Record-Route", "<sip:10.0.0.71;lr>")
            stranger.send(final, "10.0.0.1")

    stranger.on_request = answer
    pair.alice.call(Uri.parse(f"sip:s@{stranger.host}"))
    pair.run(0.1)
    assert [p.target for p in pair.wire.seen("ACK")] == ["10.0.0.71"]


def test_the_tag_of_the_from_is_that_of_the_dialog() -> None:
    dialog = Dialog.as_server(invite(), "b")
    assert dialog.draft("BYE").from_ == NameAddr.parse("<sip:bob@example.com>;tag=b")
