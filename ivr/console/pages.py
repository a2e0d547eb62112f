"""Pages from templates: with texts in the visitor's language, formats, navigation and addresses of static files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from ivr.console.access import Visitor
from ivr.console.area import Area, Entry
from ivr.console.formats import Formats
from ivr.console.parts import parts_of
from ivr.console.texts import Texts, chosen_language
from ivr.speech import PromptCatalogue

ROOT = Path(__file__).parent
LANGUAGE_COOKIE = "hotline_language"


class Templates:
    """The templates of all areas, their texts, and the navigation."""

    def __init__(self, areas: Iterable[Area]) -> None:
        areas = tuple(areas)
        folders = [ROOT, *(area.folder for area in areas)]
        self.texts = Texts(folder / "texts" for folder in folders)
        self.entries = sorted(
            (entry for area in areas for entry in area.entries), key=lambda one: (one.order, one.path)
        )
        self._static = {area.name: area.folder / "static" for area in areas} | {"console": ROOT / "static"}
        self._environment = Environment(
            loader=FileSystemLoader([folder / "templates" for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in ("moment", "time", "day", "span", "money", "number", "share"):
            self._environment.filters[name] = _format(name)
        self._environment.globals["static"] = self.static

    def html(self, template: str, values: Mapping[str, Any]) -> str:
        """The template filled in."""
        return self._environment.get_template(template).render(values)

    def prepare(self, *names: str) -> None:
        """Make templates ready that must not take their time at the first use."""
        for name in names:
            self._environment.get_template(name)

    def static(self, path: str) -> str:
        """The address of a static file `AREA/file`, which changes when the file does."""
        area, _, name = path.partition("/")
        return f"/static/{path}?v={_digest(self._static[area] / name)}"

    def entries_for(self, visitor: Visitor | None) -> list[Entry]:
        """The navigation that a visitor sees."""
        if visitor is None:
            return []
        return [entry for entry in self.entries if not entry.roles or visitor.has(*entry.roles)]


def render(
    request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page, or a part of one (for htmx), in the visitor's language."""
    templates: Templates = request.app.state.templates
    language = language_of(request, visitor)
    zone = ZoneInfo(parts_of(request).settings.zone)
    known: dict[str, Any] = {
        "request": request,
        "visitor": visitor,
        "language": language,
        "t": partial(templates.texts.get, language),
        "word": partial(_word, templates.texts, parts_of(request).catalogue, language),
        "formats": Formats(language, zone),
        "navigation": templates.entries_for(visitor),
        "csrf": "" if visitor is None else visitor.csrf,
        "path": request.url.path,
        "is_part": "hx-request" in request.headers,
    }
    return HTMLResponse(templates.html(template, known | values), status_code=status)


def language_of(request: Request, visitor: Visitor | None) -> str:
    """What was chosen on this device, else what the user has, else what the browser asks for."""
    return chosen_language(
        request.cookies.get(LANGUAGE_COOKIE, ""),
        "" if visitor is None else visitor.user.language,
        request.headers.get("accept-language", ""),
    )


def _word(texts: Texts, catalogue: PromptCatalogue, language: str, prefix: str, value: object) -> str:
    """A company's own word as it stands; a language that it added by a folder is called as that folder says."""
    word = texts.word(language, prefix, value)
    added = prefix == "language" and word == value and value in catalogue.languages
    return catalogue.about(str(value)).name_in(language) if added else word


def text(request: Request, visitor: Visitor | None, key: str, /, **values: object) -> str:
    """One text in the visitor's language, for messages made in Python."""
    templates: Templates = request.app.state.templates
    return templates.texts.get(language_of(request, visitor), key, **values)


def _format(name: str) -> Any:
    @pass_context
    def apply(context: Context, value: Any, *more: Any) -> str:
        return str(getattr(context["formats"], name)(value, *more))

    return apply


@lru_cache(maxsize=500)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
