"""Being registered: kept up, tried again, refused, and given up, on a virtual clock."""

from __future__ import annotations

import hashlib
import itertools
import re

import pytest

from ivr.sip.message import Request
from ivr.sip.uri import Uri
from tests.sip.fake_registrar import CONTACT, SECRET, RegistrationBench

MD5 = 'Digest realm="insurer.example", nonce="{}", algorithm=MD5, qop="auth"'
SHA256 = 'Digest realm="insurer.example", nonce="{}", algorithm=SHA-256, qop="auth"'


def challenge(nonce: str, more: str = "", kind: str = MD5) -> tuple[int, list[tuple[str, str]]]:
    return 401, [("WWW-Authenticate", kind.format(nonce) + more)]


def field(request: Request, name: str, header: str = "Authorization") -> str:
    """One parameter of the credentials, "" without any."""
    found = re.search(rf'\b{name}="?([^",]*)', request.get(header) or "")
    return found[1] if found else ""


def proof(request: Request, algorithm: str) -> str:
    """The response that RFC 7616, section 3.4, wants, made anew."""

    def digest(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    secret = digest(f"95500:insurer.example:{SECRET}")
    wanted = digest(f"REGISTER:{field(request, 'uri')}")
    used = [field(request, name) for name in ("nonce", "nc", "cnonce", "qop")]
    return digest(":".join([secret, *used, wanted]))


def test_it_asks_the_registrar_and_not_the_account_and_says_where_we_are() -> None:
    bench = RegistrationBench()
    bench.registration.start()
    (request,) = bench.registrar.requests
    assert (request.method, request.uri_text) == ("REGISTER", "sip:insurer.example")
    assert str(request.to.uri) == str(request.from_.uri) == "sip:95500@insurer.example"
    assert (request.from_.tag != "", request.to.tag) == (True, "")
    assert (request.get("Contact"), request.expires) == (CONTACT, 600)
    assert bench.states == ["registering", "registered"]
    assert bench.registration.registered


def test_it_goes_by_way_of_the_proxy_as_a_loose_route() -> None:
    bench = RegistrationBench(proxy=Uri.parse("sip:proxy.example:5080"))
    bench.registration.start()
    assert bench.registrar.requests[0].get("Route") == "<sip:proxy.example:5080;lr>"
    assert bench.registrar.hops == ["sip:proxy.example:5080"]


@pytest.mark.parametrize(
    ("seconds", "at"), [(3600, 3240.0), (600, 540.0), (300, 260.0), (60, 30.0), (4, 5.0)]
)
def test_it_refreshes_before_it_expires_with_room_for_a_try_that_fails(seconds: int, at: float) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [(200, [("Contact", f"{CONTACT};expires={seconds}")])]
    bench.registration.start()
    bench.clock.advance_to_next()
    assert bench.registrar.times == [0.0, at]
    first, second = bench.registrar.requests
    assert first.call_id == second.call_id
    assert (first.cseq, second.cseq) == (1, 2)


def test_chance_moves_a_refresh_forward_by_a_tenth_at_most() -> None:
    bench = RegistrationBench(chance=lambda: 0.5)
    bench.registration.start()
    bench.clock.advance_to_next()
    assert bench.registrar.times[1] == pytest.approx(540 * 0.95)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Contact", "<sip:other@192.0.2.9>;expires=60"), ("Contact", f"{CONTACT};expires=1200")], 1200),
        ([("Contact", "<sip:nat@198.51.100.9:1024>;expires=900"), ("Expires", "300")], 900),
        ([("Contact", CONTACT), ("Expires", "1200")], 1200),
        ([("Contact", f"{CONTACT};expires=soon"), ("Contact", "<<<")], 600),
        ([("Expires", "99999999999")], 600),
        ([], 600),
    ],
)
def test_what_the_registrar_grants_is_read_from_our_own_contact(
    headers: list[tuple[str, str]], seconds: int
) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [(200, headers), None]
    bench.registration.start()
    bench.advance(seconds - 0.5)
    assert bench.registration.registered
    bench.registrar.script = [None] * 100
    bench.advance(2 * seconds + 0.5)
    assert bench.registrar.times[1] == pytest.approx(seconds - max(0.1 * seconds, 40))


@pytest.mark.parametrize(("kind", "algorithm"), [(MD5, "md5"), (SHA256, "sha256")])
def test_it_answers_a_challenge_and_uses_its_nonce_again(kind: str, algorithm: str) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [challenge("one", kind=kind)]
    bench.registration.start()
    bench.clock.advance_to_next()
    naked, first, refresh = bench.registrar.requests
    assert naked.get("Authorization") is None
    assert [field(request, "nc") for request in (first, refresh)] == ["00000001", "00000002"]
    assert [field(request, "nonce") for request in (first, refresh)] == ["one", "one"]
    assert field(first, "cnonce") != field(refresh, "cnonce")
    for request in (first, refresh):
        assert field(request, "response") == proof(request, algorithm)
    assert [request.cseq for request in bench.registrar.requests] == [1, 2, 3]
    assert bench.states == ["registering", "registered"]  # a refresh is no news


