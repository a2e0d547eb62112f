"""The console as a whole: signing in, texts in every language, headers, errors, live nudges."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

import ivr.console
from ivr.console.access import CSRF_FIELD
from tests.console.console_kit import PASSWORD, Console

ROOT = Path(ivr.console.__file__).parent


async def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(console: Console) -> None:
    client = console.client()
    reply = await client.get("/account?tab=1")
    assert (reply.status_code, reply.headers["location"]) == (303, "/sign-in?next=%2Faccount%3Ftab%3D1")
    form = {"name": "MEI", "password": PASSWORD, "next": "/account?tab=1"}
    reply = await client.post("/sign-in", data=form)
    assert (reply.status_code, reply.headers["location"]) == (303, "/account?tab=1")


async def test_wrong_passwords_and_unknown_names_read_the_same(console: Console) -> None:
    client = console.client()
    wrong = await client.post("/sign-in", data={"name": "mei", "password": "not this one"})
    unknown = await client.post("/sign-in", data={"name": "nobody", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text


async def test_sign_in_never_leads_to_another_site(console: Console) -> None:
    for target in ("//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"):
        form = {"name": "mei", "password": PASSWORD, "next": target}
        assert (await console.client().post("/sign-in", data=form)).headers["location"] == "/"


async def test_a_change_without_the_token_of_the_session_is_refused(console: Console) -> None:
    client = await console.signed_in("mei")
    token = client.headers.pop("x-csrf-token")
    assert (await client.post("/sign-out")).status_code == 403
    assert (await client.post("/sign-out", data={CSRF_FIELD: "forged"})).status_code == 403
    assert (await client.post("/sign-out", data={CSRF_FIELD: token})).status_code == 303
    assert (await client.get("/account")).status_code == 303


async def test_every_answer_forbids_foreign_scripts_and_frames(console: Console) -> None:
    for reply in (await console.client().get("/sign-in"), await console.client().get("/nowhere")):
        assert "script-src 'self'" in reply.headers["content-security-policy"]
        assert reply.headers["x-frame-options"] == "DENY"


async def test_an_unknown_page_is_explained_in_the_visitors_language(console: Console) -> None:
    reply = await console.client().get("/nowhere", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert reply.status_code == 404
    assert "没有找到" in reply.text


async def test_the_api_answers_errors_as_json(console: Console) -> None:
    reply = await console.client().get("/api/nowhere")
    assert reply.status_code == 404
    assert set(reply.json()) == {"code", "message"}


def templates() -> list[Path]:
    return sorted(ROOT.rglob("*.html"))


def test_every_text_that_a_template_names_exists(content: object) -> None:
    from ivr.console.areas import AREAS
    from ivr.console.pages import Templates
    from ivr.outreach.documents.texts import all_texts

    own = set(Templates(AREAS).texts.keys)
    letters = set(all_texts()["zh-CN"])  # the policyholder's page speaks the words of the letters
    named = {
        (path, key)
        for path in templates()
        for key in re.findall(r"""\bt\(\s*['"]([\w.-]+)['"]\s*[,)]""", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {
        (file, key) for file, key in named if key not in (letters if "link" in file.parts else own)
    } == set()


def test_no_template_holds_a_script_a_style_or_a_handler_of_its_own() -> None:
    for path in templates():
        source = path.read_text(encoding="utf-8")
        assert not re.search(
            r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", source
        ), path


async def test_a_nudge_on_the_bus_reaches_a_browser(served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as client:
        await client.post("/sign-in", data={"name": "mei", "password": PASSWORD})
        async with client.stream("GET", "/events") as stream:
            lines = stream.aiter_lines()
            async for line in lines:
                if line.startswith("data:"):
                    break
            served.parts.bus.publish("seat", "anna")
            async for line in lines:
                if line.startswith("data:") and "seat" in line:
                    assert '"anna"' in line
                    break
