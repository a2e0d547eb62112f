"""Who is there to sell something now, and who waits meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ivr.seats.sellers import service_side
from policy_db.seat_facts import Queue, QueueCall, Seat, Snapshot

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
SALES = Queue("sales", licences=("property",))
LIFE = Queue("life_specialists", licences=("life",))
QUEUES = {"sales": SALES, "life_specialists": LIFE, "service": Queue("service")}


def seat(name: str, *licences: str, state: str = "ready", languages: tuple[str, ...] = ("zh-CN",)) -> Seat:
    return Seat(name, name, "browser", languages, licences=licences, state=state)


def side(seats: list[Seat], calls: list[QueueCall] | None = None, language: str = "zh-CN"):
    snapshot = Snapshot(QUEUES, tuple(seats), tuple(calls or ()))
    return service_side(snapshot, language, ("sales", "life_specialists", "health_specialists"), NOW)


def test_ready_seats_count_by_each_of_their_licences() -> None:
    found = side([seat("a", "life", "property"), seat("b", "property"), seat("c", "life", state="talking")])

    assert dict(found.free) == {"": 2, "life": 1, "property": 2}


def test_seats_that_do_not_speak_the_language_or_serve_no_selling_queue_do_not_count() -> None:
    found = side([seat("a", "life", languages=("en",)), seat("b"), seat("c", "other")])

    assert dict(found.free) == {}
    assert dict(side([seat("a", "life", languages=("en",))], language="en").free) == {"": 1, "life": 1}


def test_waiting_callers_count_by_queue_with_the_longest_wait() -> None:
    calls = [
        QueueCall("1", "c1", "service", NOW, NOW - timedelta(seconds=40)),
        QueueCall("2", "c2", "service", NOW, NOW - timedelta(seconds=10)),
        QueueCall("3", "c3", "sales", NOW, NOW - timedelta(seconds=5), state="connected"),
    ]
    found = side([seat("a", "property")], calls)

    assert dict(found.waiting) == {"service": 2}
    assert dict(found.wait_seconds) == {"service": 40.0}


def test_a_licence_that_no_queue_wants_is_none_to_rely_on() -> None:
    snapshot = Snapshot({"sales": Queue("sales")}, (seat("a", "life"),), ())

    assert dict(service_side(snapshot, "zh-CN", ("sales",), NOW).free) == {"": 1}
