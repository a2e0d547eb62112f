"""Signing in: guessing is slow, holders are not shut out, sessions end, passwords change."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ivr.console.access import COOKIE, SECURE_COOKIE
from policy_db.audit import AuditFilter
from tests.console.console_kit import PASSWORD, Console, HandClock, OneApp

NEW = "seven purple elephants"


@pytest.fixture
async def timed(tmp_path: Path, demo_file: Path, one_app: OneApp) -> AsyncIterator[Console]:
    """A console whose clock is moved by hand."""
    clock = HandClock(datetime.now(UTC))
    app = one_app.over(tmp_path, demo_file, clock)
    async with app.router.lifespan_context(app):
        made = Console(app, app.state.parts, clock)
        yield made
        for client in made.clients:
            await client.aclose()


async def enter(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/sign-in", data={"name": name, "password": password})


async def guess(console: Console, name: str, times: int) -> None:
    for _ in range(times):
        assert (await enter(console.client(), name, "not the password")).status_code == 401


async def test_after_five_wrong_passwords_the_right_one_is_refused_with_the_same_words(
    timed: Console,
) -> None:
    wrong = await enter(timed.client(), "mei", "not the password")
    await guess(timed, "mei", 4)
    held = await enter(timed.client(), "mei")
    assert (held.status_code, held.text) == (401, wrong.text)
    disabled = await timed.database.users.change("rui", disabled=True)
    assert disabled is None
    assert (await enter(timed.client(), "rui")).text == wrong.text


async def test_a_hold_up_is_short_and_guessing_on_does_not_make_it_longer(timed: Console) -> None:
    await guess(timed, "mei", 5)
    timed.clock.forward(seconds=50)
    await guess(timed, "mei", 20)
    timed.clock.forward(seconds=11)
    assert (await enter(timed.client(), "mei")).status_code == 303


async def test_a_device_that_was_signed_in_before_still_gets_in_while_strangers_are_held_up(
    timed: Console,
) -> None:
    known = timed.client()
    assert (await enter(known, "mei")).status_code == 303
    await guess(timed, "mei", 8)
    assert (await enter(timed.client(), "mei")).status_code == 401
    assert (await enter(known, "mei")).status_code == 303


async def test_a_known_device_is_held_up_by_its_own_guesses(timed: Console) -> None:
    known = timed.client()
    await enter(known, "mei")
    for _ in range(5):
        await enter(known, "mei", "not the password")
    assert (await enter(known, "mei")).status_code == 401


async def test_one_address_that_tries_many_names_is_held_up_for_all(timed: Console) -> None:
    timed.database.users.rules.address_tries = 6
    for number in range(6):
        await enter(timed.client(), f"name{number}", "not the password")
    assert (await enter(timed.client(), "mei")).status_code == 401
    timed.clock.forward(minutes=16)
    assert (await enter(timed.client(), "mei")).status_code == 303


async def test_guessing_from_everywhere_holds_up_strangers_for_a_minute(timed: Console) -> None:
    timed.database.users.rules.all_tries = 4
    for number in range(4):
        await timed.database.users.check(f"name{number}", "wrong", address=f"192.0.2.{number}")
    assert (await enter(timed.client(), "mei")).status_code == 401
    timed.clock.forward(seconds=61)
    assert (await enter(timed.client(), "mei")).status_code == 303


async def test_an_administrator_lets_a_held_up_user_try_at_once(timed: Console) -> None:
    await guess(timed, "mei", 6)
    root = await timed.signed_in("root")
    mei = await timed.database.users.find("mei")
    assert mei is not None
    page = await root.get(f"/admin/users/{mei.id}")
    assert "Held up until" in page.text
    assert (await root.post(f"/admin/users/{mei.id}/unlock")).status_code == 303
    assert (await enter(timed.client(), "mei")).status_code == 303


async def test_a_session_ends_when_it_rests_and_at_the_latest_after_its_hours(timed: Console) -> None:
    client = timed.client()
    await enter(client, "mei")
    for _ in range(23):
        timed.clock.forward(minutes=29)
        assert (await client.get("/account")).status_code == 200
    timed.clock.forward(minutes=31)
    assert (await client.get("/account")).status_code == 303
    await enter(client, "mei")
    for _ in range(29):
        timed.clock.forward(minutes=25)
        last = await client.get("/account")
    assert last.status_code == 303


async def test_signing_in_again_ends_the_session_there_was(console: Console) -> None:
    client = console.client()
    await enter(client, "mei")
    first = client.cookies[COOKIE]
    await enter(client, "mei")
    assert client.cookies[COOKIE] != first
    assert await console.database.users.session(first) is None


async def test_by_https_the_cookie_is_secure_and_bound_to_the_host(console: Console) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(console.app), base_url="https://console.test"
    ) as client:
        reply = await enter(client, "mei")
        (cookie,) = [one for one in reply.headers.get_list("set-cookie") if one.startswith(SECURE_COOKIE)]
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert (await client.get("/account")).status_code == 200
        assert "max-age" in reply.headers["strict-transport-security"]


async def test_a_plain_cookie_is_not_taken_by_https(console: Console) -> None:
    client = await console.signed_in("mei")
    token = client.cookies[COOKIE]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(console.app), base_url="https://console.test", cookies={COOKIE: token}
    ) as other:
        assert (await other.get("/account")).status_code == 303


async def test_a_changed_password_ends_every_other_session(console: Console) -> None:
    here, there = await console.signed_in("mei"), await console.signed_in("mei")
    form = {"old": PASSWORD, "new": NEW, "again": NEW}
    reply = await here.post("/account/password", data=form)
    assert reply.status_code == 303
    assert (await here.get("/account")).status_code == 200
    assert (await there.get("/account")).status_code == 303
    assert (await enter(console.client(), "mei", NEW)).status_code == 303
    assert (await enter(console.client(), "mei")).status_code == 401


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"old": "wrong one", "new": NEW, "again": NEW}, "present password is wrong"),
        ({"old": PASSWORD, "new": NEW, "again": "other"}, "differ"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "at least 10"),
        ({"old": PASSWORD, "new": "Password123!", "again": "Password123!"}, "anybody tries"),
        ({"old": PASSWORD, "new": "1234567890", "again": "1234567890"}, "anybody tries"),
        ({"old": PASSWORD, "new": "mei-mei-mei-1", "again": "mei-mei-mei-1"}, "user name"),
        ({"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "present password"),
    ],
)
async def test_a_bad_new_password_is_refused_with_the_reason(
    console: Console, form: dict[str, str], told: str
) -> None:
    client = await console.signed_in("mei")
    reply = await client.post("/account/password", data=form)
    assert reply.status_code == 422
    assert told in reply.text


async def test_who_must_change_their_password_gets_nowhere_before(console: Console) -> None:
    await console.database.users.set_password("mei", "given by somebody", must_change=True)
    client = await console.signed_in("mei")
    reply = await client.get("/account")
    assert (reply.status_code, reply.headers["location"]) == (303, "/account/password")
    assert (await client.get("/api/audit")).json()["code"] == "must_change_password"
    form = {"old": "given by somebody", "new": NEW, "again": NEW}
    assert (await client.post("/account/password", data=form)).status_code == 303
    session = await console.database.users.session(client.cookies[COOKIE])
    assert session is not None
    assert not session.user.must_change


async def test_sessions_are_listed_and_ended_one_by_one_or_all_others(console: Console) -> None:
    here, there, third = [await console.signed_in("mei") for _ in range(3)]
    page = (await here.get("/account")).text
    ids = re.findall(r"/account/sessions/([0-9a-f]{64})/end", page)
    assert len(ids) == 2
    assert (await here.post(f"/account/sessions/{ids[0]}/end")).status_code == 303
    assert sorted([(await one.get("/account")).status_code for one in (there, third)]) == [200, 303]
    assert (await here.post("/account/sessions/end-others")).status_code == 303
    assert {(await one.get("/account")).status_code for one in (there, third)} == {303}
    assert (await here.get("/account")).status_code == 200


async def test_nobody_ends_the_sessions_of_another(console: Console) -> None:
    mei, rui = await console.signed_in("mei"), await console.signed_in("rui")
    session = await console.database.users.session(rui.cookies[COOKIE])
    assert session is not None
    await mei.post(f"/account/sessions/{session.id}/end")
    assert (await rui.get("/account")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://console.test"}, 303),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_another_sites_page_cannot_send_a_form_even_with_the_token(
    console: Console, headers: dict[str, str], status: int
) -> None:
    client = await console.signed_in("mei")
    form = {"display": "Mei", "language": "en"}
    assert (await client.post("/account", data=form, headers=headers)).status_code == status


async def test_another_sites_page_cannot_sign_a_browser_in(console: Console) -> None:
    form = {"name": "mei", "password": PASSWORD}
    reply = await console.client().post("/sign-in", data=form, headers={"sec-fetch-site": "cross-site"})
    assert reply.status_code == 403


async def test_name_and_language_are_chosen_on_the_account_page(console: Console) -> None:
    client = await console.signed_in("mei")
    await client.post("/account", data={"display": "梅经理", "language": "zh-CN"})
    page = await client.get("/account", headers={"accept-language": "en"})
    assert "梅经理" in page.text
    assert "我的账户" in page.text


async def test_an_api_token_is_shown_once_works_without_a_form_token_and_can_be_taken_back(
    console: Console,
) -> None:
    client = await console.signed_in("mei")
    page = (await client.post("/account/tokens", data={"name": "nightly report", "days": "30"})).text
    (token,) = re.findall(r"hotline_[\w-]{43}", page)
    assert token not in (await client.get("/account")).text
    program = console.client()
    program.headers["authorization"] = f"Bearer {token}"
    assert (await program.get("/api/me")).json()["name"] == "mei"
    assert (await program.get("/account")).status_code == 403
    assert (await program.post("/account/tokens", data={"name": "more", "days": "30"})).status_code == 403
    (row,) = await console.database.users.tokens.of(await _user(console, "mei"))
    await client.post(f"/account/tokens/{row.id}/revoke")
    assert (await program.get("/api/me")).status_code == 401


async def test_a_token_ends_by_itself_and_with_its_user(timed: Console) -> None:
    users = timed.database.users
    _, text = await users.tokens.add(await _user(timed, "mei"), "a", 2)
    _, other = await users.tokens.add(await _user(timed, "rui"), "b", 2)
    assert await users.tokens.holder(text) is not None
    timed.clock.forward(days=2, seconds=1)
    assert await users.tokens.holder(text) is None
    _, other = await users.tokens.add(await _user(timed, "rui"), "b", 2)
    await users.change("rui", disabled=True)
    assert await users.tokens.holder(other) is None


async def test_a_bad_bearer_token_is_not_made_good_by_a_cookie(console: Console) -> None:
    client = await console.signed_in("mei")
    assert (await client.get("/api/me", headers={"authorization": "Bearer hotline_x"})).status_code == 401


async def test_a_console_without_users_says_what_to_run(console: Console) -> None:
    from sqlalchemy import delete

    from policy_db.tables import UserRow

    async with console.database.store.writing() as connection:
        await connection.execute(delete(UserRow))
    assert "hotline users add" in (await console.client().get("/sign-in")).text


async def test_what_is_done_about_sign_in_is_in_the_audit_without_what_was_typed(console: Console) -> None:
    await enter(console.client(), "my-secret-typed-as-name", "also-secret")
    await enter(console.client(), "mei")
    found = await console.database.audit.search(AuditFilter(), limit=2)
    assert [(one.entry.actor, one.entry.action) for one in found] == [
        ("staff:mei", "signed_in"),
        ("system", "sign_in_failed"),
    ]
    assert "secret" not in repr(found)


async def _user(console: Console, name: str) -> Any:
    return await console.database.users.find(name)
