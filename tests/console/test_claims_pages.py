"""Claims on the console: who sees them, what is done to them, what goes on paper, and that nobody's change is lost."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reportlab.pdfbase import pdfmetrics

from ivr.console.claims import paper
from ivr.outreach.documents import fonts as document_fonts
from policy_db.message_facts import Transcript
from tests.console.console_kit import Console


async def report(
    console: Console, *, level: int = 0, caller: str = "+8616000001234", submit: bool = True
) -> str:
    database, today = console.database, datetime.now(UTC).date()
    claim = await database.claims.begin(
        caller=caller, today=today, policy="86001234", level=level, resume=False
    )
    for question, value in {"when": f"{today} 10:30", "kind": "traffic", "hurt": "yes"}.items():
        await database.claims.save_answer(claim.id, question, value)
    recording = f"r-{claim.number}"
    await database.recordings.begin(
        recording, purpose="claim", call="call-1", worker="w1", file="x.wav", caller=caller, claim=claim.id
    )
    await database.recordings.finish(recording, seconds=21.0, size=168044, why="key")
    await database.claims.attach(claim.id, "what", recording)
    if submit:
        await database.claims.submit(claim.id, today)
    return claim.number


async def test_reviewers_and_managers_see_claims_and_others_do_not(console: Console) -> None:
    number = await report(console)
    for user, status in (("rui", 200), ("mei", 200), ("anna", 403), ("root", 403)):
        client = await console.signed_in(user)
        paths = (f"/claims/{number}", f"/claims/{number}/claim.csv", f"/api/claims/{number}")
        for path in ("/claims", "/api/claims", *paths):
            assert (await client.get(path)).status_code == status, (user, path)
    assert (await console.client().get("/api/claims")).status_code == 401
    looks = await console.database.audit.about(f"claim:{number}")
    assert {(one.actor, one.action) for one in looks} >= {("staff:rui", "looked"), ("staff:mei", "looked")}


async def test_a_claim_shows_every_answer_the_recordings_and_the_warning(console: Console) -> None:
    number = await report(console)
    said = Transcript("追尾，前保险杠坏了", "zh-CN", 0.8, "test", datetime.now(UTC))
    await console.database.messages.write_down(f"r-{number}", said)
    client = await console.signed_in("rui")
    english = (await client.get(f"/claims/{number}")).text
    answers = ("Traffic accident", "When did it happen", "Not answered", f'data-recording="r-{number}"')
    for told in ("do not pay", "追尾", *answers):
        assert told in english, told
    chinese = (await client.get(f"/claims/{number}", headers={"accept-language": "zh-CN"})).text
    assert "交通事故" in chinese
    assert "请勿付款" in chinese


async def test_a_report_that_was_cut_short_is_in_the_list_and_marked(console: Console) -> None:
    number = await report(console, submit=False)
    client = await console.signed_in("rui")
    assert f"/claims/{number}" in (await client.get("/claims?view=drafts")).text
    assert "did not finish this report" in (await client.get(f"/claims/{number}")).text
    reply = await client.post(f"/claims/{number}", data={"version": 0, "status": "reported"})
    assert reply.status_code == 303
    assert (await client.get(f"/api/claims/{number}")).json()["status"] == "reported"


async def test_a_claim_is_handled_to_its_end(console: Console) -> None:
    number = await report(console)
    client, path = await console.signed_in("rui"), f"/claims/{number}"
    papers = {"version": 0, "papers": "true", "adjuster": "rui", "missing": ["invoice", "", "a key"]}
    assert (await client.post(path, data=papers)).status_code == 303
    found = (await client.get(f"/api{path}")).json()
    assert (found["status"], found["missing"], found["adjuster"]) == (
        "missing_documents",
        ["invoice", "a key"],
        "rui",
    )
    told = await console.database.claims.status("86001234")
    assert told is not None
    assert told.missing == "invoice, a key"
    assert (await client.post(path, data={"version": 1, "papers": "true", "missing": ""})).status_code == 303
    refused = await client.post(path, data={"version": 2, "status": "approved"})
    assert refused.status_code == 409
    assert "do not pay" in refused.text
    await client.post(path, data={"version": 2, "checked_how": "Called the number on file"})
    await client.post(path, data={"version": 3, "status": "approved"})
    await client.post(path, data={"version": 4, "status": "paid", "paid": "1,200.50"})
    found = (await client.get(f"/api{path}")).json()
    assert (found["status"], found["paid"], found["sure"]) == ("paid", "1200.50", True)
    page = (await client.get(path)).text
    assert "do not pay" not in page
    assert "1200.50" in page


async def test_a_no_without_a_reason_is_refused(console: Console) -> None:
    number = await report(console)
    client = await console.signed_in("rui")
    assert (
        await client.post(f"/claims/{number}", data={"version": 0, "status": "declined"})
    ).status_code == 422
    why = {"version": 0, "status": "declined", "reason": "Not covered <i>at all</i>"}
    assert (await client.post(f"/claims/{number}", data=why)).status_code == 303
    assert "Not covered &lt;i&gt;" in (await client.get(f"/claims/{number}")).text


async def test_a_change_made_from_an_older_state_is_offered_again(console: Console) -> None:
    number = await report(console)
    rui, mei = await console.signed_in("rui"), await console.signed_in("mei")
    await rui.post(f"/claims/{number}", data={"version": 0, "adjuster": "rui"})
    late = {"version": 0, "papers": "true", "adjuster": "mei", "missing": ["invoice"]}
    reply = await mei.post(f"/claims/{number}", data=late)
    assert reply.status_code == 409
    assert "Rui changed this claim" in reply.text
    assert 'value="invoice" checked' in reply.text
    part = await mei.post(f"/claims/{number}", data=late, headers={"hx-request": "true"})
    assert (part.status_code, part.text.lstrip()[:14]) == (200, '<div id="desk"')
    assert (
        await mei.patch(f"/api/claims/{number}", json={"version": 0, "adjuster": "mei"})
    ).status_code == 409
    assert (await mei.get(f"/api/claims/{number}")).json()["adjuster"] == "rui"


async def test_two_reports_of_one_loss_warn_of_one_another(console: Console) -> None:
    first, second = await report(console), await report(console)
    client = await console.signed_in("rui")
    page = (await client.get(f"/claims/{second}")).text
    assert f'href="/claims/{first}"' in page
    assert "same policy, same caller, same kind, losses 0 days apart" in page
    assert "Possible duplicate" in (await client.get("/claims")).text
    assert (await client.get(f"/api/claims/{first}")).json()["duplicates"][0]["number"] == second


async def test_a_claim_is_held_for_a_court_and_released(console: Console) -> None:
    number = await report(console)
    client = await console.signed_in("rui")
    assert (await client.post(f"/claims/{number}/hold", data={"why": ""})).status_code == 422
    assert (await client.post(f"/claims/{number}/hold", data={"why": "Lawsuit 2026-17"})).status_code == 303
    hold = await console.database.retention.hold_on("claim", number)
    assert hold is not None
    assert (hold.why, hold.set_by) == ("Lawsuit 2026-17", "staff:rui")
    assert "Lawsuit 2026-17" in (await client.get(f"/claims/{number}")).text
    assert (await client.get(f"/api/claims/{number}")).json()["held"]
    await client.post(f"/claims/{number}/release")
    assert not (await client.get(f"/api/claims/{number}")).json()["held"]
    history = (await client.get(f"/api/claims/{number}")).json()["history"]
    assert [one["action"] for one in history] == ["held", "opened", "released"]


async def test_the_filtered_list_and_one_claim_are_exported_without_formulas(console: Console) -> None:
    number = await report(console)
    claim = await console.database.claims.begin(
        caller="=1+1", today=datetime.now(UTC).date(), policy="@SUM(A1)", resume=False
    )
    client = await console.signed_in("rui")
    lines = (await client.get(f"/claims/export.csv?q={number}&view=all")).text.strip().splitlines()
    assert len(lines) == 2
    assert number in lines[1]
    drafts = (await client.get("/claims/export.csv?view=drafts")).text
    assert ",'=1+1," in drafts
    assert ",'@SUM(A1)," in drafts
    one = (await client.get(f"/claims/{number}/claim.csv")).text
    assert "Traffic accident" in one
    assert (await client.get(f"/claims/{claim.number}/claim.csv")).status_code == 200


@pytest.mark.parametrize("fonts", ["of the machine", "of the reader"])
async def test_a_claim_goes_on_paper_in_chinese(
    console: Console, fonts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fonts == "of the reader":
        monkeypatch.setattr(document_fonts, "FONTS", ())
    paper.font_name.cache_clear()
    number = await report(console)
    client = await console.signed_in("rui")
    await client.post(f"/claims/{number}/note", data={"note": "注意 <b>& 其他</b>\n" + "很长的备注。" * 400})
    reply = await client.get(f"/claims/{number}/claim.pdf", headers={"accept-language": "zh-CN"})
    assert reply.headers["content-type"] == "application/pdf"
    file = tmp_path / "claim.pdf"
    file.write_bytes(reply.content)
    told = subprocess.run(
        ["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True
    ).stdout
    for words in ("请勿付款", "交通事故", "王建国", "安和保险", number, "其他"):
        assert words in told, words
    paper.font_name.cache_clear()
    assert pdfmetrics.getFont(paper.font_name())


async def test_promises_to_call_the_reporter_back(console: Console) -> None:
    number = await report(console)
    client = await console.signed_in("rui")
    await client.post(f"/claims/{number}/call-back")
    case = await console.database.claim_reviews.find(number)
    assert case is not None
    (promise,) = await console.database.messages.call_backs(claim=case.id)
    await client.post(f"/claims/{number}/call-back/{promise.id}", data={"state": "not_reached"})
    assert "Not reached" in (await client.get(f"/claims/{number}")).text


async def test_nonsense_is_refused(console: Console) -> None:
    number = await report(console)
    client = await console.signed_in("rui")
    for form in (
        {"version": "x"}, {"version": 0, "status": "gone"}, {"version": 0, "adjuster": "nobody"},
        {"version": 0, "paid": "much", "status": "paid"},
    ):  # fmt: skip
        assert (await client.post(f"/claims/{number}", data=form)).status_code == 422, form
    for path in ("/claims/000000000000", "/api/claims/000000000000", "/claims/000000000000/claim.pdf"):
        assert (await client.get(path)).status_code == 404, path
    del client.headers["x-csrf-token"]
    assert (await client.post(f"/claims/{number}", data={"version": 0, "adjuster": "rui"})).status_code == 403
