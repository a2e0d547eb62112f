"""Who may record prompts by telephone: a number and a PIN from the page of prompts, shown once, ended by hand."""

from __future__ import annotations

import re

from tests.console.console_kit import Console

PAGE = "/admin/prompts"


async def test_a_number_and_pin_for_recording_are_shown_once_open_and_are_ended(console: Console) -> None:
    client = await console.signed_in("root")
    reply = await client.post(f"{PAGE}/telephone")
    assert reply.headers["cache-control"] == "no-store"
    number, pin = re.findall(r'<dd class="pin">(\d+)</dd>', reply.text)
    assert (len(number), len(pin)) == (4, 6)
    page = (await client.get(PAGE)).text
    assert f"Your number is {number}" in page
    assert pin not in page
    identity = console.database.identity
    assert (await identity.check_recorder(number, pin, caller="1", call_id="c1")).outcome == "passed"
    assert (await client.post(f"{PAGE}/telephone/end")).status_code == 303
    assert number not in (await client.get(PAGE)).text
    assert (await identity.check_recorder(number, pin, caller="2", call_id="c2")).outcome != "passed"
    noted = await console.database.audit.about("user:root")
    assert {"issued_prompt_pin", "revoked_prompt_pin"} <= {one.action for one in noted}
    assert all(pin not in str(one) for one in noted)


async def test_a_new_number_and_pin_take_the_place_of_the_ones_before(console: Console) -> None:
    client = await console.signed_in("root")
    first, second = [
        re.findall(r'<dd class="pin">(\d+)</dd>', (await client.post(f"{PAGE}/telephone")).text)
        for _ in range(2)
    ]
    identity = console.database.identity
    assert (await identity.check_recorder(*first, caller="1", call_id="c1")).outcome != "passed"
    assert (await identity.check_recorder(*second, caller="1", call_id="c1")).outcome == "passed"


async def test_whoever_is_no_administrator_gets_no_pin_for_recording(console: Console) -> None:
    client = await console.signed_in("mei")
    assert (await client.post(f"{PAGE}/telephone")).status_code == 403
    assert await console.database.prompt_pins.held("mei") is None


async def test_the_page_tells_how_much_of_each_language_can_be_heard(console: Console) -> None:
    page = (await (await console.signed_in("root")).get(PAGE)).text
    for language in console.parts.catalogue.languages:
        assert f'href="/admin/prompts?language={language}"' in page
    assert page.count("Numbers and dates ") == len(console.parts.catalogue.languages)
    spanish = console.parts.catalogue.prompts("es")
    assert re.search(rf"Prompts \d+ of {len(spanish)}", page)
