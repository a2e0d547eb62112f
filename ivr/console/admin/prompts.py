"""Prompts: what callers hear, in text and sound; the company's own recordings put in place, and taken back."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from ivr.console.access import Administrator, AdministratorInPerson
from ivr.console.admin.coverage import heard
from ivr.console.admin.uploads import limited
from ivr.console.audit import did
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.flow.instructions import Phrase
from ivr.speech.build import fixed_by_prompt
from ivr.speech.catalogue import Prompt
from ivr.speech.clips import CLIPS, ClipKey, own_recordings, read_index
from ivr.speech.errors import ClipError
from ivr.speech.own import OwnRecordings
from ivr.speech.studio import Studio

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/admin/prompts")
#: The largest sound file that is taken.
LARGEST: Final = 30_000_000
VIEWS: Final = ("", "own", "missing", "placeholder")
#: What is said of a recording that is not taken, by the code of its error.
WRONG: Final = {
    "P301": "not_sound", "P305": "too_quiet", "P306": "overdriven", "P307": "too_short", "P308": "too_long",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One clip of a prompt: the name of its recording, what it says, and what speaks it."""

    own: str
    text: str
    by: str  # recorded | shipped | rendered | placeholder | missing
    number: str


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt with its clips. `whole` says that one recording of all of it may stand for them."""

    prompt: Prompt
    parts: tuple[Part, ...]
    whole: bool
    recorded: bool
    number: str = ""

    @property
    def missing(self) -> bool:
        """Whether something of it has no sound."""
        return not self.recorded and any(one.by == "missing" for one in self.parts)

    @property
    def placeholder(self) -> bool:
        """Whether a voice of another language stands in for something of it."""
        return not self.recorded and not self.missing and any(one.by == "placeholder" for one in self.parts)

    @property
    def own(self) -> bool:
        """Whether the company has recorded it, or a part of it."""
        return self.recorded or any(one.by in ("recorded", "shipped") for one in self.parts)


@router.get("")
async def prompts_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The list, by language."""
    language = _language(parts, request.query_params.get("language", ""))
    rows = await asyncio.to_thread(_chosen, parts, language, request.query_params)
    start = (page_number(request) - 1) * PAGE
    return render(
        request, visitor, "admin/prompts.html",
        listing=listing(request, rows[start : start + PAGE + 1], total=len(rows)),
        languages=parts.catalogue.languages, chosen=language, view=request.query_params.get("view", ""), views=VIEWS,
        held=await parts.database.prompt_pins.held(visitor.name),
        values=await asyncio.to_thread(_silent_values, parts, language),
        heard=await asyncio.to_thread(heard, parts),
    )  # fmt: skip


@router.get(".csv")
async def prompts_csv(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The list as a file: for a studio that records them."""
    language = _language(parts, request.query_params.get("language", ""))
    rows = await asyncio.to_thread(_chosen, parts, language, request.query_params)
    await did(parts, visitor, "exported", "list:prompts")
    lines = await asyncio.to_thread(_studio_lines, parts, language, rows)
    return csv_reply(f"prompts-{language}", ("number", "recording", "text", "spoken_by"), lines)


@router.post("/telephone")
async def telephone(request: Request, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """A number and PIN with which the visitor records prompts by telephone; shown once."""
    made = await parts.database.prompt_pins.issue(visitor.name)
    await did(parts, visitor, "issued_prompt_pin", f"user:{visitor.name}")
    reply = render(request, visitor, "admin/prompts_telephone.html", made=made)
    reply.headers["cache-control"] = "no-store"
    return reply


@router.post("/telephone/end")
async def end_telephone(parts: Parts, visitor: AdministratorInPerson) -> Response:
    """The visitor's number and PIN open nothing any more."""
    if await parts.database.prompt_pins.revoke(visitor.name):
        await did(parts, visitor, "revoked_prompt_pin", f"user:{visitor.name}")
    return RedirectResponse("/admin/prompts", 303)


@router.get("/{language}/{name}")
async def prompt_page(
    request: Request, parts: Parts, visitor: Administrator, language: str, name: str
) -> Response:
    """One prompt with its clips: listen, record, upload, put an earlier one back."""
    return await _page(request, parts, visitor, language, name)


@router.get("/{language}/{name}/sound")
async def sound(parts: Parts, visitor: Administrator, language: str, name: str) -> Response:
    """A clip, as callers hear it now: by the name of its recording."""
    found = await asyncio.to_thread(_sound_of, parts, language, name)
    if found is None:
        raise HTTPException(404)
    return FileResponse(found, media_type="audio/wav", headers={"cache-control": "no-store"})


@router.get("/{language}/{name}/earlier/{which}")
async def earlier_sound(
    parts: Parts, visitor: Administrator, language: str, name: str, which: str
) -> Response:
    """A recording that was in place before."""
    path = _store(parts).sound(language, name, which) if _known(parts, language, name) else None
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type="audio/wav")


