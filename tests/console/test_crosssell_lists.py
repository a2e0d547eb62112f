"""The do-not-call list and the log of decisions on the console."""

from __future__ import annotations

from datetime import timedelta

from hint_kit import suggest

from tests.console.console_kit import Console

PATH = "/crosssell/do-not-call"


async def test_a_number_is_put_on_the_list_and_taken_off_with_a_reason(console: Console) -> None:
    mei = await console.signed_in("mei")
    await mei.post(PATH, data={"number": "+86 160 0000 9999", "source": "letter"})
    (entry,) = (await mei.get("/api/crosssell/do-not-call?q=16000009999")).json()["items"]
    assert (entry["number"], entry["scope"], entry["source"]) == ("+8616000009999", "sales", "letter")
    assert await console.database.do_not_call.is_listed("16000009999", "", "sales", console.parts.clock())

    assert (await mei.post(f"{PATH}/{entry['id']}/remove", data={"reason": "because"})).status_code == 422
    assert (await mei.post(f"{PATH}/{entry['id']}/remove", data={"reason": "mistake"})).status_code == 303
    assert not await console.database.do_not_call.is_listed("16000009999", "", "sales", console.parts.clock())
    page = (await mei.get(f"{PATH}?view=removed")).text
    assert "+8616000009999" in page
    assert "Entered by mistake" in page
    trail = await console.database.audit.about(f"do_not_call:{entry['id']}")
    assert {(one.actor, one.action) for one in trail} == {("staff:mei", "added"), ("staff:mei", "removed")}
    assert (await mei.post(f"{PATH}/{entry['id']}/remove", data={"reason": "mistake"})).status_code == 404


async def test_what_names_nobody_is_refused_and_stays_in_the_form(console: Console) -> None:
    mei = await console.signed_in("mei")
    day = (console.parts.clock() - timedelta(days=3)).date().isoformat()
    for sent, told in (
        ({}, "Give a telephone number"),
        ({"number": "12ab"}, "3 to 20 digits"),
        ({"customer": "C-none"}, "no such customer"),
        ({"number": "4001", "until": day}, "today or later"),
    ):
        reply = await mei.post(PATH, data=sent)
        assert reply.status_code == 422
        assert told in reply.text
        for value in sent.values():
            assert f'value="{value}"' in reply.text
    today = console.parts.clock().date() + timedelta(days=1)
    reply = await mei.post("/api/crosssell/do-not-call", json={"number": "4001", "until": f"{today}"})
    assert reply.status_code == 201
    assert reply.json()["until"] is not None


async def test_a_seat_adds_and_searches_but_neither_reads_through_nor_takes_off(console: Console) -> None:
    anna = await console.signed_in("anna")
    added = await anna.post("/api/crosssell/do-not-call", json={"number": "16000001111", "scope": "all"})
    assert added.status_code == 201
    entry = added.json()["id"]
    assert (await anna.get("/api/crosssell/do-not-call")).json()["items"] == []
    assert "at least 4" in (await anna.get(PATH)).text
    assert [
        one["id"] for one in (await anna.get("/api/crosssell/do-not-call?q=1600000111")).json()["items"]
    ] == [entry]
    assert (await anna.post(f"{PATH}/{entry}/remove", data={"reason": "mistake"})).status_code == 403
    assert (await anna.get(f"{PATH}.csv")).status_code == 403
    assert "Take off" not in (await anna.get(f"{PATH}?q=1600000111")).text


async def test_the_list_is_paged_and_exported(console: Console) -> None:
    mei = await console.signed_in("mei")
    for number in range(60):
        await mei.post("/api/crosssell/do-not-call", json={"number": f"170000{number:05}"})
    first = (await mei.get("/api/crosssell/do-not-call?q=170000&size=50")).json()
    rest = (await mei.get(f"/api/crosssell/do-not-call?q=170000&before={first['next']}")).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (50, 10, None)
    assert 'rel="next"' in (await mei.get(f"{PATH}?q=170000")).text
    assert len((await mei.get(f"{PATH}.csv?q=170000")).text.splitlines()) == 61


