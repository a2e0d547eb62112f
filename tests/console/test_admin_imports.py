"""Imports, hours and prompts on the console: what is uploaded, refused, put in place, and heard by workers."""

from __future__ import annotations

import asyncio
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from ivr.call.company_hours import CompanyHours
from ivr.console.admin.imports import file_of, tidy
from ivr.flow.instructions import Phrase
from ivr.speech import Speaker
from tests.console.console_kit import Console

GOOD = (
    "工号,姓名,手机,入职日期\n2001,赵志刚,13800138000,2026-03-01\n1001,=林海涛,,\n"
    "2002,,12,2026/3/1\n2003,,,2026-03-01\n"
)


async def _upload(client: httpx.AsyncClient, kind: str, content: bytes, name: str = "staff.csv") -> str:
    reply = await client.post("/admin/imports", data={"kind": kind}, files={"file": (name, content)})
    assert reply.status_code == 303, reply.text[-300:]
    return reply.headers["location"]


async def test_a_file_is_looked_through_shown_line_by_line_then_written(console: Console) -> None:
    client = await console.signed_in("root")
    path = await _upload(client, "salespeople", GOOD.encode("gb18030"))
    page = (await client.get(path)).text
    assert "GB18030" in page
    assert "A new record needs this." in page
    assert "It is no telephone number" in page
    changed = (await client.get(path, params={"show": "changed"})).text
    assert "<del>林海涛</del> → <ins>=林海涛</ins>" in changed
    assert "read as 2026-03-01" in (await client.get(path, params={"show": "warned"})).text
    errors = (await client.get(path + "/errors.csv")).text
    assert "4,phone,error,2002,It is no telephone number" in errors
    assert (await client.post(path + "/apply", data={})).status_code == 409
    assert (await client.post(path + "/apply", data={"skip_wrong": "yes"})).status_code == 303
    assert "2 records written by root" in (await client.get(path)).text
    assert "赵志刚" in (await client.get("/admin/salespeople")).text
    assert "'=林海涛" in (await client.get("/admin/salespeople.csv")).text
    assert not file_of(console.parts, path.rpartition("/")[2]).exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"PK\x03\x04\x14\x00", "spreadsheet workbook"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"number,name\n1,a\x00b\n", "NUL bytes"),
        (b"number,name\n1,\xff\xfe\xff\n", "the encoding is broken"),
    ],
    ids=["workbook", "image", "nul", "encoding"],
)
async def test_what_is_no_csv_is_refused_with_the_reason(console: Console, body: bytes, said: str) -> None:
    client = await console.signed_in("root")
    page = (await client.get(await _upload(client, "salespeople", body))).text
    assert said in page
    assert "/apply" not in page


async def test_a_huge_file_is_refused_by_its_size_before_it_is_read(console: Console) -> None:
    client = await console.signed_in("root")
    large = str(console.parts.settings.import_megabytes * 1_000_000 + 100_000)
    reply = await client.post(
        "/admin/imports",
        content=b"x",
        headers={"content-type": "multipart/form-data; boundary=x", "content-length": large},
    )
    assert reply.status_code == 413
    assert await console.database.imports.latest() == ()


async def test_files_that_nobody_came_back_for_are_deleted(console: Console) -> None:
    client = await console.signed_in("root")
    record = (await _upload(client, "salespeople", GOOD.encode())).rpartition("/")[2]
    path = file_of(console.parts, record)
    assert path.stat().st_mode & 0o077 == 0
    old = (datetime.now(UTC) - timedelta(hours=25)).timestamp()
    os.utime(path, (old, old))
    await tidy(console.parts)
    assert not path.exists()
    reply = await client.post(f"/admin/imports/{record}/apply", data={"skip_wrong": "yes"})
    assert reply.status_code == 409
    assert "The uploaded file is gone" in reply.text


