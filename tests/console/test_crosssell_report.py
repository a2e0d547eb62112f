"""The proof report: the same figures on the page, as CSV and by the API, for managers and administrators."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from proof_kit import run_experiment, watch
from sqlalchemy import select

from cross_sell.daily import read_log
from ivr.console.crosssell.clockwork import refit_if_due
from ivr.console.crosssell.report import EXPLAINED
from ivr.console.crosssell.tables import TABLES, VIEWS
from policy_db.tables import AuditRow
from tests.console.console_kit import HandClock


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))


async def test_page_csv_and_api_tell_the_same_uplift(console) -> None:
    await run_experiment(console.database)
    client = await console.signed_in("mei")
    found = (await client.get("/api/crosssell/report/arms")).json()
    arms = {row[0]: row for row in found["rows"]}
    people = found["columns"].index("people")
    assert arms["offer"][people] + arms["random"][people] + arms["holdout"][people] == 500
    assert arms["holdout"][found["columns"].index("buyers")] == 0
    uplift = (await client.get("/api/crosssell/report/uplift")).json()
    sales = dict(zip(uplift["columns"], uplift["rows"][0], strict=True))
    assert sales["always_low"] < sales["fixed_low"] < sales["fixed"] == pytest.approx(0.12, abs=0.05)
    line = rows_of((await client.get("/crosssell/report/uplift.csv")).text)[0]
    assert float(line["always"]) == sales["always"]
    page = (await client.get("/crosssell/report")).text
    assert f"+{sales['always'] * 100:.2f}" in page


async def test_the_chart_tells_the_uplift_of_each_day_with_both_intervals(console) -> None:
    await run_experiment(console.database)
    client = await console.signed_in("root")
    found = (await client.get("/api/crosssell/report/course?outcome=margin")).json()
    assert len(found["days"]) == len(found["low"]) == len(found["people"])
    assert found["people"][-1] == 500
    assert found["low"][0] is None
    assert found["low"][-1] < found["fixed_low"][-1] < found["estimate"][-1] < found["high"][-1]


async def test_every_part_has_a_page_in_both_languages(console, tmp_path) -> None:
    await run_experiment(console.database, 150)
    watch(tmp_path / "models" / "cross_sell")
    client = await console.signed_in("mei")
    for view in (*VIEWS, "drift"):
        for language in ("zh-CN", "en"):
            reply = await client.get(f"/crosssell/report?view={view}", headers={"accept-language": language})
            assert reply.status_code == 200
            assert "<table" in reply.text


async def test_every_table_is_kept_as_a_file_and_that_is_noted(console) -> None:
    client = await console.signed_in("mei")
    for name in (*TABLES, "drift", "refits"):
        reply = await client.get(f"/crosssell/report/{name}.csv?from=2020-01-01&to=1999-01-01&window=7")
        assert reply.headers["content-type"].startswith("text/csv")
    async with console.database.store.reading() as connection:
        query = select(AuditRow.subject).where(AuditRow.action == "exported_report")
        noted = set((await connection.execute(query)).scalars())
    assert "crosssell:uplift" in noted


async def test_the_print_holds_every_table_and_each_figure_is_explained(console) -> None:
    client = await console.signed_in("mei")
    page = (await client.get("/crosssell/report/print")).text
    assert page.count("<table") == len(TABLES) + 2
    page = (await client.get("/crosssell/report/definitions")).text
    for name in EXPLAINED:
        assert f'id="{name}"' in page


async def test_without_people_the_page_says_that_it_is_too_early(console) -> None:
    client = await console.signed_in("mei")
    page = (await client.get("/crosssell/report")).text
    assert "Too early to tell" in page
    assert (await client.get("/api/crosssell/report/course")).json()["days"] == []


async def test_the_watch_tells_the_latest_of_each_model_and_charts_its_intercept(console, tmp_path) -> None:
    watch(tmp_path / "models" / "cross_sell")
    client = await console.signed_in("mei")
    (chart,) = (await client.get("/api/crosssell/report/intercepts")).json()
    assert (chart["name"], len(chart["days"])) == ("401", 14)
    assert chart["lower"] < chart["intercepts"][5] < chart["upper"]
    assert "2026-03-14" in chart["outside"]  # it went up all the time
    page = (await client.get("/crosssell/report?view=drift")).text
    assert "Shifted" in page
    assert "New model in use" in page


async def test_reasons_for_no_offer_are_told_in_words(console) -> None:
    await run_experiment(console.database, 60)
    client = await console.signed_in("mei")
    page = (await client.get("/crosssell/report?view=funnel")).text
    assert re.search(r"No consent to marketing", page)


async def test_the_report_is_for_managers_and_administrators(console) -> None:
    for user in ("anna", "rui"):
        client = await console.signed_in(user)
        for path in ("/crosssell/report", "/crosssell/report/arms.csv", "/api/crosssell/report/arms"):
            assert (await client.get(path)).status_code == 403
    client = await console.signed_in("mei")
    assert (await client.get("/crosssell/report?view=nothing")).status_code == 404
    assert (await client.get("/crosssell/report/nothing.csv")).status_code == 404


async def test_models_are_refitted_once_a_day_after_the_hour_of_the_nightly_work(console, tmp_path) -> None:
    parts = replace(console.parts, clock=HandClock(datetime(2027, 3, 1, 18, 30, tzinfo=UTC)))
    hour = parts.clock().astimezone(ZoneInfo(parts.settings.zone)).hour
    parts.settings = parts.settings.model_copy(update={"retention_hour": hour + 1})
    assert not await refit_if_due(parts)
    parts.settings = parts.settings.model_copy(update={"retention_hour": hour})
    assert await refit_if_due(parts)
    log = read_log(tmp_path / "models" / "cross_sell")
    assert {one.done for one in log} == {"believed", "waiting"}
