"""Every route of the console, found by walking the application: who gets in, who does not, and what the API answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Route

from tests.console.console_kit import USERS, Console

#: What answers without a sign-in, and why.
PUBLIC = {
    ("GET", "/sign-in"): "the sign-in itself",
    ("POST", "/sign-in"): "the sign-in itself",
    ("GET", "/sign-in/provider"): "the sign-in itself",
    ("GET", "/sign-in/provider/back"): "the sign-in itself",
    ("POST", "/language"): "harms nobody",
    ("GET", "/api/openapi.json"): "says what the API is, of nobody",
}
#: Public routes that other areas add: the browser phone's dial page, with what it loads.
#: Policyholders with their link and its code (`/d`), and Twilio with its signature, are no users of the console: they are
#: let in by tests of their own (test_documents_sent.py, test_twilio_incoming.py).
PUBLIC_FOLDERS = ("/dial", "/phone", "/d/", "/twilio/")
#: Which roles may see what lies under a path, beside what the navigation says; the longest path that fits counts.
SEEN_BY = {
    "/api/users": {"administrator"},
    "/api/audit": {"manager", "administrator"},
    "/reports": {"manager"},
    "/api/reports": {"manager"},
    "/board/alarms": {"manager"},
    "/api/crosssell": {"seat", "manager", "administrator"},
    **{
        f"{folder}/crosssell/{page}": {"manager", "administrator"}
        for folder in ("", "/api")
        for page in ("products", "suggestions", "models", "report")
    },
}
CONFORMS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
)  # fmt: skip
SAFE = {"GET", "HEAD", "OPTIONS"}


def routes(app: Any) -> list[tuple[str, str]]:
    """Method and path of every route, those of included routers too, static files and WebSockets aside."""
    found = set()
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute | Route):
            found |= {(method, str(route.path)) for method in route.methods or () if method != "HEAD"}
    return sorted(found)


def filled(path: str) -> str:
    """The path with something in place of its parameters."""
    return re.sub(r"\{[^}]*\}", "1", path)


def is_public(method: str, path: str) -> bool:
    return (method, path) in PUBLIC or path.startswith(PUBLIC_FOLDERS)


def test_the_walk_finds_pages_and_api(console: Console) -> None:
    found = routes(console.app)
    assert {("GET", "/admin/users"), ("GET", "/api/me"), ("POST", "/admin/users")} <= set(found)
    assert len(found) > 40


async def test_nothing_but_the_public_list_answers_without_a_sign_in(console: Console) -> None:
    client, open_to_all = console.client(), []
    for method, path in routes(console.app):
        if is_public(method, path):
            continue
        reply = await client.request(method, filled(path))
        refused = reply.status_code == 401 or (
            reply.status_code == 303 and reply.headers["location"].startswith("/sign-in")
        )
        if not refused:
            open_to_all.append((method, path, reply.status_code))
    assert open_to_all == []


async def test_every_change_is_refused_without_the_token_of_the_session(console: Console) -> None:
    client, unguarded = await console.signed_in("boss"), []
    del client.headers["x-csrf-token"]
    for method, path in routes(console.app):
        if method in SAFE or is_public(method, path):
            continue
        reply = await client.request(method, filled(path))
        if reply.status_code != 403:
            unguarded.append((method, path, reply.status_code))
    assert unguarded == []


async def test_a_role_that_must_not_see_a_page_does_not(console: Console) -> None:
    roles = SEEN_BY | {
        entry.path: set(entry.roles) for entry in console.app.state.templates.entries if entry.roles
    }
    seen = []
    for name in ("anna", "rui", "mei", "root"):
        client = await console.signed_in(name)
        for method, path in routes(console.app):
            allowed = _allowed(roles, path)
            if allowed is None or is_public(method, path) or set(USERS[name]) & allowed:
                continue
            reply = await client.request(method, filled(path))
            refused = (
                {403, 404, 204} if method in SAFE else {403, 404, 422}
            )  # an empty badge, or nothing of that id
            if reply.status_code not in refused:
                seen.append((name, method, path, reply.status_code))
    assert seen == []


def _allowed(roles: dict[str, set[str]], path: str) -> set[str] | None:
    fits = [one for one in roles if path == one or path.startswith((f"{one}/", f"{one}."))]
    return roles[max(fits, key=len)] if fits else None


async def test_the_navigation_leads_nobody_to_a_page_that_refuses_them(console: Console) -> None:
    templates = console.app.state.templates
    for name in USERS:
        client = await console.signed_in(name)
        user = await console.database.users.find(name)
        assert user is not None
        for entry in templates.entries:
            if entry.roles and not set(entry.roles) & set(user.roles):
                continue
            reply = await client.get(entry.path)
            assert reply.status_code in (200, 303), (name, entry.path, reply.status_code)


async def test_every_page_of_the_navigation_is_there_in_both_languages(console: Console) -> None:
    client = await console.signed_in("boss")
    for entry in console.app.state.templates.entries:
        for language in ("en", "zh-CN"):
            reply = await client.get(entry.path, headers={"accept-language": language}, follow_redirects=True)
            assert reply.status_code == 200, entry.path
            assert f'<html lang="{language}"' in reply.text, entry.path


# The API


def schema_of(console: Console) -> dict[str, Any]:
    """The OpenAPI document, as a client reads it."""
    document: dict[str, Any] = json.loads(json.dumps(console.app.openapi()))
    return document


def test_the_openapi_names_how_to_sign_in_and_how_errors_look(console: Console) -> None:
    document = schema_of(console)
    assert set(document["components"]["securitySchemes"]) == {"session", "token"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("security") == [{"session": []}, {"token": []}], (method, path)
            assert {"401", "403", "422"} <= set(operation["responses"]), (method, path)


async def test_errors_of_the_api_look_the_same_everywhere(console: Console) -> None:
    stranger, anna, root = console.client(), await console.signed_in("anna"), await console.signed_in("root")
    for reply, status in (
        (await stranger.get("/api/me"), 401),
        (await anna.get("/api/users"), 403),
        (await root.get("/api/users", params={"limit": "many"}), 422),
        (await root.get("/api/nowhere"), 404),
        (await root.put("/api/me"), 405),
    ):
        assert reply.status_code == status
        assert {"code", "message"} <= set(reply.json())
        assert reply.headers["content-type"] == "application/json"


async def test_a_program_pages_through_the_audit_by_the_number_it_is_given(console: Console) -> None:
    for number in range(5):
        await console.database.audit.add("staff:mei", "looked", f"call:{number}")
    client, seen, older = await console.signed_in("mei"), [], None
    while True:
        query = {"limit": 2, "actor": "mei"} | ({} if older is None else {"older_than": older})
        page = (await client.get("/api/audit", params=query)).json()
        seen += [one["subject"] for one in page["entries"]]
        older = page["older_than"]
        if older is None:
            break
    assert seen == [f"call:{number}" for number in range(4, -1, -1)]


@pytest.mark.parametrize("role", ["anna", "rui", "mei", "root", "boss"])
def test_whatever_is_sent_the_api_answers_as_it_says(served: Any, role: str) -> None:
    """Every operation, with made-up values good and bad: no fault of ours, and answers of the shape the document says."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks

    user = served.run(served.parts.database.users.find(role))
    _, token = served.run(served.parts.database.users.tokens.add(user, "fuzz", 1))
    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    wanted = [checks.CHECKS.get_one(name) for name in CONFORMS]
    bounds = settings(
        max_examples=3,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in schema.get_all_operations():
        operation = found.ok()
        if "{" in operation.path and operation.method.upper() in SAFE and operation.path.endswith("/events"):
            continue  # answers for ever

        @bounds
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            case.call_and_validate(checks=wanted, headers={"authorization": f"Bearer {token}"}, timeout=20)

        send()
