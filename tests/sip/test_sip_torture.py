"""Each of RFC 4475's torture messages comes to what that RFC asks of an element."""

import pytest

from ivr.sip.message import Request, Response, SipSyntaxError, parse, readable, respond
from tests.sip.torture.messages import APPLICATION, EVERY, INVALID, VALID


def request(name: str) -> Request:
    message = parse(EVERY[name])
    assert isinstance(message, Request)
    return message


def refusal(name: str) -> SipSyntaxError:
    with pytest.raises(SipSyntaxError) as refused:
        parse(EVERY[name])
    return refused.value


def test_the_corpus_is_whole() -> None:
    assert (len(VALID), len(INVALID), len(APPLICATION)) == (13, 19, 17)


def test_wsinv_is_read_through_its_white_space() -> None:
    message = request("wsinv")
    assert (message.method, message.cseq, message.number("Max-Forwards")) == ("INVITE", 9, 68)
    assert message.to.tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.contact is not None
    assert message.contact.display == 'Quoted string ""'
    assert message.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.routes[0].uri.lr
    assert message.get("Subject") == ""
    assert message.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert len(message.body) == 150


def test_intmeth_is_refused_for_its_nul_alone() -> None:
    # A NUL in a display name is within the grammar; databases and C programs behind us choke on it.
    assert refusal("intmeth").status == 400
    message = parse(VALID["intmeth"].replace(b"\0", b"\1"))
    assert isinstance(message, Request)
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display == "BEL:\a NUL:\1 DEL:\x7f"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert readable(message.from_.params["fromparam''~+*_!.-%"] or "") == '"работающий"'
    assert message.number("max-forwards") == 255
    assert readable(message.get("extensionHeader-!.%*+_`'~") or "") == "\ufeff大停電"


def test_escapes_stay_as_they_were_sent() -> None:
    message = request("esc01")
    assert (message.uri.user, message.uri.host) == ("sips%3Auser%40example.com", "example.net")
    assert message.contact is not None
    assert message.contact.uri.params == {"%6c%72": None, "n%61me": "v%61lue%25%34%31"}
    assert request("escnull").contact is not None
    assert request("esc02").method == "RE%47IST%45R"
    assert [contact.uri.user for contact in request("esc02").contacts] == ["alias1", "alias3"]


def test_a_display_name_needs_no_blank_after_it() -> None:
    assert (request("lwsdisp").from_.display, request("lwsdisp").from_.tag) == ("caller", "323")


def test_long_values_are_read_whole() -> None:
    message = request("longreq")
    assert len(message.vias) == 34
    assert message.vias[33].branch == f"very{'long' * 50}branchvalue"
    assert message.from_.tag == f"12{'982' * 50}424"


def test_a_datagram_with_two_requests_is_its_first() -> None:
    assert (request("dblreq").method, request("dblreq").body) == ("REGISTER", b"")


def test_semicolons_may_stand_in_a_user() -> None:
    message = request("semiuri")
    assert (message.uri.user, message.uri.host) == ("user;par=u%40example.net", "example.com")
    assert message.uri.params == {}
    assert len(message.all("Accept")) == 6


def test_unknown_transports_are_read() -> None:
    transports = [via.transport for via in request("transports").vias]
    assert transports == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_binary_bodies_come_through() -> None:
    message = request("mpart01")
    assert message.content_type == "multipart/mixed"
    assert message.to_bytes().endswith(VALID["mpart01"][-553:])