async def test_the_api_does_the_same_with_the_same_checks(console: Console) -> None:
    client = await console.signed_in("root")
    reply = await client.post(
        "/api/admin/imports", params={"kind": "salespeople"}, files={"file": ("a.csv", GOOD.encode())}
    )
    assert reply.status_code == 201, reply.text
    made = reply.json()
    assert (made["added"], made["changed"], made["wrong"]) == (1, 1, 2)
    lines = (await client.get(f"/api/admin/imports/{made['id']}/lines")).json()
    assert {one["column"] for one in lines[0]["problems"]} == {"phone", "hired_on"}
    done = (await client.post(f"/api/admin/imports/{made['id']}/apply", params={"skip_wrong": True})).json()
    assert done["state"] == "applied"
    record = (await client.get("/api/admin/salespeople/2001")).json()
    assert record["values"]["phone"] == "+8613800138000"
    wish = {"values": {"name": "赵强"}, "seen": record["seen"]}
    assert (await client.put("/api/admin/salespeople/2001", json=wish)).json()["fields"] == ["name"]
    assert (await client.put("/api/admin/salespeople/2001", json=wish)).status_code == 409
    wrong = await client.put("/api/admin/salespeople/2001", json={"values": {"phone": "x"}, "seen": "x"})
    assert wrong.status_code == 422
    customers = await client.get("/api/admin/customers")
    assert "id_number" not in customers.text
    manager = await console.signed_in("mei")
    assert (await manager.get("/api/admin/customers")).status_code == 403
    assert (await manager.get("/api/admin/queues")).json()[0]["name"]
    assert (await manager.put("/api/admin/hours/people", json={"version": 0})).status_code == 403


async def _version(console: Console) -> str:
    calendars = await console.database.administration.calendars()
    return str(calendars["people"].version if "people" in calendars else 0)


async def test_closing_at_once_reaches_a_worker_and_ends_by_itself(console: Console) -> None:
    client = await console.signed_in("root")
    of_file = console.parts.flows.current.hotline.calendars["people"]
    monday = datetime(2026, 11, 30, 3, tzinfo=UTC)  # eleven o'clock in Shanghai
    company = CompanyHours(console.database, every=60.0)
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with company.kept(console.parts.bus, lambda: loop.call_soon_threadsafe(heard.set)):
        assert company.open_state("people", of_file, monday) == "open"
        reply = await client.post(
            "/admin/hours/people/override",
            data={"override": "closed", "until": "2099-01-01T18:00", "note": "台风", "version": "0"},
        )
        assert reply.status_code == 303
        await asyncio.wait_for(heard.wait(), 20)
        assert company.open_state("people", of_file, monday) == "closed"
        later = datetime(2099, 1, 2, 3, tzinfo=UTC)
        assert company.hours("people", of_file, later).override is None
    assert "Closed by an administrator" in (await client.get("/admin/hours")).text
    late = await client.post("/admin/hours/people/override", data={"override": "", "version": "0"})
    assert late.status_code == 409
    back = await client.post(
        "/admin/hours/people/override", data={"override": "", "version": await _version(console)}
    )
    assert back.status_code == 303


async def test_a_day_and_a_week_of_ones_own_hold_over_the_file(console: Console) -> None:
    client = await console.signed_in("root")
    of_file = console.parts.flows.current.hotline.calendars["people"]
    day = {
        "day": "2026-11-30",
        "last": "2026-12-01",
        "kind": "hours",
        "hours": "10:00-11:30",
        "note": "培训",
        "version": "0",
    }
    assert (await client.post("/admin/hours/people/days", data=day)).status_code == 303
    week = {"own_week": "yes", "week_sat": "09:00-12:00", "swapped": "", "version": "1"}
    assert (await client.post("/admin/hours/people/week", data=week)).status_code == 303
    company = CompanyHours(console.database)
    await company.read()
    state = lambda *at: company.open_state("people", of_file, datetime(*at, tzinfo=UTC))  # noqa: E731
    assert state(2026, 11, 30, 3) == "open"
    assert state(2026, 11, 30, 4) == "closed"
    assert state(2026, 12, 5, 2) == "open"  # a Saturday
    assert state(2026, 12, 7, 2) == "closed"  # a Monday, which the week of one's own leaves out
    bad = await client.post("/admin/hours/people/days", data=day | {"hours": "25:00-26:00", "version": "2"})
    assert bad.status_code == 422
    assert (await client.post("/admin/hours/nowhere/days", data=day)).status_code == 404


