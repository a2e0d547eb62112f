"""Flows on the console: figures, differences, publishing, rolling back, and who may."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from ivr.app import flows_folder
from ivr.console.flows.difference import differences
from ivr.console.flows.keeping import publisher_of
from ivr.flow import FlowStore
from tests.console.console_kit import Console


@pytest.fixture
def own(console: Console) -> Console:
    """The console with a store that follows what is published, as the product has it."""
    manifest = console.parts.flows.current.manifest
    console.parts.flows = FlowStore(lambda: flows_folder(console.parts.settings), manifest)
    console.parts.shared.pop("flows", None)
    return console


async def form_of(console: Console, client: Any, file: str = "company.yaml") -> dict[str, str]:
    """The fields of the editor of a file."""
    page = (await client.get(f"/flows/files/{file}")).text
    after = re.search(r'name="after" value="(\d+)"', page)
    assert after is not None
    return {"file": file, "after": after[1], "source": publisher_of(console.parts).files()[file]}


async def test_publishing_puts_a_change_into_use_and_notes_who_and_why(own: Console) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client)
    before = own.parts.flows.current.version
    form["source"] += "\n# opening hours checked\n"
    reply = await client.post("/flows/publish", data={**form, "message": "hours checked", "sure": "true"})
    assert reply.status_code == 303, reply.text
    assert own.parts.flows.current.version != before
    assert (own.parts.settings.own_flows_dir / "company.yaml").read_text().endswith("checked\n")
    newest = (await own.database.flow_versions.history())[0]
    assert (newest.who, newest.action, newest.message) == ("staff:mei", "published", "hours checked")
    page = (await client.get(reply.headers["location"])).text
    assert "# opening hours checked" in page


async def test_a_wrong_flow_is_not_published_and_its_text_is_not_lost(own: Console) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client)
    before = own.parts.flows.current.version
    form["source"] = form["source"].replace("entry:", "entrance:")
    reply = await client.post("/flows/publish", data={**form, "message": "m", "sure": "true"})
    assert reply.status_code == 422
    assert "entrance:" in reply.text
    assert re.search(r"F\d{3}", reply.text)
    assert own.parts.flows.current.version == before
    assert not own.parts.settings.own_flows_dir.exists()


async def test_a_flow_whose_own_test_fails_is_not_published(own: Console) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client, "choose_language.yaml")
    failing = """
  - name: this cannot be
    given: {}
    caller: [{keys: "1"}]
    expect: [{said: goodbye}, {said: goodbye}, {transfer: service}]
