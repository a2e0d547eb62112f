"""The sound of recordings, their waveforms, and what they say in writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from ivr.console.access import Anyone
from ivr.console.audit import did, looked_at
from ivr.console.pages import render
from ivr.console.parts import Parts
from ivr.console.player.listening import Listened, file_of
from ivr.console.player.ranges import NoSuchPartError, Part, asked_part
from ivr.console.player.views import view_of, written
from ivr.media.errors import AudioFileError
from ivr.media.waveform import BrowserWav, peaks
from policy_db.message_changes import LONGEST_TRANSCRIPT

router = APIRouter()


@router.get("/recordings/{id}")
async def page(request: Request, recording: Listened, visitor: Anyone, parts: Parts) -> Response:
    """One recording on a page of its own."""
    await looked_at(parts, visitor, "recording", recording.id, call=recording.call)
    told = await view_of(parts, recording)
    return render(
        request,
        visitor,
        "player/recording.html",
        recording=recording,
        seats=told["seats"],
        consent=told["consent"],
        **await written(parts, recording.id),
    )


@router.get("/recordings/{id}/transcript")
async def transcript(request: Request, recording: Listened, visitor: Anyone, parts: Parts) -> Response:
    """What a recording says, as the part of a page, which reads itself again when it changes."""
    await looked_at(parts, visitor, "recording", recording.id, call=recording.call)
    told = await written(parts, recording.id)
    return render(request, visitor, "player/transcript.html", recording_id=recording.id, **told)


@router.post("/recordings/{id}/transcript")
async def correct(
    request: Request,
    recording: Listened,
    visitor: Anyone,
    parts: Parts,
    text: Annotated[str, Form(max_length=LONGEST_TRANSCRIPT)] = "",
) -> Response:
    """A person who has heard it writes what it says."""
    await parts.database.messages.correct(recording.id, text.replace("\r\n", "\n"), visitor.name)
    await did(parts, visitor, "corrected", f"recording:{recording.id}")
    about = ("message", recording.id) if recording.purpose == "voicemail" else ("claim", "")
    parts.bus.publish(*about)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/recordings/{recording.id}", 303)
    return await transcript(request, recording, visitor, parts)


@router.api_route("/recordings/{id}/audio", methods=["GET", "HEAD"])
async def audio(request: Request, recording: Listened, visitor: Anyone, parts: Parts) -> Response:
    """The recording as PCM WAV, whole or in part."""
    file = await _opened(parts, recording)
    headers = {"accept-ranges": "bytes", "content-disposition": f'inline; filename="{recording.id}.wav"'}
    try:
        part = asked_part(request.headers.get("range"), file.size)
    except NoSuchPartError:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{file.size}"})
    whole = part or Part(0, file.size)
    headers["content-length"] = str(whole.end - whole.start)
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{file.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="audio/wav")
    await looked_at(parts, visitor, "recording", recording.id, call=recording.call)
    pieces = _pieces(file.read(whole.start, whole.end))
    return StreamingResponse(pieces, status_code=status, headers=headers, media_type="audio/wav")


@router.get("/recordings/{id}/peaks")
async def waveform(
    recording: Listened, parts: Parts, buckets: Annotated[int, Query(ge=50, le=4000)] = 600
) -> JSONResponse:
    """The waveform of each channel, how long it lasts, and where it is silent on purpose."""
    path = file_of(parts, recording)
    try:
        channels = await asyncio.to_thread(peaks, path, buckets)
    except (AudioFileError, OSError):
        raise HTTPException(404) from None
    told: dict[str, Any] = await view_of(parts, recording)
    told["channels"] = [{"low": one.low, "high": one.high} for one in channels]
    told["seconds"] = (await _opened(parts, recording)).seconds
    return JSONResponse(told)


async def _opened(parts: Parts, recording: Listened) -> BrowserWav:
    """Raises 404 for a file that is gone, or that is no recording of ours."""
    try:
        return await asyncio.to_thread(BrowserWav, file_of(parts, recording))
    except (AudioFileError, OSError):
        raise HTTPException(404) from None


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read in a thread: a disk may be slow, and others' pages must not be."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
