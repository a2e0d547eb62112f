"""Sign-in through the company's identity provider, where there is one."""

from __future__ import annotations

import hmac
import re
from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from ivr.console.access import is_secure
from ivr.console.account.provider import Begun, Person, Provider, ProviderError, make_provider
from ivr.console.account.signing import own_path, signed_in
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.users import User, UserProblemError

router = APIRouter(prefix="/sign-in/provider")
_COOKIE: Final = "hotline_oidc"
#: Seconds in which a person has to come back from the provider.
_PATIENCE: Final = 600
_KEY: Final = "account.provider"


@router.get("")
async def leave(request: Request, parts: Parts, next: str = "/") -> Response:  # noqa: A002 - the word in the address
    """To the provider."""
    provider = _provider(parts)
    begun = Begun.new(own_path(next))
    try:
        reply = RedirectResponse(await provider.leave_for(begun, _back(request)), 303)
    except ProviderError as error:
        return await _refused(request, parts, "account.provider_failed", error.code)
    reply.set_cookie(
        _COOKIE, _seal(parts).dumps(asdict(begun)), max_age=_PATIENCE, path=router.prefix,
        httponly=True, samesite="lax", secure=is_secure(request),
    )  # fmt: skip
    return reply


@router.get("/back")
async def back(
    request: Request,
    parts: Parts,
    code: str = "",
    state: str = "",
    iss: str = "",
    error: str = "",
) -> Response:
    """From the provider: whoever it names is signed in, if they have a role here."""
    provider = _provider(parts)
    begun = _begun(request, parts)
    if begun is None or not hmac.compare_digest(state.encode(), begun.state.encode()):
        return await _refused(request, parts, "account.provider_late", "state")
    if error or not code:
        return await _refused(request, parts, "account.provider_refused", "refused")
    try:
        person = await provider.person(begun, code, iss, _back(request))
    except ProviderError as failure:
        return await _refused(request, parts, "account.provider_failed", failure.code)
    user = await _user(parts, person)
    if isinstance(user, str):
        return await _refused(request, parts, f"account.provider_{user}", user)
    reply = await signed_in(request, parts, user, method="oidc", wanted=begun.wanted)
    reply.delete_cookie(_COOKIE, path=router.prefix)
    return reply


async def _user(parts: ConsoleParts, person: Person) -> User | str:
    """The user, made at their first sign-in and brought up to date at every other; or the reason why not."""
    if not person.roles:
        return "no_role"
    users = parts.database.users
    known = await users.by_subject(person.subject)
    if known is not None and known.disabled:
        return "disabled"
    try:
        if known is None:
            name = re.sub(r"[^\w.@+-]", "-", person.name)[:64]
            known = await users.add(
                name, roles=person.roles, display=person.display, email=person.email, subject=person.subject
            )
            await parts.database.audit.add("system", "added_user", f"user:{known.name}", {"by": "oidc"})
        elif (known.roles, known.display, known.email) != (person.roles, person.display, person.email):
            await users.change(
                known.name, roles=person.roles, display=person.display[:100], email=person.email[:200]
            )
    except UserProblemError as error:
        return "taken" if error.key == "taken" else "no_role"
    return await users.by_subject(person.subject) or "no_role"


async def _refused(request: Request, parts: ConsoleParts, key: str, why: str) -> Response:
    await parts.database.audit.add("system", "sign_in_failed", "console", {"by": "oidc", "why": why})
    reply = render(request, None, "error.html", status=403, code=why, message=text(request, None, key))
    reply.delete_cookie(_COOKIE, path=router.prefix)
    return reply


def _begun(request: Request, parts: ConsoleParts) -> Begun | None:
    try:
        return Begun(**_seal(parts).loads(request.cookies.get(_COOKIE, ""), max_age=_PATIENCE))
    except (BadSignature, TypeError):
        return None


def _seal(parts: ConsoleParts) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts.database.keys.token("sign-in under way"), salt="oidc")


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{router.prefix}/back"


def _provider(parts: ConsoleParts) -> Provider:
    if not parts.settings.oidc_issuer:
        raise HTTPException(404)
    provider = parts.shared.get(_KEY)
    if not isinstance(provider, Provider):
        provider = parts.shared[_KEY] = make_provider(parts.settings)
    return provider
