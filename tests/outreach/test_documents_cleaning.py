"""Files of strangers are read in a process of their own, which ends with a clear word when it asks for too much."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from structlog.testing import capture_logs

from ivr.outreach.documents import cleaning
from ivr.outreach.documents.cleaning import Bounds, clean
from ivr.outreach.documents.papers import PaperError
from tests.outreach.papers_kit import busy_pdf


def plain_pdf() -> bytes:
    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 300)
    writer.write(file)
    return file.getvalue()


def photograph(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "navy").save(file, "PNG")
    return file.getvalue()


async def test_what_is_harmless_comes_back_as_it_is_kept() -> None:
    paper = await clean(plain_pdf())
    assert (paper.kind, paper.media_type) == ("paper", "application/pdf")
    assert PdfReader(io.BytesIO(paper.content)).pages[0].mediabox.height == 300
    photo = await clean(photograph(2900))
    with Image.open(io.BytesIO(photo.content)) as kept:
        assert (photo.kind, kept.format, kept.size) == ("photo", "JPEG", (2800, 2800))


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "empty"), (b"<html>", "type"), (b"%PDF-1.7 and nothing", "broken")]
)
async def test_what_is_refused_is_refused_with_the_same_word(content: bytes, why: str) -> None:
    with pytest.raises(PaperError) as refused:
        await clean(content)
    assert refused.value.why == why


async def test_a_pdf_that_keeps_the_parser_busy_is_given_up() -> None:
    bomb = busy_pdf()
    assert len(bomb) < 3000
    with pytest.raises(PaperError) as refused:
        await clean(bomb, Bounds(seconds=1))
    assert refused.value.why == "costly"


async def test_a_photograph_that_needs_too_much_memory_is_given_up() -> None:
    bounds = Bounds(megabytes=200)
    assert (await clean(photograph(100), bounds)).kind == "photo"
    with pytest.raises(PaperError) as refused:
        await clean(photograph(7000), bounds)
    assert refused.value.why == "costly"


async def test_a_process_that_says_more_than_may_be_kept_is_not_listened_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleaning, "MOST_KEPT", 100)
    with pytest.raises(PaperError) as refused, capture_logs() as logs:
        await clean(plain_pdf())
    assert refused.value.why == "costly"
    assert [one["event"] for one in logs] == ["a file was not read within its bounds"]


async def test_who_goes_away_leaves_no_process_behind() -> None:
    begun = set(_children())
    task = asyncio.create_task(clean(busy_pdf()))
    while not set(_children()) - begun:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(_children()) <= begun


def test_the_process_is_given_no_setting_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SMTP_PASSWORD", "secret")
    assert not any(name.startswith("HOTLINE_") for name in cleaning._harmless(os.environ))
    assert cleaning._harmless({"PATH": "/bin", "HOTLINE_DATABASE_KEY": "k"}) == {"PATH": "/bin"}


def _children() -> list[int]:
    return [int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