@router.post("/{language}/{name}", dependencies=[Depends(limited(LARGEST))])
async def put_in_place(
    request: Request, parts: Parts, visitor: Administrator, language: str, name: str
) -> Response:
    """Take a recording, from a file or from the browser's microphone; it is heard in the next calls."""
    if not _known(parts, language, name):
        raise HTTPException(404)
    form = await request.form()
    file = form.get("sound")
    until = _moment(str(form.get("until", "")), parts)
    if not isinstance(file, UploadFile) or not file.size:
        return await _page(
            request, parts, visitor, language, _prompt_of(parts, language, name), wrong="no_file"
        )
    if form.get("until") and (until is None or until <= parts.clock()):
        return await _page(
            request, parts, visitor, language, _prompt_of(parts, language, name), wrong="until"
        )
    try:
        seconds = await asyncio.to_thread(_place, parts, language, name, file, until)
    except ClipError as error:
        wrong = WRONG.get(error.code, "not_speech")
        return await _page(request, parts, visitor, language, _prompt_of(parts, language, name), wrong=wrong)
    await _done(
        parts,
        visitor.who,
        "recorded_prompt",
        language,
        name,
        seconds=round(seconds, 1),
        limited=until is not None,
    )
    return _back(parts, language, name)


@router.post("/{language}/{name}/restore")
async def restore(
    request: Request, parts: Parts, visitor: Administrator, language: str, name: str
) -> Response:
    """Put an earlier recording in place again."""
    which = str((await request.form()).get("which", ""))
    now = parts.clock()
    if not _known(parts, language, name) or not _store(parts).restore(language, name, which, now=now):
        raise HTTPException(404)
    await _done(parts, visitor.who, "restored_prompt", language, name)
    return _back(parts, language, name)


@router.post("/{language}/{name}/remove")
async def remove(parts: Parts, visitor: Administrator, language: str, name: str) -> Response:
    """Take the recording out of place; the rendered clip is heard again."""
    if not _known(parts, language, name) or not _store(parts).remove(language, name, now=parts.clock()):
        raise HTTPException(404)
    await _done(parts, visitor.who, "removed_prompt_recording", language, name)
    return _back(parts, language, name)


def _store(parts: ConsoleParts) -> OwnRecordings:
    return _studio(parts).own


def _studio(parts: ConsoleParts) -> Studio:
    """What there is to record; gathered once for the process."""
    if "studio" not in parts.shared:
        parts.shared["studio"] = Studio(
            parts.catalogue, parts.prompts_dir, OwnRecordings(parts.settings.own_prompts_dir)
        )
    studio: Studio = parts.shared["studio"]
    return studio


def _silent_values(parts: ConsoleParts, language: str) -> int:
    """How many pieces of spoken values have no sound of their own."""
    wanting = _studio(parts).wanting(language, parts.clock())
    return sum(unit.name.startswith("pieces/") for unit in wanting)