@pytest.mark.parametrize(
    ("name", "status", "reason"), [("unreason", 200, "= 2**3 * 5**2 "), ("noreason", 100, "")]
)
def test_a_reason_phrase_is_any_text_or_none(name: str, status: int, reason: str) -> None:
    message = parse(EVERY[name])
    assert isinstance(message, Response)
    assert message.status == status
    assert message.reason.startswith(reason)
    assert message.method == "INVITE"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("clerr", 400),
        ("ncl", 400),
        ("scalar02", 400),
        ("quotbal", 400),
        ("ltgtruri", 400),
        ("lwsruri", 400),
        ("lwsstart", 400),
        ("trws", 400),
        ("escruri", 400),
        ("regbadct", 400),
        ("badvers", 505),
        ("mismatch01", 400),
        ("mismatch02", 400),
        ("multi01", 400),
        ("mcl01", 400),
    ],
)
def test_what_is_invalid_is_refused_and_can_be_answered(name: str, status: int) -> None:
    refused = refusal(name)
    assert refused.status == status
    assert refused.request is not None
    answer = respond(refused.request, status, to_tag="ours")
    assert answer.to_bytes().startswith(f"SIP/2.0 {status} ".encode())
    assert answer.get("Via") == refused.request.get("Via")
    assert (answer.get("To") or "").count("tag=") == 1
    assert [len(answer.all(header)) for header in ("From", "To", "Call-ID", "CSeq")] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["badinv01", "insuf", "scalarlg", "bigcode"])
def test_what_has_no_way_back_is_refused_in_silence(name: str) -> None:
    refused = refusal(name)
    assert (refused.status, refused.request) == (400, None)


@pytest.mark.parametrize("name", ["baddate", "badaspec", "baddn"])
def test_what_may_be_tolerated_is(name: str) -> None:
    # Dates are not read, blanks within <> are passed over, commas in a display name need no quotes.
    message = request(name)
    assert message.to.uri.host in {"example.com", "example.org"}


def test_display_names_that_are_no_tokens_are_kept() -> None:
    assert request("baddn").from_.display == "Bell, Alexander"
    assert request("badaspec").to.uri.user == "t.watson"


@pytest.mark.parametrize(
    ("name", "scheme", "rest"),
    [
        ("unkscm", "nobodyknowsthisscheme", "totallyopaquecontent"),
        ("novelsc", "soap.beep", "//192.0.2.103:3002"),
    ],
)
def test_unknown_schemes_are_kept_for_the_416(name: str, scheme: str, rest: str) -> None:
    assert (request(name).uri.scheme, request(name).uri.rest) == (scheme, rest)


def test_unknown_schemes_in_addresses_are_kept() -> None:
    message = request("unksm2")
    assert (message.to.uri.scheme, message.to.uri.rest) == ("isbn", "2983792873")
    assert (message.from_.uri.scheme, message.from_.tag) == ("http", "3234233")


def test_what_the_user_agent_decides_about_can_be_read() -> None:
    assert request("bext01").require == ["nothingsupportsthis", "nothingsupportsthiseither"]
    assert request("invut").content_type == "application/unknownformat"
    assert request("regaut01").get("Authorization") == "NoOneKnowsThisScheme opaque-data=here"
    assert request("badbranch").via.branch == "z9hG4bK"
    assert request("zeromf").number("Max-Forwards") == 0
    assert request("sdp01").all("Accept") == ["text/nobodyKnowsThis"]
    broadcast = parse(EVERY["bcast"])
    assert [via.host for via in broadcast.vias] == ["192.0.2.198", "255.255.255.255"]


def test_parameters_belong_to_the_uri_only_within_brackets() -> None:
    bare, bracketed = request("cparam01").contact, request("cparam02").contact
    assert bare is not None
    assert bracketed is not None
    assert (bare.params, bare.uri.params) == ({"unknownparam": None}, {})
    assert (bracketed.params, bracketed.uri.params) == ({}, {"unknownparam": None})


def test_headers_in_a_uri_are_kept() -> None:
    contact = request("regescrt").contact
    assert contact is not None
    assert contact.uri.headers == {"Route": "%3Csip:sip.example.com%3E"}
    assert str(contact.uri.plain()) == "sip:user@example.com"


def test_an_old_invite_without_branch_tag_and_max_forwards_is_read() -> None:
    message = request("inv2543")
    assert (message.via.branch, message.from_.tag, message.number("Max-Forwards")) == ("", "", None)
    assert message.to.params == {"user": "phone"}
    assert message.record_routes[0].uri.params == {"maddr": "ss1.example.com"}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_was_read_is_written_and_read_the_same(name: str) -> None:
    try:
        message = parse(EVERY[name])
    except SipSyntaxError:
        return
    again = parse(message.to_bytes())
    assert list(again.headers) == list(message.headers)
    assert (again.start_line(), again.body) == (message.start_line(), message.body)