def _tone(seconds: float = 1.0, rate: int = 44_100, channels: int = 2) -> bytes:
    wave = 0.02 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    silence = np.zeros(rate // 2)
    sound = np.concatenate([silence, wave, silence])
    file = io.BytesIO()
    soundfile.write(file, np.stack([sound] * channels, axis=1), rate, format="WAV", subtype="PCM_24")
    return file.getvalue()


async def _put(client: httpx.AsyncClient, content: bytes, name: str = "welcome", **values: str) -> Any:
    return await client.post(f"/admin/prompts/en/{name}", data=values, files={"sound": ("a.wav", content)})


async def test_a_recording_is_trimmed_levelled_converted_and_heard_by_a_running_worker(
    console: Console,
) -> None:
    client, parts = await console.signed_in("root"), console.parts
    speaker = Speaker(parts.catalogue, parts.prompts_dir, own=parts.settings.own_prompts_dir)
    before = speaker.render([Phrase("welcome", "en")]).seconds
    assert (await _put(client, _tone())).status_code == 303
    speaker.look_again()
    assert speaker.render([Phrase("welcome", "en")]).seconds == pytest.approx(1.06, abs=0.04)
    samples, rate = soundfile.read(io.BytesIO((await client.get("/admin/prompts/en/welcome/sound")).content))
    assert (rate, samples.ndim) == (8000, 1)
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=1.5)
    assert (await client.post("/admin/prompts/en/welcome/remove", data={})).status_code == 303
    speaker.look_again()
    assert speaker.render([Phrase("welcome", "en")]).seconds == pytest.approx(before)


async def test_the_recording_before_is_kept_and_put_back(console: Console) -> None:
    client = await console.signed_in("root")
    await _put(client, _tone(1.0))
    await _put(client, _tone(2.0))
    page = (await client.get("/admin/prompts/en/welcome")).text
    which = page.split('name="which" value="')[1].split('"')[0]
    assert (await client.get(f"/admin/prompts/en/welcome/earlier/{which}")).status_code == 200
    assert (await client.post("/admin/prompts/en/welcome/restore", data={"which": which})).status_code == 303
    sound = soundfile.info(io.BytesIO((await client.get("/admin/prompts/en/welcome/sound")).content))
    assert sound.duration == pytest.approx(1.06, abs=0.04)


async def test_a_whole_prompt_of_several_clips_is_recorded_in_one_until_a_moment(console: Console) -> None:
    client, parts = await console.signed_in("root"), console.parts
    speaker = Speaker(parts.catalogue, parts.prompts_dir, own=parts.settings.own_prompts_dir)
    assert len(speaker.render([Phrase("closed_notice", "en")]).clips) > 1
    assert (await _put(client, _tone(6.0), "closed_notice", until="2099-01-01T00:00")).status_code == 303
    speaker.look_again()
    assert len(speaker.render([Phrase("closed_notice", "en")]).clips) == 1
    mark = parts.settings.own_prompts_dir / "en" / "recordings" / "closed_notice.until"
    mark.write_text("2020-01-01T00:00:00+00:00")
    speaker.look_again()
    assert len(speaker.render([Phrase("closed_notice", "en")]).clips) > 1
    past = await _put(client, _tone(6.0), "closed_notice", until="2020-01-01T00:00")
    assert past.status_code == 422


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"RIFFnothing", "cannot be read as sound"),
        (b"", "Choose a file"),
        (_tone()[:44] + bytes(88_200), "or silent"),
    ],
    ids=["no sound", "nothing", "silence"],
)
async def test_what_is_no_speech_is_refused(console: Console, body: bytes, said: str) -> None:
    client = await console.signed_in("root")
    reply = await _put(client, body)
    assert reply.status_code == 422
    assert said in reply.text


async def test_a_name_never_leads_out_of_the_folder(console: Console, tmp_path: Path) -> None:
    client = await console.signed_in("root")
    for name in ("..%2f..%2fevil", "nothing_of_that_name", "%2e%2e"):
        reply = await client.post(f"/admin/prompts/en/{name}", files={"sound": ("a.wav", _tone())})
        assert reply.status_code in (404, 405), name
    assert list(tmp_path.rglob("*evil*")) == []
