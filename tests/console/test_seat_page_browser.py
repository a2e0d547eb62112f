"""The seat's page in a real browser: the call before the ring, notes that are not lost, keys, tabs, lost connections."""

from __future__ import annotations

from seat_kit import call_rings, call_talks, call_waits, seat_user

from tests.console.console_kit import axe


def open_seat(browse, served, **options):
    """The page of Anna's seat, who has begun to work."""
    served.run(seat_user(served.parts))
    page = browse("anna", "/seat", **options)
    page.click("[data-start]")
    page.wait_for_selector(".seat-bar.ready")
    return page


def test_the_call_is_on_the_screen_before_the_page_rings_and_the_keyboard_is_on_answer(
    browse, served
) -> None:
    page = open_seat(browse, served)
    served.run(call_rings(served.parts))
    page.wait_for_selector("#seat-call.ringing")
    page.wait_for_function("() => document.getElementById('seat').dataset.ringAt")
    times = page.evaluate(
        "() => { const d = document.getElementById('seat').dataset; return [+d.popAt, +d.ringAt]; }"
    )
    assert times[1] - times[0] >= 300
    assert page.evaluate("() => document.activeElement.dataset.do") == "answer"
    assert "王建国" in page.inner_text("#seat-announce")


def test_the_page_is_accessible_in_every_state_and_at_each_width(browse, served) -> None:
    page = open_seat(browse, served)
    assert axe(page) == []
    served.run(call_rings(served.parts))
    page.wait_for_selector("#seat-call.ringing")
    assert axe(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    served.run(served.parts.desk.answered("c1", "anna"))
    served.parts.bus.publish("seat", "anna")
    page.wait_for_selector("#notes-form")
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    for name in ("pause", "away", "call", "keys"):
        page.evaluate("(name) => document.getElementById(`dialog-${name}`).showModal()", name)
        assert axe(page) == []
        page.keyboard.press("Escape")


def test_a_note_survives_a_reload_and_is_saved_by_the_keyboard(browse, served) -> None:
    page = open_seat(browse, served)
    served.run(call_talks(served.parts))
    page.wait_for_selector("#notes-form")
    page.keyboard.press("Alt+n")
    page.keyboard.type("asked for papers")
    page.reload()
    page.wait_for_selector("#notes-form")
    page.wait_for_function(
        "() => document.querySelector('#notes-form textarea').value === 'asked for papers'"
    )
    served.run(served.parts.desk.ended("c1"))
    served.parts.bus.publish("seat", "anna")
    page.wait_for_selector(".seat-bar.wrap_up")
    page.select_option("#notes-form select", "answered")
    page.keyboard.press("Alt+s")
    page.wait_for_selector(".seat-bar.ready")
    (saved,) = served.run(served.parts.database.talks.wrap_ups("c1"))
    assert (saved.disposition, saved.note) == ("answered", "asked for papers")


def test_notes_with_a_result_are_saved_when_the_time_is_over(browse, served) -> None:
    page = open_seat(browse, served)
    served.run(call_talks(served.parts))
    page.wait_for_selector("#notes-form")
    page.select_option("#notes-form select", "answered")
    served.run(served.parts.desk.ended("c1"))
    served.run(served.parts.desk.resume("anna"))
    served.parts.bus.publish("seat", "anna")
    page.wait_for_selector(".seat-bar.ready")
    page.wait_for_selector("#seat-notes", state="hidden")
    assert len(served.run(served.parts.database.talks.wrap_ups("c1"))) == 1


def test_every_state_is_reached_by_the_keyboard(browse, served) -> None:
    page = open_seat(browse, served)
    page.keyboard.press("Alt+x")
    page.wait_for_selector(".seat-bar.do_not_disturb")
    page.keyboard.press("F2")
    page.wait_for_selector(".seat-bar.ready")
    page.keyboard.press("Alt+p")
    page.wait_for_selector("#dialog-pause[open]")
    page.click("#dialog-pause [value=lunch]")
    page.wait_for_selector(".seat-bar.paused")
    page.keyboard.press("?")
    page.wait_for_selector("#dialog-keys[open]")


def test_of_two_tabs_one_says_that_it_does_not_work(browse, served) -> None:
    page = open_seat(browse, served)
    other = browse("anna", "/seat")
    other.wait_for_selector("#seat-other:not([hidden])")
    other.click("[data-do=take]")
    page.wait_for_selector("#seat-other:not([hidden])")
    other.wait_for_selector("#seat-other", state="hidden")


def test_a_lost_connection_is_told_and_the_seat_signed_in_again_as_it_was(browse, served) -> None:
    page = open_seat(browse, served)
    page.click("[data-open=pause]")
    page.fill("#dialog-pause [name=own]", "doctor")
    page.click("#dialog-pause [value=own]")
    page.wait_for_selector(".seat-bar.paused")
    page.route("**/api/seat/beat", lambda route: None)  # no answer comes
    page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    page.wait_for_selector("#seat-lost:not([hidden])")

    async def console_lost() -> None:
        from datetime import timedelta

        desk = served.parts.desk
        clock, desk._clock = desk._clock, lambda: served.parts.clock() + timedelta(seconds=60)
        await desk.sweep()
        desk._clock = clock

    served.run(console_lost())
    page.unroute("**/api/seat/beat")
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    page.wait_for_selector("#seat-good:not([hidden])")
    page.wait_for_selector(".seat-bar.paused")
    assert "doctor" in page.inner_text(".seat-bar")


def test_somebody_is_found_and_called_from_the_page(browse, served) -> None:
    page = open_seat(browse, served)
    page.keyboard.press("Alt+c")
    page.fill("#call-form input", "86001234")
    page.keyboard.press("Enter")
    page.click("#call-found button")
    page.wait_for_selector("#seat-good:not([hidden])")
    (offer,) = served.run(served.parts.desk.next_offers("w1"))
    assert offer.seat.id == "anna"


def test_who_waits_is_seen_while_the_seat_is_paused(browse, served) -> None:
    page = open_seat(browse, served, language="en")
    served.run(served.parts.desk.pause("anna", "lunch"))
    served.run(call_waits(served.parts))
    served.parts.bus.publish("queue", "service")
    page.wait_for_selector("#seat-beside li:has-text('Customer service')")
