"""Digest: challenges are answered as the RFCs' examples say, and the gate lets nobody in twice on one proof."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ivr.clock import VirtualClock
from ivr.sip.digest import Credentials, DigestGate, Passed, Refused, answer, is_stale
from ivr.sip.message import Request, Response, header_text, parse

URI = "sip:4000@hotline.example.com"
ALICE = Credentials("alice", "wonder")
SECRETS = {"alice": "wonder", "张三": "口令"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def gate(clock: VirtualClock) -> DigestGate:
    return DigestGate("hotline", SECRETS.get, clock, b"k" * 16)


def challenged(*values: str, status: int = 401, header: str = "WWW-Authenticate") -> Response:
    lines = [
        f"SIP/2.0 {status} No",
        "Via: SIP/2.0/UDP h",
        "From: <sip:a@b>;tag=1",
        "To: <sip:a@b>;tag=2",
        "Call-ID: 1",
        "CSeq: 1 INVITE",
        *(f"{header}: {value}" for value in values),
    ]
    message = parse(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    assert isinstance(message, Response)
    return message


def request(*authorizations: str, method: str = "INVITE", uri: str = URI) -> Request:
    return Request.build(
        method,
        uri,
        from_="<sip:a@b>;tag=1",
        to="<sip:a@b>",
        call_id="1",
        cseq=1,
        headers=[("Authorization", value) for value in authorizations],
    )


def proof(gate: DigestGate, credentials: Credentials = ALICE, *, algorithm: str = "") -> Callable[[int], str]:
    """Authorization values by count, for one challenge of the gate."""
    asked = [value for _, value in gate.challenge() if algorithm in value]

    def of(count: int) -> str:
        told = answer(challenged(*asked), credentials, "INVITE", URI, cnonce="c0ffee", count=count)
        assert told is not None
        return told[1]

    return of


def wait(clock: VirtualClock, seconds: float) -> None:
    clock.call_at(clock.time() + seconds, lambda: None)
    assert clock.advance_to_next()


def parameter(header: str, name: str) -> str:
    found = dict(part.strip().partition("=")[::2] for part in header.partition(" ")[2].split(","))
    return found[name].strip('"')


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_comes_out(algorithm: str, expected: str) -> None:
    told = answer(
        challenged(
            f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
            ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",'
            ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
        ),
        Credentials("Mufasa", "Circle of Life"),
        "GET",
        "/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        count=1,
    )
    assert told is not None
    assert told[0] == "Authorization"
    assert parameter(told[1], "response") == expected
    assert parameter(told[1], "opaque") == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert (parameter(told[1], "nc"), parameter(told[1], "qop")) == ("00000001", "auth")


def test_a_challenge_without_qop_is_answered_in_the_old_form() -> None:
    told = answer(challenged('Digest realm="r", nonce="n"'), ALICE, "INVITE", URI, cnonce="c")
    assert told is not None
    assert "qop" not in told[1]


def test_a_proxy_is_answered_by_its_own_header() -> None:
    asked = challenged('Digest realm="r", nonce="n"', status=407, header="Proxy-Authenticate")
    told = answer(asked, ALICE, "INVITE", URI, cnonce="c")
    assert told is not None
    assert told[0] == "Proxy-Authorization"


def test_the_stronger_algorithm_is_preferred() -> None:
    md5, sha = 'Digest realm="r", nonce="m", algorithm=md5', 'Digest realm="r", nonce="s", algorithm=sha-256'
    for asked in ((md5, sha), (sha, md5), ('Digest realm="r", nonce="x", algorithm=SHA-512-256', md5, sha)):
        told = answer(challenged(*asked), ALICE, "INVITE", URI, cnonce="c")
        assert told is not None
        assert parameter(told[1], "nonce") == "s"


def test_names_of_parameters_have_any_case() -> None:
    told = answer(challenged('dIgest Realm="r", NONCE="n", Qop="AUTH"'), ALICE, "INVITE", URI, cnonce="c")
    assert told is not None
    assert parameter(told[1], "realm") == "r"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Digest realm=x",
        'Basic realm="r"',
        'Digest realm="r", nonce=""',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm=r"x, nonce="n"',
        'Digest realm="\xff\xfe", nonce="n"',
    ],
)
def test_what_cannot_be_answered_is_not(value: str) -> None:
    assert answer(challenged(value), ALICE, "INVITE", URI, cnonce="c") is None


def test_only_the_realm_that_was_meant_gets_an_answer() -> None:
    asked = challenged('Digest realm="evil", nonce="n"')
    assert answer(asked, Credentials("alice", "wonder", "hotline"), "INVITE", URI, cnonce="c") is None
    assert answer(challenged(), ALICE, "INVITE", URI, cnonce="c") is None
    assert (
        answer(challenged('Digest realm="r", nonce="n"', status=403), ALICE, "INVITE", URI, cnonce="c")
        is None
    )


def test_staleness_is_told() -> None:
    assert is_stale(challenged('Digest realm="r", nonce="n", Stale=TRUE'))
    assert not is_stale(challenged('Digest realm="r", nonce="n", stale=false', 'Digest realm="r", nonce="n"'))
    assert not is_stale(challenged('Digest realm="r", stale=true', status=486))


@pytest.mark.parametrize("user", ['a"b', "a\\b", "a\r\nb"])
def test_a_user_that_no_header_can_hold_is_refused(user: str) -> None:
    with pytest.raises(ValueError):
        Credentials(user, "x")


def test_secrets_are_not_shown() -> None:
    assert "wonder" not in repr(ALICE)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
@pytest.mark.parametrize("user", list(SECRETS))
def test_who_knows_the_secret_passes(gate: DigestGate, algorithm: str, user: str) -> None:
    of = proof(gate, Credentials(user, SECRETS[user]), algorithm=algorithm)
    assert gate.check(request(of(1))) == Passed(user)


def test_a_realm_in_any_language_works_on_both_sides(clock: VirtualClock) -> None:
    gate = DigestGate("热线", SECRETS.get, clock, b"k" * 16)
    assert header_text("热线") in gate.challenge()[0][1]
    assert gate.check(request(proof(gate)(1))) == Passed("alice")


def test_both_algorithms_are_offered_the_stronger_first(gate: DigestGate) -> None:
    values = [value for name, value in gate.challenge() if name == "WWW-Authenticate"]
    assert ["SHA-256" in values[0], "MD5" in values[1], len(values)] == [True, True, 2]
    assert all("stale" not in value for value in values)
    assert all("stale=true" in value for _, value in gate.challenge(stale=True))


def test_one_algorithm_can_be_had_alone(clock: VirtualClock, gate: DigestGate) -> None:
    strict = DigestGate("hotline", SECRETS.get, clock, b"k" * 16, algorithms=("SHA-256",))
    assert len(strict.challenge()) == 1
    assert strict.check(request(proof(gate, algorithm="MD5")(1))) == Refused(stale=False, given=True)


@pytest.mark.parametrize(
    "values",
    [(), ("Basic YQ==",), ("NoOneKnowsThisScheme opaque-data=here",), ('Digest realm="other"',), ("",)],
)
def test_who_shows_nothing_of_ours_has_given_nothing(gate: DigestGate, values: tuple[str, ...]) -> None:
    assert gate.check(request(*values)) == Refused(stale=False, given=False)


@pytest.mark.parametrize("credentials", [Credentials("alice", "wrong"), Credentials("mallory", "wonder")])
def test_a_wrong_secret_and_an_unknown_user_are_refused_alike(
    gate: DigestGate, credentials: Credentials
) -> None:
    assert gate.check(request(proof(gate, credentials)(1))) == Refused(stale=False, given=True)


def test_an_unknown_user_costs_as_much_as_a_wrong_secret(gate: DigestGate) -> None:
    def calls(credentials: Credentials) -> list[str]:
        """What runs to check a proof."""
        shown = request(proof(gate, credentials)(1))
        called: list[str] = []
        before = sys.getprofile()
        sys.setprofile(
            lambda frame, event, arg: called.append(frame.f_code.co_name) if event == "call" else None
        )
        try:
            gate.check(shown)
        finally:
            sys.setprofile(before)
        return called

    known, unknown = calls(Credentials("alice", "wrong")), calls(Credentials("malle", "wrong"))
    assert known.count("_hash") == 3
    assert known == unknown


def test_the_secret_of_the_gate_opens_nothing(gate: DigestGate) -> None:
    assert gate.check(request(proof(gate, Credentials("mallory", (b"k" * 16).hex()))(1))) == Refused(
        False, True
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nc=00000001", "nc=00000002"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=zzzzzzzz"),
        ("c0ffee", "c0ffef"),
        ("qop=auth", "qop=auth-int"),
        ("qop=auth", "qop=x"),
        ('username="alice"', 'username=""'),
        ('username="alice"', 'username="mallory"'),
        ("algorithm=SHA-256", "algorithm=SHA-512"),
        ("algorithm=SHA-256", "algorithm=MD5"),
        (URI, "sip:else@where"),
        ("response=", "other="),
    ],
)
def test_nothing_in_the_proof_can_be_changed(gate: DigestGate, old: str, new: str) -> None:
    value = proof(gate)(1)
    assert old in value
    assert gate.check(request(value.replace(old, new))) == Refused(stale=False, given=True)


def test_a_proof_for_one_method_is_none_for_another(gate: DigestGate) -> None:
    assert gate.check(request(proof(gate)(1), method="BYE")) == Refused(stale=False, given=True)


def test_a_proof_serves_once(gate: DigestGate) -> None:
    value = proof(gate)(1)
    assert gate.check(request(value)) == Passed("alice")
    assert gate.check(request(value)) == Refused(stale=True, given=True)


def test_a_nonce_serves_again_with_each_count_once_in_any_near_order(gate: DigestGate) -> None:
    of = proof(gate)
    for count in (1, 3, 2, 70, 10):
        assert gate.check(request(of(count))) == Passed("alice"), count
    for count in (1, 2, 3, 70, 10, 6):
        assert gate.check(request(of(count))) == Refused(stale=True, given=True), count
    assert gate.check(request(of(7))) == Passed("alice")
    assert gate.check(request(of(0xFFFFFFFF))) == Passed("alice")
    assert gate.check(request(of(71))) == Refused(stale=True, given=True)


def test_an_old_nonce_is_stale(gate: DigestGate, clock: VirtualClock) -> None:
    young, old = proof(gate), proof(gate)
    wait(clock, 300.0)
    assert gate.check(request(young(1))) == Passed("alice")
    wait(clock, 0.01)
    assert gate.check(request(young(2))) == Refused(stale=True, given=True)
    assert gate.check(request(old(1))) == Refused(stale=True, given=True)


def test_a_nonce_of_another_process_is_stale_to_who_knows_the_secret(
    gate: DigestGate, clock: VirtualClock
) -> None:
    other = DigestGate("hotline", SECRETS.get, clock, b"o" * 16)
    assert gate.check(request(proof(other)(1))) == Refused(stale=True, given=True)
    assert gate.check(request(proof(other, Credentials("alice", "wrong"))(1))) == Refused(
        stale=False, given=True
    )


@pytest.mark.parametrize("nonce", ["x", "", "0" * 52, "f" * 52, "\xff"])
def test_a_nonce_that_was_made_up_is_stale_even_with_the_right_secret(gate: DigestGate, nonce: str) -> None:
    told = answer(
        challenged(f'Digest realm="hotline", nonce="{header_text(nonce)}", qop="auth"'),
        ALICE,
        "INVITE",
        URI,
        cnonce="c",
    )
    if told is None:
        assert nonce == ""
        return
    assert gate.check(request(told[1])) == Refused(stale=True, given=True)


def test_the_old_form_serves_once_for_a_nonce(gate: DigestGate) -> None:
    (_, asked), _ = gate.challenge()
    told = answer(challenged(asked.replace(', qop="auth"', "")), ALICE, "INVITE", URI, cnonce="c")
    assert told is not None
    assert gate.check(request(told[1])) == Passed("alice")
    assert gate.check(request(told[1])) == Refused(stale=True, given=True)


def test_the_memory_of_used_nonces_is_bounded_and_lets_none_be_used_again(
    clock: VirtualClock,
) -> None:
    gate = DigestGate("hotline", SECRETS.get, clock, b"k" * 16, most=10)
    values = []
    for _ in range(30):
        values.append(proof(gate)(1))
        assert gate.check(request(values[-1])) == Passed("alice")
        wait(clock, 1.0)
    assert len(gate._used) == 10
    for value in values:
        assert gate.check(request(value)) == Refused(stale=True, given=True)
    wait(clock, 400.0)
    assert gate.check(request(proof(gate)(1))) == Passed("alice")
    assert len(gate._used) == 1


def test_two_challenges_of_one_moment_are_two_nonces(gate: DigestGate) -> None:
    first, second = proof(gate)(1), proof(gate)(1)
    assert gate.check(request(first)) == Passed("alice")
    assert gate.check(request(second)) == Passed("alice")


def test_a_key_that_is_too_short_is_refused(clock: VirtualClock) -> None:
    with pytest.raises(ValueError):
        DigestGate("hotline", SECRETS.get, clock, b"short")
