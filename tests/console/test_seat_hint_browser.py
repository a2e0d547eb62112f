"""The suggestion on the seat's page in a real browser: read, unfolded, told by keyboard, sent on."""

from __future__ import annotations

from hint_kit import suggest
from seat_kit import call_rings, call_talks, seat_user

from tests.console.console_kit import axe


def open_seat(browse, served, **options):
    """The page of Anna's seat, who has begun to work."""
    served.run(seat_user(served.parts))
    page = browse("anna", "/seat", **options)
    page.click("[data-start]")
    page.wait_for_selector(".seat-bar.ready")
    return page


def test_the_suggestion_can_be_read_before_the_ring_at_each_width(browse, served) -> None:
    page = open_seat(browse, served)
    served.run(suggest(served.parts, state="transferred"))
    served.run(call_rings(served.parts))
    page.wait_for_selector("#seat-call.ringing #seat-hint")
    assert "3 of ten such callers accept" in page.inner_text("#seat-hint") or "3 位" in page.inner_text(
        "#seat-hint"
    )
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert axe(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_what_is_unfolded_stays_and_a_sale_is_told_by_keyboard(browse, served) -> None:
    page = open_seat(browse, served)
    served.run(suggest(served.parts, state="connected"))
    served.run(call_talks(served.parts))
    page.wait_for_selector("[data-hint=quoted]")
    page.focus("#seat-hint summary")
    page.keyboard.press("Enter")
    page.focus("[data-hint=quoted]")
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('[data-hint=quoted]')")
    assert page.evaluate("() => document.querySelector('#seat-hint details').open")
    page.focus("#seat-hint summary")
    page.keyboard.press("Enter")
    served.parts.bus.publish("seat", "anna")
    page.wait_for_timeout(300)
    assert not page.evaluate("() => document.querySelector('#seat-hint details').open")
    page.focus("[data-hint=sold]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dialog-sold[open]")
    assert axe(page) == []
    page.keyboard.type("86990001")
    page.keyboard.press("Tab")
    page.keyboard.type("212.50")
    page.keyboard.press("Enter")
    page.wait_for_selector("#seat-hint .badge.good")
    (referral,) = served.run(served.parts.database.referrals.of_call("c1"))
    assert (referral.state, referral.policy, str(referral.premium)) == ("sold", "86990001", "212.50")


def test_a_caller_is_sent_to_a_specialist_by_the_dialog_of_every_transfer(browse, served) -> None:
    page = open_seat(browse, served)
    served.run(suggest(served.parts))
    served.run(call_talks(served.parts))
    page.route("**/api/seat/commands/transfer", lambda route: route.fulfill(json={"state": "sent"}))
    page.click("[data-hint=refer]")
    page.wait_for_selector("#dialog-transfer[open]")
    row = page.locator("#transfer-list [data-find]:visible")
    assert row.count() == 1
    row.locator("[data-send]").click()
    page.wait_for_function("() => !document.getElementById('dialog-transfer').open")
    page.wait_for_selector("#seat-beside .badge")
    (referral,) = served.run(served.parts.database.referrals.of_call("c1"))
    assert (referral.state, referral.referred_by) == ("accepted", "anna")
