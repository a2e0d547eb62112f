"""Two fax machines on one wire, in virtual time: each hears what the other says, 20 ms at a time."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from ivr.media.fax import FaxResult, FaxTerminal, missing
from ivr.media.g711 import FRAME, Samples

needs_fax = pytest.mark.skipif(bool(missing()), reason=missing() or "spandsp is here")
Wire = Callable[[int, Samples], Samples]
MINUTES_15 = 50 * 60 * 15


def pdf_of(pages: int, *, lines: int = 12, wide: bool = False) -> bytes:
    """A PDF with some words on each page."""
    made = BytesIO()
    canvas = Canvas(made, pagesize=landscape(A4) if wide else A4)
    for page in range(pages):
        canvas.setFont("Helvetica", 14)
        for line in range(lines):
            canvas.drawString(60, 560 - 22 * line, f"Page {page + 1}, line {line + 1}: CNY 3,200.00 is due")
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def clean(_beat: int, samples: Samples) -> Samples:
    """A wire that changes nothing."""
    return samples


def run(
    caller: FaxTerminal, answerer: FaxTerminal | None, wire: Wire = clean, *, beats: int = MINUTES_15
) -> tuple[FaxResult, FaxResult | None]:
    """Until both are done, or for so many beats; how it ended for each."""
    for beat in range(beats):
        said = wire(beat, caller.say())
        heard = np.zeros(FRAME, np.int16) if answerer is None else answerer.say()
        caller.hear(heard)
        if answerer is not None:
            answerer.hear(said)
        if caller.done and (answerer is None or answerer.done):
            break
    return caller.close(), None if answerer is None else answerer.close()


def images(path: Path) -> list[bytes]:
    """The points of each page."""
    pages = []
    with Image.open(path) as tiff:
        for index in range(tiff.n_frames):
            tiff.seek(index)
            pages.append(bytes(str(tiff.size), "ascii") + tiff.convert("1").tobytes())
    return pages
