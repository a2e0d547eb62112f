"""Sign-in through an identity provider, against a small real one: roles follow its claim, nothing forged gets in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_provider import CLIENT, SECRET, FakeProvider, fake_provider, query_of
from joserfc.jwk import RSAKey

from tests.console.console_kit import Console, OneApp


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as made:
        yield made


@pytest.fixture
async def console(
    tmp_path: Path, demo_file: Path, one_app: OneApp, provider: FakeProvider
) -> AsyncIterator[Console]:
    """A console that knows the provider."""
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_title": "Example ID",
    }
    app = one_app.over(tmp_path, demo_file, **settings)
    async with app.router.lifespan_context(app):
        made = Console(app, app.state.parts, None)
        yield made
        for client in made.clients:
            await client.aclose()


async def to_provider(client: httpx.AsyncClient, wanted: str = "/account?tab=2") -> str:
    """Leave for the provider and come back from it: the address that the browser is sent to."""
    leaving = await client.get("/sign-in/provider", params={"next": wanted})
    assert leaving.status_code == 303
    async with httpx.AsyncClient(verify=False) as browser:  # it is http; reading certificates takes long
        coming = await browser.get(leaving.headers["location"])
    return coming.headers["location"]


async def sign_in(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(await to_provider(client))


async def test_the_button_is_there_only_where_a_provider_is_set(console: Console) -> None:
    assert "Example ID" in (await console.client().get("/sign-in")).text


async def test_who_the_provider_names_is_signed_in_and_led_to_the_wanted_page(console: Console) -> None:
    client = console.client()
    reply = await sign_in(client)
    assert (reply.status_code, reply.headers["location"]) == (303, "/account?tab=2")
    me = (await client.get("/api/me")).json()
    assert (me["name"], me["roles"]) == ("lin", ["seat"])


async def test_roles_follow_the_claim_at_every_sign_in(console: Console, provider: FakeProvider) -> None:
    client = console.client()
    await sign_in(client)
    provider.claims["roles"] = ["reviewer", "manager", "unheard-of"]
    await sign_in(client)
    assert (await client.get("/api/me")).json()["roles"] == ["reviewer", "manager"]


async def test_roles_may_have_names_of_the_companys_own_deep_in_a_claim(
    console: Console, provider: FakeProvider
) -> None:
    object.__setattr__(console.parts.settings, "oidc_roles_claim", "realm_access.roles")
    object.__setattr__(
        console.parts.settings, "oidc_roles", "hotline-admins=administrator,hotline-seats=seat"
    )
    provider.claims |= {
        "realm_access": {"roles": ["hotline-admins", "administrator-of-mail"]},
        "roles": ["seat"],
    }
    client = console.client()
    await sign_in(client)
    assert (await client.get("/api/me")).json()["roles"] == ["administrator"]


async def test_roles_may_come_from_the_userinfo_of_the_same_person_alone(
    console: Console, provider: FakeProvider
) -> None:
    del provider.claims["roles"]
    provider.userinfo = {"sub": "u-1", "roles": ["reviewer"]}
    client = console.client()
    await sign_in(client)
    assert (await client.get("/api/me")).json()["roles"] == ["reviewer"]
    provider.userinfo["sub"] = "u-2"
    assert (await sign_in(console.client())).status_code == 403


async def test_who_has_no_role_here_is_not_let_in_nor_made_a_user(
    console: Console, provider: FakeProvider
) -> None:
    provider.claims["roles"] = ["cook"]
    reply = await sign_in(console.client())
    assert reply.status_code == 403
    assert "no role" in reply.text
    assert await console.database.users.find("lin") is None


async def test_a_user_of_the_same_name_is_not_taken_over_until_an_administrator_joins_them(
    console: Console, provider: FakeProvider
) -> None:
    provider.claims["preferred_username"] = "root"
    assert (await sign_in(console.client())).status_code == 403
    await console.database.users.change("root", subject="u-1")
    assert (await sign_in(console.client())).status_code == 303


async def test_a_disabled_user_is_not_let_in(console: Console) -> None:
    await sign_in(console.client())
    await console.database.users.change("lin", disabled=True)
    assert (await sign_in(console.client())).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another"},
        {"iss": "https://evil.test"},
        {"nonce": "another"},
        {"exp": 1},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"sub": None},
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    console: Console, provider: FakeProvider, change: dict[str, Any]
) -> None:
    provider.bend = lambda claims: {
        name: value for name, value in (claims | change).items() if value is not None
    }
    assert (await sign_in(console.client())).status_code == 403
    assert await console.database.users.find("lin") is None


async def test_an_id_token_signed_by_another_key_is_refused(console: Console, provider: FakeProvider) -> None:
    provider.sign_with = RSAKey.generate_key(2048)
    assert (await sign_in(console.client())).status_code == 403


async def test_a_provider_may_change_its_key(
    console: Console, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(console.client())
    monkeypatch.setattr("ivr.console.account.provider._KEYS_AGAIN", -1.0)
    provider.turn_key()
    assert (await sign_in(console.client())).status_code == 303


async def test_an_answer_that_did_not_begin_in_this_browser_is_refused(console: Console) -> None:
    coming = await to_provider(console.client())
    assert (await console.client().get(coming)).status_code == 403


async def test_an_answer_is_good_once(console: Console) -> None:
    client = console.client()
    coming = await to_provider(client)
    assert (await client.get(coming)).status_code == 303
    assert (await client.get(coming)).status_code == 403


async def test_a_forged_state_is_refused(console: Console) -> None:
    client = console.client()
    code = query_of(await to_provider(client))["code"]
    reply = await client.get("/sign-in/provider/back", params={"code": code, "state": "forged"})
    assert reply.status_code == 403


async def test_a_provider_that_cannot_be_reached_is_told_in_plain_words(
    console: Console, provider: FakeProvider
) -> None:
    object.__setattr__(console.parts.settings, "oidc_issuer", "http://127.0.0.1:1")
    reply = await console.client().get("/sign-in/provider")
    assert reply.status_code == 403
    assert "could not sign you in" in reply.text
