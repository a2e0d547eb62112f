"""Pages of a PDF as a fax machine takes them: 1728 points across 215 mm, 196 lines to the inch, black and white."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ivr.media.errors import FaxError

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfDocument, PdfPage

#: ITU-T T.4: points across, and how many there are to an inch each way (8.04 and 7.7 to a millimetre).
WIDTH: Final = 1728
ACROSS, DOWN = 204, 196
#: The longest page in lines: twice an A4 sheet. More than so many pages are no letter any more.
_LONGEST: Final = 4600
MOST_PAGES: Final = 60
#: What is darker than this (of 255) becomes black: tinted cells stay white, grey words stay words.
_DARK: Final = 165
#: How much finer a page is drawn than it is sent.
_FINER: Final = 2
_POINTS: Final = 72

#: PDFium is for one thread at a time.
_lock = threading.Lock()


def write_pages(pdf: bytes | Path, to: Path) -> int:
    """Write a PDF's pages as one TIFF (T.6); how many there are. Some 0.1 s a page: use a thread.

    Raises FaxError (H811) for what is no PDF, has no page or too many; OSError.
    """
    with _lock:
        pages = list(_drawn(pdf))
    pages[0].save(
        to, format="TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=(ACROSS, DOWN)
    )
    return len(pages)


def _drawn(pdf: bytes | Path) -> Iterator[Image]:
    document = _opened(pdf)
    try:
        if not 0 < len(document) <= MOST_PAGES:
            raise FaxError(f"a document of {len(document)} pages is not faxed", code="H811")
        for index in range(len(document)):
            yield _page(document[index])
    finally:
        document.close()


def _opened(pdf: bytes | Path) -> PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        raise FaxError(f"the document is no PDF that can be drawn ({error})", code="H811") from None


def _page(page: PdfPage) -> Image:
    """One page, upright, in its own size where that fits."""
    from PIL import Image

    if page.get_width() > page.get_height():
        page.set_rotation((page.get_rotation() + 270) % 360)
    wide, high = page.get_width() / _POINTS, page.get_height() / _POINTS
    drawn: Image.Image = page.render(scale=ACROSS * _FINER / _POINTS, grayscale=True).to_pil().convert("L")
    fit = min(1.0, WIDTH / (wide * ACROSS), _LONGEST / (high * DOWN))
    size = (round(wide * ACROSS * fit), round(high * DOWN * fit))
    small = drawn.resize(size, Image.Resampling.BOX)
    sheet = Image.new("1", (WIDTH, size[1]), 1)
    sheet.paste(small.point(lambda level: 255 if level > _DARK else 0, "1"), ((WIDTH - size[0]) // 2, 0))
    return sheet