"""
    form["source"] = form["source"].rstrip("\n") + failing
    reply = await client.post("/flows/check", data=form, headers={"hx-request": "true"})
    assert "this cannot be" in reply.text
    reply = await client.post("/flows/publish", data={**form, "message": "m", "sure": "true"})
    assert reply.status_code == 422


async def test_whoever_publishes_on_an_old_version_sees_the_difference_first(own: Console) -> None:
    mei, boss = await own.signed_in("mei"), await own.signed_in("boss")
    mine, theirs = await form_of(own, mei), await form_of(own, boss)
    mine["source"] += "# mine\n"
    theirs["source"] += "# theirs\n"
    assert (
        await boss.post("/flows/publish", data={**theirs, "message": "t", "sure": "true"})
    ).status_code == 303
    reply = await mei.post("/flows/publish", data={**mine, "message": "m", "sure": "true"})
    assert reply.status_code == 409
    assert "# mine" in reply.text
    assert "# theirs" in reply.text


async def test_rolling_back_uses_an_old_version_again_and_says_which(own: Console) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client)
    first = int(form["after"])
    form["source"] += "# second\n"
    made = await client.post("/flows/publish", data={**form, "message": "second", "sure": "true"})
    number = made.headers["location"].rsplit("/", 1)[1]
    back = {"after": number, "message": "it was better before"}
    reply = await client.post(f"/flows/history/{first}/roll-back", data=back)
    assert reply.status_code == 303, reply.text
    newest = (await own.database.flow_versions.history())[0]
    assert (newest.action, newest.origin) == ("rolled_back", first)
    assert "# second" not in publisher_of(own.parts).files()["company.yaml"]


async def test_files_changed_beside_the_console_are_noticed(own: Console) -> None:
    publisher = publisher_of(own.parts)
    first = await publisher.noticed()
    assert (first.action, (await publisher.noticed()).id) == ("found", first.id)
    own.parts.settings.own_flows_dir.mkdir()
    for name, text in publisher.files().items():
        (own.parts.settings.own_flows_dir / name).write_text(text + "\n# by hand\n", encoding="utf-8")
    second = await publisher.noticed()
    assert (second.action, second.who) == ("found", "system")
    assert second.id != first.id


async def test_names_that_lead_elsewhere_are_refused(own: Console) -> None:
    client = await own.signed_in("mei")
    for file in ("../evil.yaml", "/etc/evil.yaml", "evil.sh", "a\\b.yaml"):
        form = {**await form_of(own, client), "file": file, "message": "m", "sure": "true"}
        assert (await client.post("/flows/publish", data=form)).status_code == 422


async def test_a_folder_that_cannot_be_written_leaves_everything_as_it_was(
    own: Console, monkeypatch: Any
) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client)
    own.parts.settings.own_flows_dir.write_text("a file where the folder should be")
    reply = await client.post(
        "/flows/publish", data={**form, "source": form["source"] + "# x\n", "message": "m", "sure": "true"}
    )
    assert reply.status_code == 409
    assert "HOTLINE_FLOWS_DIR" in reply.text or "H305" in reply.text


@pytest.mark.parametrize("name", ["anna", "rui"])
async def test_seats_and_reviewers_do_not_see_flows(console: Console, name: str) -> None:
    client = await console.signed_in(name)
    for path in ("/flows", "/flows/main", "/flows/history", "/api/flows"):
        assert (await client.get(path)).status_code == 403


async def test_counts_of_calls_are_on_the_ways_of_the_diagram(console: Console) -> None:
    await console.database.calls.begin("c1", worker="w", caller="1", called="2", flow="main")
    from policy_db.facts import TimelineEntry

    loaded = console.parts.flows.current.flows["person"]
    first, second = "hours", "open_now"
    events = [
        TimelineEntry(0, 0.0, "step_entered", {"flow": "person", "step": first}),
        TimelineEntry(
            1, 1.0, "step_left", {"flow": "person", "step": first, "outcome": "open", "target": second}
        ),
        TimelineEntry(2, 1.0, "step_entered", {"flow": "person", "step": second}),
    ]
    assert {first, second} <= set(loaded.flow.steps)
    await console.database.calls.append("c1", events)
    client = await console.signed_in("mei")
    assert 'class="here-count"' in (await client.get("/flows/person")).text
    await console.database.calls.finish("c1", "normal")
    from ivr.console.flows.keeping import count_all

    await count_all(console.parts)
    page = (await client.get("/flows/person")).text
    assert "open (1)" in page
    assert 'class="here-count"' not in page
    figures = (await client.get("/api/flows/person")).json()
    assert {step["name"]: step["entered"] for step in figures["steps"]}[second] == 1


def test_a_difference_names_the_step_and_shows_both_sides() -> None:
    before = "flow: a\nsteps:\n  one: {say: hello, next: two}\n  two: {hangup: normal}\n"
    after = "flow: a\nsteps:\n  one: {say: hello, next: three}\n  three: {hangup: normal}\n"
    (one,) = differences({"a.yaml": before, "b.yaml": "same"}, {"a.yaml": after, "b.yaml": "same"})
    told = {(change.kind, change.where): (change.before, change.after) for change in one.changes}
    assert told["changed", "steps › one › next"] == ("two", "three")
    assert told["removed", "steps › two"] == ("{hangup: normal}", "")
    assert ("added", "steps › three") in told
    assert one.counts == (2, 2)


async def test_a_reader_never_meets_half_a_new_folder(own: Console, tmp_path: Path) -> None:
    client = await own.signed_in("mei")
    form = await form_of(own, client)
    seen: set[int] = set()

    async def look() -> None:
        while True:
            folder = own.parts.settings.own_flows_dir
            if folder.exists():
                seen.add(len(list(folder.glob("*.yaml"))))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    form["source"] += "# x\n"
    await client.post("/flows/publish", data={**form, "message": "m", "sure": "true"})
    looking.cancel()
    assert seen <= {len(publisher_of(own.parts).files())}