async def test_a_file_is_brought_in_whole_or_not_at_all(console: Console) -> None:
    mei = await console.signed_in("mei")

    async def bring(told: str, codec: str = "utf-8"):
        return await mei.post(f"{PATH}/import", files={"file": ("list.csv", told.encode(codec), "text/csv")})

    bad = await bring("电话号码,范围\n17100000001,all\n12ab,all\n17100000002,never\n", "gb18030")
    assert bad.status_code == 422
    assert "Line 3: A telephone number" in bad.text
    assert "Line 4: The scope" in bad.text
    assert (await mei.get("/api/crosssell/do-not-call?q=171")).json()["items"] == []
    good = "number,scope,source\n17100000001,all,regulator\n\n17100000002,,\n17100000001,all,regulator\n"
    reply = await bring(good)
    assert reply.headers["location"].endswith("done=imported&new=2")
    found = (await mei.get("/api/crosssell/do-not-call?q=171")).json()["items"]
    assert {(one["number"], one["scope"]) for one in found} == {
        ("17100000001", "all"),
        ("17100000002", "sales"),
    }
    for nothing in ("", "number\n", '"', "x" * 99):
        assert (await bring(nothing)).status_code == 422
    assert (await bring("number\n" + "4001\n" * 5001)).status_code == 422
    anna = await console.signed_in("anna")
    assert (await anna.post(f"{PATH}/import", files={"file": ("a.csv", b"number\n4001")})).status_code == 403


async def test_decisions_are_for_managers_and_administrators(console: Console) -> None:
    await suggest(console.parts)
    for user, status in (("mei", 200), ("root", 200), ("anna", 403), ("rui", 403)):
        client = await console.signed_in(user)
        for path in ("", "/s-c1", ".csv"):
            assert (await client.get(f"/crosssell/suggestions{path}")).status_code == status, (user, path)
        assert (await client.get("/api/crosssell/suggestions/s-c1")).status_code == status
    looks = await console.database.audit.about("suggestion:s-c1")
    assert {one.actor for one in looks} == {"staff:mei", "staff:root"}


async def test_a_decision_tells_gates_in_plain_words_with_codes_arm_and_chances(console: Console) -> None:
    known = await console.database.suggestions.find("demo-1")
    assert known is not None
    await suggest(console.parts)
    await suggest(console.parts, "c2", arm="none", gate="no_consent")
    mei = await console.signed_in("mei")
    offered = (await mei.get("/crosssell/suggestions/s-c1")).text
    for told in (
        "Offer",
        "80.0 %",
        "90.0 %",
        "They drive a lot",
        "+0.80",
        "/calls/c1",
        "/crosssell/referrals/s-c1",
    ):
        assert told in offered, told
    refused = (await mei.get("/crosssell/suggestions/s-c2")).text
    assert "Nothing was offered: No consent to marketing" in refused
    candidates = (await mei.get("/crosssell/suggestions/demo-1")).text
    assert "the catalogue&#39;s belief" in candidates or "the catalogue's belief" in candidates
    told = (await mei.get("/api/crosssell/suggestions/demo-1")).json()
    assert told["candidates"][0]["chance"] == known.candidates[0].chance
    assert (await mei.get("/crosssell/suggestions/none")).status_code == 404


async def test_decisions_are_found_by_call_customer_arm_gate_and_product(console: Console) -> None:
    await suggest(console.parts, "c1")
    await suggest(console.parts, "c2", arm="none", gate="no_consent")
    await suggest(console.parts, "c3", arm="holdout")
    mei = await console.signed_in("mei")

    async def found(query: str) -> list[str]:
        return [one["id"] for one in (await mei.get(f"/api/crosssell/suggestions?{query}")).json()["items"]]

    assert await found("q=c2") == ["s-c2"]
    assert await found("q=C1") == ["s-c3", "s-c2", "s-c1"]
    assert await found("q=C1&arm=holdout") == ["s-c3"]
    assert await found("gate=no_consent") == ["s-c2"]
    assert await found("q=C1&product=501") == ["s-c3", "s-c1"]
    assert await found("to=2001-01-01") == []
    first = (await mei.get("/api/crosssell/suggestions?q=C1&size=2")).json()
    rest = await mei.get("/api/crosssell/suggestions", params={"q": "C1", "before": first["next"]})
    assert [one["id"] for one in rest.json()["items"]] == ["s-c1"]
    page = (await mei.get("/crosssell/suggestions?q=c2", headers={"accept-language": "zh-CN"})).text
    assert "没有有效的营销同意" in page
    assert "no_consent" in (await mei.get("/crosssell/suggestions.csv?q=c2")).text
