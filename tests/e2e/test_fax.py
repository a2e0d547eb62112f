"""Faxes over real telephone lines: pages come out of a machine that is not ours as they went in."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from efax_machine import EfaxMachine, why_not
from hotline_process import HotlineProcess, until
from PIL import Image
from sip_caller import OutsideCall, SipCaller

from ivr.media.fax import write_pages
from policy_db import Keys, PolicyDatabase

pytestmark = [
    pytest.mark.sip,
    pytest.mark.timeout(500),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "a fax machine is here"),
]

FLOWS = Path(__file__).parents[2] / "flows"
HOTLINE = """
hotline: fax
title: {zh-CN: 传真, en: Fax}
main: main
languages: [zh-CN, en]
queues: {}
mailboxes: {}
on_no_input: [reprompt, trouble]
on_no_match: [reprompt, trouble]
on_error: trouble
"""
MAIN = """
flow: main
title: {zh-CN: 传真, en: Fax}
entry: send
steps:
  send:
    call: send_by_fax
    with: {kind: "'claim_guide'", policy_no: "null", claim_no: "null", guide: "'motor'"}
    on: {done: over, other: over}
  over: {say: goodbye, hangup: normal}
"""
TROUBLE = """
flow: trouble
title: {zh-CN: 故障, en: Trouble}
entry: bye
steps:
  bye: {say: goodbye, hangup: error}
"""


def flows(folder: Path) -> Path:
    """A hotline that does nothing but fax."""
    folder.mkdir()
    for name, text in (("hotline", HOTLINE), ("main", MAIN), ("trouble", TROUBLE)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    shutil.copy(FLOWS / "send_by_fax.yaml", folder)
    return folder


def points(path: Path, page: int = 0) -> tuple[tuple[int, int], bytes]:
    with Image.open(path) as image:
        image.seek(page)
        return image.size, image.convert("1").tobytes()


def compare(hotline: HotlineProcess, machine: EfaxMachine, document: str, folder: Path) -> int:
    """Every page of a document is as it was sent; how many there are."""
    ((cipher,),) = hotline.rows("select cipher from document_contents where document_id = ?", document)
    keys = Keys.from_file(hotline.data_dir / "database.key")
    sent = folder / f"{document}.tif"
    count = write_pages(keys.open(cipher, f"document:{document}"), sent)
    assert [points(one) for one in machine.pages()] == [points(sent, page) for page in range(count)]
    return count


async def received(machine: EfaxMachine, call: OutsideCall) -> None:
    async with asyncio.timeout(180):
        assert await machine.on(call) == 0, machine.log


async def to_a_number(hotline: HotlineProcess, number: str) -> str:
    """A claim guide that somebody wants sent to a number; the document."""
    url = f"sqlite+aiosqlite:///{hotline.data_dir / 'hotline.db'}"
    keys = Keys.from_file(hotline.data_dir / "database.key")
    async with await PolicyDatabase.open(url, keys=keys) as database:
        await database.documents.add(
            "guide", kind="claim_guide", language="en", channel="fax", facts={"guide": "motor"}
        )
        await database.faxes.put("guide", number=number)
    return "guide"


async def until_came(phone: SipCaller) -> OutsideCall:
    async with asyncio.timeout(60):
        while not phone.came:
            await asyncio.sleep(0.02)
    return phone.came[0]


async def test_pages_arrive_at_the_callers_own_machine_and_at_a_number(start_hotline, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    async with SipCaller(("127.0.0.1", 9)) as other:
        hotline: HotlineProcess = await asyncio.to_thread(
            lambda: start_hotline(
                fax_station="+86 10 6553 1234",
                flows_dir=flows(tmp_path / "flows"),
                outreach_address=f"sip:{{number}}@{other.address[0]}:{other.address[1]}",
            )
        )
        here, there = (EfaxMachine(folder) for folder in folders)
        try:
            document = await to_a_number(hotline, "+861065531234")
            async with SipCaller(hotline.address) as phone:
                call = await phone.dial("4001")
                here.press_start()
                called = await until_came(other)
                there.press_start()
                await asyncio.gather(received(here, call), received(there, called))
                async with asyncio.timeout(20):
                    await asyncio.gather(call.ended.wait(), called.ended.wait())
            for machine in (here, there):
                assert "+86 10 6553 1234" in machine.log
        finally:
            here.close()
            there.close()
    over = "select 1 from faxes where state not in ('prepared', 'sending')"
    await asyncio.to_thread(until, lambda: len(hotline.rows(over)) == 2, 30, "the end of two faxes")
    query = "select document_id, outcome, pages, total, machine, number, history from faxes"
    found = hotline.rows(query)
    for made, outcome, pages, total, name, number, history in found:
        assert (outcome, pages, name) == ("sent", total, "+49 30 1234"), history
        assert compare(hotline, there if number else here, made, tmp_path) == total
    assert document in {row[0] for row in found}
    assert hotline.rows("select distinct state from documents where channel = 'fax'") == [("sent",)]
