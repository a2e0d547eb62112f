"""Builds the console: one application of all areas, with security headers, errors people understand, and /api."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ivr.console import events
from ivr.console.access import (
    ForbiddenError,
    ForgedError,
    MustChangeError,
    NotSignedInError,
    is_secure,
    sign_in_path,
    visitor_of,
)
from ivr.console.areas import AREAS
from ivr.console.openapi import describe_api
from ivr.console.pages import ROOT, Templates, language_of, render, text
from ivr.console.parts import ConsoleParts
from ivr.errors import HotlineError
from policy_db.errors import (
    BadValueError,
    ConflictError,
    DatabaseBusyError,
    DatabaseDownError,
    NotFoundError,
    PolicyDatabaseError,
)

#: Only our own scripts and styles; the microphone is for the browser phone.
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
        " connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
}

#: What a seat sees before the telephone rings; a telephone waits for it, so the first caller's does too.
_AT_ONCE: Final = ("seat/now.html", "seat/call.html", "seat/hint.html")

OpenParts = Callable[[], AbstractAsyncContextManager[ConsoleParts]]


def create_console(open_parts: OpenParts) -> FastAPI:
    """The application; its parts are opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            parts = app.state.parts = await stack.enter_async_context(open_parts())
            await asyncio.to_thread(app.state.templates.prepare, *_AT_ONCE)
            app.state.hub = await stack.enter_async_context(events.hub(parts.bus))
            for area in AREAS:
                if area.background is not None:
                    await stack.enter_async_context(area.background(parts))
            yield

    app = FastAPI(
        title="Hotline",
        description="What the console shows, as JSON. Sign in with a session cookie or an API token (Bearer).",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.state.templates = Templates(AREAS)
    app.add_middleware(_Secured)
    _add_errors(app)
    app.include_router(events.router)
    app.mount("/static/console", StaticFiles(directory=ROOT / "static"))
    for area in AREAS:
        if area.pages is not None:
            app.include_router(area.pages, include_in_schema=False)
        if area.api is not None:
            app.include_router(area.api, prefix="/api", tags=[area.name])
        if (area.folder / "static").is_dir():
            app.mount(f"/static/{area.name}", StaticFiles(directory=area.folder / "static"))
    describe_api(app)
    return app


class _Secured:
    """Puts the headers on every reply as it goes out; those that a page has set itself stay."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secure(request, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, secured)


def _secure(request: Request, headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if is_secure(request):
        headers.setdefault("strict-transport-security", "max-age=31536000")
    lasting = request.url.path.startswith("/static/") and "v" in request.query_params
    headers.setdefault("cache-control", "public, max-age=31536000, immutable" if lasting else "no-store")


def _add_errors(app: FastAPI) -> None:
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(MustChangeError, _must_change)
    app.add_exception_handler(ForbiddenError, _told(403, "error.forbidden"))
    app.add_exception_handler(ForgedError, _told(403, "error.forged"))
    app.add_exception_handler(DatabaseBusyError, _told(503, "error.busy"))
    app.add_exception_handler(DatabaseDownError, _told(503, "error.database"))
    app.add_exception_handler(BadValueError, _bad_value)
    app.add_exception_handler(ConflictError, _conflict)
    app.add_exception_handler(NotFoundError, _told(404, "error.not_found"))
    app.add_exception_handler(PolicyDatabaseError, _told(503, "error.database"))
    app.add_exception_handler(HotlineError, _hotline_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(404, _told(404, "error.not_found"))
    app.add_exception_handler(500, _told(500, "error.ours"))


async def _not_signed_in(request: Request, error: Exception) -> Response:
    """The sign-in for a page (whole, also when a part of one was asked for), 401 for a program."""
    if _is_api(request):
        return _api_error(401, "not_signed_in", text(request, None, "error.not_signed_in"))
    if "hx-request" in request.headers:
        return Response(status_code=200, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse(sign_in_path(request), status_code=303)


async def _must_change(request: Request, error: Exception) -> Response:
    """To the page where the password is changed, which comes before anything else."""
    if _is_api(request):
        return _api_error(403, "must_change_password", text(request, None, "error.must_change"))
    if "hx-request" in request.headers:
        return Response(status_code=200, headers={"HX-Redirect": "/account/password"})
    return RedirectResponse("/account/password", status_code=303)


def _told(status: int, key: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        return await error_reply(request, status, key.removeprefix("error."), text(request, None, key))

    return handler


async def _bad_value(request: Request, error: Exception) -> Response:
    return await error_reply(request, 422, "bad_value", str(error))


async def _conflict(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConflictError)  # noqa: S101 - registered for it
    return await error_reply(request, 409, error.code.lower(), str(error))


async def _hotline_error(request: Request, error: Exception) -> Response:
    code = getattr(error, "code", "H000")
    return await error_reply(request, 409, code, str(error).removeprefix(f"{code} "))


async def _invalid(request: Request, error: Exception) -> Response:
    """What was sent does not fit: each field by name, never its value (it may be secret)."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    fields = [
        {"field": ".".join(map(str, one["loc"][1:])) or str(one["loc"][0]), "message": one["msg"]}
        for one in error.errors()
    ]
    message = (
        text(request, None, "error.invalid")
        + " "
        + "; ".join(f"{f['field']}: {f['message']}" for f in fields)
    )
    if _is_api(request):
        return JSONResponse({"code": "invalid", "message": message, "fields": fields}, 422)
    return await error_reply(request, 422, "invalid", message)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    key = {404: "error.not_found", 403: "error.forbidden", 405: "error.method"}.get(error.status_code)
    message = str(error.detail) if key is None else text(request, None, key)
    return await error_reply(request, error.status_code, f"http_{error.status_code}", message)


async def error_reply(request: Request, status: int, code: str, message: str) -> Response:
    """An error in the form that was asked for: JSON, a notice for a part of a page, or a page."""
    if _is_api(request):
        return _api_error(status, code, message)
    try:
        visitor = await visitor_of(request)
    except PolicyDatabaseError:
        visitor = None
    template = "notice.html" if "hx-request" in request.headers else "error.html"
    return render(request, visitor, template, status=status, code=code, message=message)


def _api_error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


__all__ = ["HEADERS", "create_console", "error_reply", "language_of"]
