"""Pages of users, the audit and retention, as an administrator meets them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from ivr.console.account.background import keeper_of
from ivr.console.audit import looked_at
from ivr.console.purging import Keeper, remover
from tests.console.console_kit import Console


async def test_a_new_user_gets_a_password_shown_once_and_must_change_it(console: Console) -> None:
    root = await console.signed_in("root")
    form = {"name": "Newcomer", "display": "新同事", "roles": ["seat", "reviewer"], "email": "n@example.com"}
    page = await root.post("/admin/users", data=form)
    assert page.status_code == 200
    (password,) = re.findall(r'id="new-password">([^<]+)<', page.text)
    user = await console.database.users.find("newcomer")
    assert user is not None
    assert (user.roles, user.must_change) == (("seat", "reviewer"), True)
    assert await console.database.users.check("newcomer", password) is not None
    assert password not in (await root.get(f"/admin/users/{user.id}")).text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "mei"}, "a user mei already"),
        ({"name": "a b"}, "no blanks"),
        ({"name": "x", "seat": "nowhere"}, "no seat nowhere"),
        ({"name": "x", "salesperson": "999"}, "no salesperson 999"),
        ({"name": "x", "roles": ["king"]}, "no role king"),
    ],
)
async def test_what_is_wrong_with_a_user_is_told_and_what_was_entered_stays(
    console: Console, form: dict[str, object], told: str
) -> None:
    root = await console.signed_in("root")
    page = await root.post("/admin/users", data={"display": "Whoever <b>", **form})
    assert page.status_code == 422
    assert told in page.text
    assert "Whoever &lt;b&gt;" in page.text


async def test_a_user_is_bound_to_a_seat_disabled_and_enabled(console: Console) -> None:
    root, rui = await console.signed_in("root"), await console.database.users.find("rui")
    assert rui is not None
    (seat, *_) = await console.database.seats.all_seats()
    await root.post(f"/admin/users/{rui.id}", data={"display": "Rui", "roles": ["seat"], "seat": seat.id})
    theirs = await console.signed_in("rui")
    assert (await theirs.get("/api/me")).json()["seat"] == seat.id
    await root.post(f"/admin/users/{rui.id}/disable")
    assert (await theirs.get("/api/me")).status_code == 401
    await root.post(f"/admin/users/{rui.id}/enable")
    found = await console.database.users.find("rui")
    assert found is not None
    assert not found.disabled


async def test_nobody_disables_themselves(console: Console) -> None:
    root, me = await console.signed_in("root"), await console.database.users.find("root")
    assert me is not None
    assert "cannot disable yourself" in (await root.post(f"/admin/users/{me.id}/disable")).text


async def test_the_list_of_users_is_searched_and_exported_without_formulas(console: Console) -> None:
    await console.database.users.add("mallory", display="=HYPERLINK(1)", roles=("seat",))
    root = await console.signed_in("root")
    page = await root.get("/admin/users", params={"q": "mall"})
    assert "mallory" in page.text
    assert ">rui<" not in page.text
    file = await root.get("/admin/users.csv", params={"role": "seat"})
    assert "mallory,'=HYPERLINK(1)" in file.text
    assert "rui," not in file.text


async def test_the_audit_is_read_by_managers_filtered_and_paged(console: Console) -> None:
    for number in range(60):
        await console.database.audit.add("staff:rui", "looked", f"call:{number}")
    mei = await console.signed_in("mei")
    first = await mei.get("/admin/audit", params={"actor": "rui"})
    assert "call:59" in first.text
    assert "call:9<" not in first.text
    older = re.findall(r'rel="next" href="([^"]+)"', first.text)[0].replace("&amp;", "&")
    assert "call:9<" in (await mei.get(older)).text
    assert "call:59" not in (await mei.get("/admin/audit", params={"since": "2199-01-01"})).text
    file = await mei.get("/admin/audit.csv", params={"actor": "rui", "subject": "call:7"})
    assert file.text.count("call:7") == 1
    assert (await (await console.signed_in("rui")).get("/admin/audit")).status_code == 403


async def test_a_live_page_writes_one_look_in_ten_minutes(console: Console) -> None:
    from ivr.console.access import Visitor

    user = await console.database.users.find("mei")
    assert user is not None
    for _ in range(3):
        await looked_at(console.parts, Visitor(user, "", "s"), "call", "c-1", part="timeline")
    await looked_at(console.parts, Visitor(user, "", "s"), "call", "c-2")
    assert len(await console.database.audit.about("call:c-1")) == 1
    assert len(await console.database.audit.about("call:c-2")) == 1


async def test_a_period_is_changed_but_not_below_the_law(console: Console) -> None:
    root = await console.signed_in("root")
    assert (await root.post("/admin/retention/periods/voicemail", data={"days": "100"})).status_code == 303
    for name, days in (("sales_long", "3650"), ("audit", "10"), ("voicemail", "ten"), ("nothing", "10")):
        reply = await root.post(f"/admin/retention/periods/{name}", data={"days": days})
        assert reply.status_code == 422
    assert (await console.database.retention.periods())["voicemail"].days == 100


async def test_a_hold_is_set_shown_and_lifted(console: Console) -> None:
    root = await console.signed_in("root")
    _, policy = await _customer(console)
    form = {"kind": "policy", "number": policy, "why": "court 42"}
    assert (await root.post("/admin/retention/holds", data=form)).status_code == 303
    assert "held already" in (await root.post("/admin/retention/holds", data=form)).text
    assert (
        "Nothing has that number"
        in (await root.post("/admin/retention/holds", data=form | {"number": "1"})).text
    )
    assert "court 42" in (await root.get("/admin/retention")).text
    (hold,) = await console.database.retention.holds()
    await root.post(f"/admin/retention/holds/{hold.id}/release")
    assert await console.database.retention.holds() == ()


async def test_an_erasure_is_previewed_then_done_when_the_number_is_typed_again(console: Console) -> None:
    root = await console.signed_in("root")
    customer, policy = await _customer(console)
    page = await root.get("/admin/retention/erasure", params={"customer": customer})
    assert policy in page.text
    assert "What must stay" in page.text
    await console.database.calls.begin("c-1", worker="w", caller="", called="95500")
    await console.database.calls.finish("c-1", "hung_up", policy=policy)
    path = "/admin/retention/erasure"
    wrong = await root.post(path, data={"customer": customer, "again": "C1"})
    assert wrong.status_code == 422
    assert (await console.database.calls.find("c-1")).policy == policy  # type: ignore[union-attr]
    assert (await root.post(path, data={"customer": customer, "again": customer})).status_code == 303
    assert (await console.database.calls.find("c-1")).policy is None  # type: ignore[union-attr]
    (entry, *_) = await console.database.audit.about(f"customer:{customer}")
    assert (entry.actor, entry.action) == ("staff:root", "erased")


async def test_no_token_erases_anybody(console: Console) -> None:
    root = await console.database.users.find("root")
    assert root is not None
    _, token = await console.database.users.tokens.add(root, "job", 1)
    program = console.client()
    program.headers["authorization"] = f"Bearer {token}"
    reply: httpx.Response = await program.post(
        "/admin/retention/erasure", data={"customer": "C1", "again": "C1"}
    )
    assert reply.status_code == 403


async def test_the_day_s_run_happens_once_after_its_hour_and_in_one_console(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2031, 5, 5, 18, 59, tzinfo=UTC)]  # 02:59 in Shanghai
    for part in (console.database, console.database.retention):
        name = "clock" if part is console.database else "_clock"
        monkeypatch.setattr(part, name, lambda: now[0])
    one, two = keeper_of(console.parts), Keeper(console.parts.settings, console.database)
    assert await one.run_if_due() is None
    now[0] += timedelta(minutes=1)
    report = await one.run_if_due()
    assert report is not None
    assert report.problem == ""
    assert await two.run_if_due() is None
    now[0] += timedelta(days=1)
    assert await two.run_if_due() is not None


def test_a_recording_goes_with_its_note_and_nothing_outside_the_folder_ever_does(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "day").mkdir(parents=True)
    for name in ("a.wav", "a.json", "ab.wav"):
        (folder / "day" / name).touch()
    (tmp_path / "hotline.db").touch()
    remove = remover(folder)
    assert remove("day/a.wav")
    assert remove("day/a.wav")
    assert [one.name for one in (folder / "day").iterdir()] == ["ab.wav"]
    for outside in ("../hotline.db", str(tmp_path / "hotline.db"), ".", ""):
        assert not remove(outside)
    assert (tmp_path / "hotline.db").exists()


async def _customer(console: Console) -> tuple[str, str]:
    query = text("SELECT c.number, p.number FROM customers c JOIN policies p ON p.customer_id = c.id LIMIT 1")
    async with console.database.store.reading() as connection:
        customer, policy = (await connection.execute(query)).one()
        return customer, policy