def test_the_stronger_of_two_challenges_is_answered() -> None:
    bench = RegistrationBench()
    both = [("WWW-Authenticate", MD5.format("weak")), ("WWW-Authenticate", SHA256.format("strong"))]
    bench.registrar.script = [(401, both)]
    bench.registration.start()
    assert field(bench.registrar.requests[1], "nonce") == "strong"


def test_a_proxys_challenge_and_the_registrars_are_answered_together() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [(407, [("Proxy-Authenticate", MD5.format("proxy"))]), challenge("registrar")]
    bench.registration.start()
    last = bench.registrar.requests[-1]
    assert field(last, "nonce") == "registrar"
    assert field(last, "nonce", "Proxy-Authorization") == "proxy"
    assert bench.registration.state == "registered"


@pytest.mark.parametrize("more", [", stale=true", ', stale="TRUE"', ""])
def test_a_nonce_that_grew_old_is_replaced_whether_or_not_the_registrar_says_so(more: str) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [challenge("one"), 200, challenge("two", more)]
    bench.registration.start()
    bench.clock.advance_to_next()
    assert [field(request, "nonce") for request in bench.registrar.requests] == ["", "one", "one", "two"]
    assert field(bench.registrar.requests[-1], "nc") == "00000001"
    assert bench.registration.state == "registered"


def test_a_wrong_secret_is_not_tried_twice_in_a_row_and_is_told() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [challenge("one"), challenge("two")]
    bench.registration.start()
    assert len(bench.registrar.requests) == 2
    assert bench.changes[-1] == (0.0, "refused", "401 Unauthorized")
    assert not bench.registration.registered
    bench.clock.advance_to_next()
    assert bench.clock.time() == 150.0


def test_a_registrar_that_finds_every_nonce_stale_is_not_asked_for_ever() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [challenge(str(number), ", stale=true") for number in range(50)]
    bench.registration.start()
    assert len(bench.registrar.requests) == 6
    assert bench.registration.state == "refused"


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    bench = RegistrationBench(secret="")
    bench.registrar.script = [challenge("one")]
    bench.registration.start()
    assert (len(bench.registrar.requests), bench.registration.state) == (1, "refused")


def test_423_is_asked_again_for_as_long_as_the_registrar_wants() -> None:
    bench = RegistrationBench(expires=60)
    bench.registrar.script = [(423, [("Min-Expires", "1800")])]
    bench.registration.start()
    bench.clock.advance_to_next()
    assert [request.expires for request in bench.registrar.requests] == [60, 1800, 1800]
    assert bench.registrar.times[-1] == 1620.0


@pytest.mark.parametrize("least", ["600", "5", "many", "99999999999"])
def test_423_without_a_longer_time_is_a_failure(least: str) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [(423, [("Min-Expires", least)])]
    bench.registration.start()
    assert (len(bench.registrar.requests), bench.registration.state) == (1, "waiting")


def waits(bench: RegistrationBench) -> list[float]:
    times = bench.registrar.times
    return [after - before for before, after in itertools.pairwise(times)]


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.5), (0.5, 0.75), (0.999, 0.9995)])
def test_it_backs_off_twice_as_long_each_time_up_to_the_cap_with_jitter(chance: float, share: float) -> None:
    bench = RegistrationBench(chance=lambda: chance)
    bench.registrar.script = [None, 500, None, 503, None, None, None, None, None]
    bench.registration.start()
    for _ in range(9):
        bench.clock.advance_to_next()
    assert waits(bench) == pytest.approx([share * wait for wait in (5, 10, 20, 40, 80, 160, 300, 300, 300)])
    assert bench.registration.state == "registered"
    assert bench.registration.reason == ""


def test_hundreds_of_failures_do_no_harm() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [None] * 1500
    bench.registration.start()
    for _ in range(1500):
        bench.clock.advance_to_next()
    assert bench.registration.state == "registered"


def test_success_starts_the_waits_anew() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [None, None, 200, None]
    bench.registration.start()
    for _ in range(4):
        bench.clock.advance_to_next()
    assert waits(bench)[-1] == 2.5


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", 120.0),
        ("120 (maintenance);duration=3600", 120.0),
        ("1", 2.5),
        ("soon", 2.5),
        ("999999", 3600.0),
    ],
)
def test_retry_after_is_the_least_wait_within_reason(value: str, wait: float) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [(503, [("Retry-After", value)])]
    bench.registration.start()
    bench.clock.advance_to_next()
    assert waits(bench) == [wait]