def _studio_lines(parts: ConsoleParts, language: str, rows: list[Item]) -> list[tuple[str, str, str, str]]:
    """What a studio records: the prompts of the list, whole or in parts, then the pieces of spoken values."""
    studio = _studio(parts)
    look = studio.look(language, parts.clock())
    lines: list[tuple[str, str, str, str]] = []
    for item in rows:
        if item.number:
            unit = studio.units.find(language, item.prompt.name)
            text = item.prompt.template.text
            lines.append((item.number, item.prompt.name, text, look.state(unit) if unit else "missing"))
        lines += [
            (one.number, one.own, one.text, one.by) for one in item.parts if one.own != item.prompt.name
        ]
    values = (unit for unit in studio.units.of(language) if unit.name.startswith("pieces/"))
    lines += [(unit.number, unit.name, unit.text, look.state(unit)) for unit in values]
    return lines


def _place(parts: ConsoleParts, language: str, name: str, file: UploadFile, until: datetime | None) -> float:
    with tempfile.TemporaryDirectory(dir=_temporary(parts)) as folder:
        path = Path(folder) / "sound"
        with path.open("wb") as out:
            while chunk := file.file.read(1 << 20):
                out.write(chunk)
        unit = _studio(parts).units.find(language, name)
        text = unit.text if unit is not None else ""
        placed = _store(parts).place(language, name, path, now=parts.clock(), until=until, text=text)
        return placed.seconds


def _temporary(parts: ConsoleParts) -> Path:
    parts.settings.own_prompts_dir.mkdir(parents=True, exist_ok=True)
    return parts.settings.own_prompts_dir


async def _done(
    parts: ConsoleParts, who: str, action: str, language: str, name: str, **details: object
) -> None:
    await parts.database.audit.add(who, action, f"prompt:{language}/{name}"[:100], details)
    parts.bus.publish("prompt", name)


def _back(parts: ConsoleParts, language: str, name: str) -> Response:
    return RedirectResponse(f"/admin/prompts/{language}/{_prompt_of(parts, language, name)}?done=saved", 303)


def _language(parts: ConsoleParts, wanted: str) -> str:
    return wanted if wanted in parts.catalogue.languages else parts.catalogue.default


def _moment(local: str, parts: ConsoleParts) -> datetime | None:
    try:
        return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(parts.settings.zone)).astimezone(UTC)
    except ValueError:
        return None


def _chosen(parts: ConsoleParts, language: str, query: Mapping[str, str]) -> list[Item]:
    """Prompts that the search and the view ask for: by their name or text."""
    words, view = query.get("q", "").strip().casefold(), query.get("view", "")
    rows = items(parts, language)
    if words:
        rows = [
            one for one in rows
            if words in one.prompt.name or any(words in part.text.casefold() for part in one.parts)
        ]  # fmt: skip
    return [one for one in rows if view not in VIEWS[1:] or getattr(one, view)]


def items(parts: ConsoleParts, language: str) -> list[Item]:
    """Every prompt of a language, with what speaks each of its clips."""
    shipped = own_recordings(parts.prompts_dir / language)
    recorded = _store(parts).current(language)
    now = parts.clock()
    holding = {name for name, one in recorded.items() if one.until is None or now < one.until}
    index = _index(parts.prompts_dir / language)
    studio = _studio(parts)
    stand_ins = studio.look(language, now).stand_ins
    clips: dict[str, list[Part]] = {name: [] for name in parts.catalogue.prompts(language)}
    for name, piece in fixed_by_prompt(parts.catalogue, language):
        clip = index.get(ClipKey.of(piece))
        by = (
            "recorded" if piece.own in holding else "shipped" if piece.own in shipped
            else "rendered" if clip and (parts.prompts_dir / language / CLIPS / f"{clip}.wav").is_file()
            else "placeholder" if ClipKey.of(piece) in stand_ins else "missing"
        )  # fmt: skip
        unit = studio.units.find(language, piece.own)
        clips[name].append(Part(piece.own, piece.text, by, unit.number if unit else ""))
    found = []
    for name, prompt in parts.catalogue.prompts(language).items():
        whole = not prompt.template.slots and len(clips[name]) > 1
        is_own = whole and (name in holding or name in shipped)
        unit = studio.units.find(language, name)
        found.append(Item(prompt, tuple(clips[name]), whole, is_own, unit.number if unit else ""))
    return found


