"""The document of the API (OpenAPI): what the areas bring, with how to sign in and what errors look like."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from ivr.console.access import COOKIE, CSRF_HEADER

_SECURITY: Final[list[dict[str, list[str]]]] = [{"session": []}, {"token": []}]
#: What any operation may answer instead of what it is for.
_ERRORS: Final = {
    "400": "The request cannot be read.",
    "401": "Nobody is signed in, or the token is not good.",
    "403": "The roles do not allow it, or the request did not come from a page of ours.",
    "404": "Nothing of that name.",
    "409": "It cannot be done as things stand.",
    "422": "What was sent does not fit; `fields` names what, where it is known.",
    "503": "The database cannot be used now.",
}
_ERROR_SCHEMA: Final[dict[str, Any]] = {
    "title": "Error",
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "description": "Stable; for programs."},
        "message": {"type": "string", "description": "For people, in their language."},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe_api(app: FastAPI) -> None:
    """Let the application's own document say what every operation has in common."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"The console's own session (by https: __Host-{COOKIE}); changes need the header"
            f" {CSRF_HEADER} too.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token of a user, made on their account page.",
        },
    }
    components.setdefault("schemas", {})["Error"] = _ERROR_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            operation["security"] = _SECURITY
            for status, meaning in _ERRORS.items():
                operation["responses"][status] = {"description": meaning, "content": content}
    return document