@pytest.mark.parametrize("status", [403, 404, 603])
def test_a_refusal_of_ourselves_is_tried_rarely_and_told(status: int) -> None:
    bench = RegistrationBench()
    bench.registrar.script = [status]
    bench.registration.start()
    assert bench.states == ["registering", "refused"]
    assert bench.changes[-1][2].startswith(str(status))
    bench.clock.advance_to_next()
    assert waits(bench) == [150.0]


def test_a_failing_refresh_is_tried_again_before_the_registration_expires() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [200, None, None]
    bench.registration.start()
    bench.advance(541.0)
    assert (bench.registration.state, bench.registration.registered) == ("waiting", True)
    bench.advance(550.0)
    assert (bench.registration.state, bench.registration.registered) == ("registered", True)


def test_a_registration_that_cannot_be_refreshed_expires() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [200, *[None] * 100]
    bench.registration.start()
    bench.advance(599.9)
    assert bench.registration.registered
    bench.advance(600.0)
    assert not bench.registration.registered


def test_a_lost_way_is_registered_anew_at_once() -> None:
    bench = RegistrationBench()
    bench.registration.start()
    bench.advance(10.0)
    bench.registration.lost()
    assert bench.registrar.times == [0.0, 10.0]
    bench.clock.advance_to_next()
    assert bench.registrar.times == [0.0, 10.0, 550.0]


def test_a_way_that_is_lost_while_registering_begins_nothing_twice() -> None:
    bench = RegistrationBench()
    bench.registrar.holds = True
    bench.registration.start()
    bench.registration.start()
    bench.registration.lost()
    assert len(bench.registrar.requests) == 1


def test_a_way_that_is_lost_shortly_before_a_refresh_is_registered_anew_once() -> None:
    bench = RegistrationBench()
    bench.registration.start()
    bench.advance(530.0)
    bench.registrar.holds = True
    bench.registration.lost()
    bench.advance(560.0)
    assert bench.registrar.times == [0.0, 530.0]


class Left:
    """Whether `stop` is done."""

    times = 0

    def __call__(self) -> None:
        self.times += 1


def test_stop_has_the_registrar_forget_us_and_leaves_no_timer() -> None:
    bench = RegistrationBench()
    left = Left()
    bench.registrar.script = [challenge("one"), 200, challenge("two", ", stale=true")]
    bench.registration.start()
    bench.registration.stop(left)
    last = bench.registrar.requests[-1]
    assert (last.expires, last.get("Contact"), field(last, "nonce")) == (0, CONTACT, "two")
    assert (left.times, bench.registration.state, bench.registration.registered) == (1, "off", False)
    assert bench.clock.next_timer() is None


def test_stop_waits_for_a_silent_registrar_no_longer_than_it_says() -> None:
    bench = RegistrationBench()
    left = Left()
    bench.registration.start()
    bench.registrar.holds = True
    bench.registration.stop(left)
    assert (left.times, bench.registration.state) == (0, "leaving")
    bench.clock.advance_to_next()
    assert (left.times, bench.clock.time(), bench.registration.state) == (1, 2.0, "off")
    bench.registrar.release()
    assert (left.times, bench.clock.next_timer()) == (1, None)


def test_stop_undoes_a_registration_that_is_under_way() -> None:
    bench = RegistrationBench()
    left = Left()
    bench.registrar.holds = True
    bench.registration.start()
    bench.registration.stop(left)
    assert len(bench.registrar.requests) == 1
    bench.registrar.release()
    assert [request.expires for request in bench.registrar.requests] == [600, 0]
    assert (left.times, bench.registration.state) == (1, "off")


def test_stop_asks_nobody_when_nobody_knows_us() -> None:
    for script in ([], [None], [403]):
        bench = RegistrationBench()
        left = Left()
        bench.registrar.script = list(script)
        if script:
            bench.registration.start()
        bench.registration.stop(left)
        assert len(bench.registrar.requests) == len(script)
        assert (left.times, bench.registration.state, bench.clock.next_timer()) == (1, "off", None)


def test_it_can_be_started_again() -> None:
    bench = RegistrationBench()
    for _ in range(2):
        bench.registration.start()
        bench.registration.stop()
    assert [request.expires for request in bench.registrar.requests] == [600, 0, 600, 0]
    assert [request.cseq for request in bench.registrar.requests] == [1, 2, 3, 4]


def test_the_secret_is_in_no_text_it_gives() -> None:
    bench = RegistrationBench()
    bench.registrar.script = [challenge("one")]
    bench.registration.start()
    texts = [repr(bench.registration._settings), *map(bytes.decode, map(bytes, bench.registrar.requests))]
    assert not any(SECRET in text for text in texts)
