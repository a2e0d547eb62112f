"""Reports: the same figures on the page, as CSV and by the API, for managers alone."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from board_kit import ended_call, place_now, queue_and_seats

from ivr.console.reports.conduct import EVERY_TABLE
from ivr.console.reports.period import days_of
from ivr.console.reports.tables import MEASURES, TABLES

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


async def test_a_report_shows_the_same_figures_on_page_csv_and_api(console) -> None:
    now = console.parts.clock()
    for number in range(3):
        await ended_call(
            console.database, f"c{number}", now - timedelta(minutes=number), 60.0, asked=number == 0
        )
    await queue_and_seats(console.database)
    await place_now(
        console.database,
        "c0",
        waited=30,
        state="ended",
        answered_at=now - timedelta(seconds=20),
        ended_at=now,
    )
    client = await console.signed_in("mei")
    found = (await client.get("/api/reports/overview?period=week")).json()
    rows = {row[0]: row[1] for row in found["rows"]}
    assert (rows["calls"], rows["asked"], rows["answered"], rows["service_level"]) == (3, 1, 1, 1.0)
    assert rows["containment"] == pytest.approx(2 / 3)
    lines = list(
        csv.reader(io.StringIO((await client.get("/reports/overview.csv?period=week")).text.lstrip("\ufeff")))
    )
    assert lines[0] == ["measure", "now", "then"]
    assert [line[1] for line in lines if line[0] == "containment"] == ["0.6667"]
    page = (await client.get("/reports?period=week")).text
    assert "66.7 %" in page


@pytest.mark.parametrize("name", sorted(TABLES))
async def test_every_table_has_a_page_a_file_and_json(console, name: str) -> None:
    await ended_call(console.database, "c0", console.parts.clock(), 60.0)
    client = await console.signed_in("mei")
    assert (
        await client.get(f"/reports?view={name}", headers={"accept-language": "zh-CN"})
    ).status_code == 200
    assert (await client.get(f"/reports/{name}.csv")).headers["content-type"].startswith("text/csv")
    assert (await client.get(f"/api/reports/{name}")).json()["name"] == name


async def test_the_page_to_print_holds_every_table_and_each_measure_is_explained(console) -> None:
    client = await console.signed_in("mei")
    page = (await client.get("/reports/print?period=month")).text
    assert page.count("<table") == len(EVERY_TABLE)
    page = (await client.get("/reports/definitions")).text
    for name, _, _ in MEASURES:
        assert f'id="{name}"' in page


async def test_reports_are_for_managers(console) -> None:
    for user in ("anna", "rui", "root"):
        client = await console.signed_in(user)
        for path in (
            "/reports",
            "/reports/print",
            "/reports/days.csv",
            "/api/reports/days",
            "/reports/definitions",
        ):
            assert (await client.get(path)).status_code == 403, (user, path)
    client = await console.signed_in("mei")
    for path in ("/reports?view=nothing", "/reports/nothing.csv"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get("/api/reports/nothing")).status_code == 422


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        (("today", "", ""), (date(2026, 3, 10), date(2026, 3, 10))),
        (("yesterday", "", ""), (date(2026, 3, 9), date(2026, 3, 9))),
        (("week", "", ""), (date(2026, 3, 4), date(2026, 3, 10))),
        (("last_month", "", ""), (date(2026, 2, 1), date(2026, 2, 28))),
        (("", "2026-03-05", "2026-03-01"), (date(2026, 3, 1), date(2026, 3, 5))),
        (("", "2026-03-05", "2027-01-01"), (date(2026, 3, 5), date(2026, 3, 10))),
        (("", "nonsense", "2026-03-01"), (date(2026, 3, 4), date(2026, 3, 10))),
        (("never", "", ""), (date(2026, 3, 4), date(2026, 3, 10))),
    ],
)
def test_the_days_of_a_report_always_make_sense(asked, days) -> None:
    found = days_of(*asked, SHANGHAI, NOW)
    assert (found.first, found.last) == days
    assert found.before.last == found.first - timedelta(days=1)
    assert found.before.last - found.before.first == found.last - found.first