def _index(folder: Path) -> dict[ClipKey, str]:
    try:
        return read_index(folder)
    except ClipError as error:
        log.error("clip index not read", error=str(error))
        return {}


def _known(parts: ConsoleParts, language: str, name: str) -> bool:
    """Whether a recording of that name is heard anywhere."""
    if language not in parts.catalogue.languages:
        return False
    prompts = parts.catalogue.prompts(language)
    if name in prompts and not prompts[name].template.slots:
        return True
    return any(piece.own == name for _, piece in fixed_by_prompt(parts.catalogue, language))


def item_number(parts: ConsoleParts, language: str, name: str) -> str:
    """The number of a recording on the telephone."""
    unit = _studio(parts).units.find(language, name)
    return unit.number if unit is not None else ""


def _prompt_of(parts: ConsoleParts, language: str, name: str) -> str:
    """The prompt that a recording belongs to."""
    if name in parts.catalogue.prompts(language):
        return name
    stem, _, number = name.rpartition(".")
    return stem if number.isdigit() else name


def _sound_of(parts: ConsoleParts, language: str, name: str) -> Path | None:
    """The file that is heard for a clip now."""
    if not _known(parts, language, name):
        return None
    recorded = _store(parts).current(language).get(name)
    if recorded is not None and (recorded.until is None or parts.clock() < recorded.until):
        return recorded.path
    if (shipped := own_recordings(parts.prompts_dir / language).get(name)) is not None:
        return shipped
    index = _index(parts.prompts_dir / language)
    for _, piece in fixed_by_prompt(parts.catalogue, language):
        if piece.own == name and (clip := index.get(ClipKey.of(piece))) is not None:
            path = parts.prompts_dir / language / CLIPS / f"{clip}.wav"
            return path if path.is_file() else None
    return None


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Administrator,
    language: str,
    name: str,
    *,
    wrong: str = "",
) -> Response:
    if language not in parts.catalogue.languages or name not in parts.catalogue.prompts(language):
        raise HTTPException(404)
    found = next(one for one in await asyncio.to_thread(items, parts, language) if one.prompt.name == name)
    store = _store(parts)
    current = store.current(language)
    names = [*([name] if found.whole else []), *(part.own for part in found.parts)]
    slots: list[dict[str, Any]] = [
        {
            "own": one, "number": item_number(parts, language, one),
            "part": next((part for part in found.parts if part.own == one), None),
            "now": current.get(one), "earlier": store.earlier(language, one),
            "plays": await asyncio.to_thread(_sound_of, parts, language, one) is not None,
        }
        for one in names
    ]  # fmt: skip
    place = found.prompt.problem_at
    return render(
        request, visitor, "admin/prompt.html", status=422 if wrong else 200, item=found, slots=slots, chosen=language,
        languages=parts.catalogue.languages, wrong=text(request, visitor, f"admin.sound.{wrong}") if wrong else "",
        file=f"{Path(place[0]).name}:{place[1]}", text=parts.catalogue.text(Phrase(name, language), lambda *a: None),
        note=text(request, visitor, "admin.done.recorded") if "done" in request.query_params else "",
        audit=[a for one in names for a in await parts.database.audit.about(f"prompt:{language}/{one}"[:100], limit=10)],
        words="".join(part if isinstance(part, str) else "{" + part.name + "}" for part in found.prompt.template.parts),
        largest=LARGEST,
    )  # fmt: skip
