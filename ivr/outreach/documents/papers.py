"""What policyholders send in: known by what is in it (never by its name), cleaned, made small.

A photograph is decoded and written anew as JPEG, so that nothing of the file that came is kept: no place and camera
(EXIF), no second file hidden behind the first. A PDF is read, refused where it holds scripts, attached files or
anything that acts, and its pages are written into a new file without the old one's metadata.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final, Literal

from PIL import Image, ImageOps, UnidentifiedImageError
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from ivr.errors import OutreachError

MOST_PIXELS: Final = 60_000_000
MOST_PAGES: Final = 60
#: Photographs are kept with so many pixels at the longer side: enough to read a bill.
_SIDE: Final = 2800
_QUALITY: Final = 85
_MOST_OBJECTS: Final = 100_000
_IMAGES: Final = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WEBP"),
)
_HEIC: Final = re.compile(rb".{4}ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1|avif)", re.DOTALL)
_ACTIVE_KEYS: Final = frozenset({"/JS", "/JavaScript", "/EmbeddedFiles", "/EF", "/XFA", "/RichMediaContent"})
_ACTIVE_KINDS: Final = frozenset({
    "/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/RichMedia", "/Rendition", "/Movie", "/Sound", "/GoToE",
    "/EmbeddedFile", "/FileAttachment",
})  # fmt: skip
_KEPT_ON_PAGES: Final = frozenset({
    "/Type", "/Parent", "/Resources", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Contents",
    "/Rotate", "/UserUnit", "/Group",
})  # fmt: skip

Why = Literal["empty", "type", "heic", "broken", "pixels", "locked", "active", "pages", "costly"]


class PaperError(OutreachError):
    """A file is not taken; `why` is a word that the policyholder's page has a text for (`upload.…`)."""

    code = "H762"

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Paper:
    """A file as it is kept."""

    kind: Literal["photo", "paper"]
    media_type: str
    content: bytes = field(repr=False)


def cleaned(content: bytes) -> Paper:
    """The file as it may be kept. What strangers send is read in a process of its own (`cleaning`). Raises PaperError."""
    if not content:
        raise PaperError("empty")
    for pattern, form in _IMAGES:
        if pattern.match(content):
            return Paper("photo", "image/jpeg", _photo(content, form))
    if content.startswith(b"%PDF-"):
        return Paper("paper", "application/pdf", _pdf(content))
    raise PaperError("heic" if _HEIC.match(content) else "type")


def shown_name(name: str) -> str:
    """The name of a file without its folders and without letters that do something."""
    last = re.split(r"[\\/]", name)[-1]
    plain = "".join(letter for letter in last if letter.isprintable() and letter not in '<>"\u202e\u202d')
    return plain.strip(" .")[:100] or "–"


def _photo(content: bytes, form: str) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=[form]) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise PaperError("pixels")
                image.draft("RGB", (_SIDE, _SIDE))
                plain = _on_white(ImageOps.exif_transpose(_small(image)))
    except Image.DecompressionBombError:
        raise PaperError("pixels") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, IndexError, OverflowError):
        raise PaperError("broken") from None
    file = BytesIO()
    Image.frombytes("RGB", plain.size, plain.tobytes()).save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()


def _small(image: Image.Image) -> Image.Image:
    """First of all small, so that whatever follows costs little; colours of a palette cannot be mixed."""
    small = image.convert({"1": "L", "P": "RGBA"}[image.mode]) if image.mode in ("1", "P") else image
    small.thumbnail((_SIDE, _SIDE))
    return small


def _on_white(image: Image.Image) -> Image.Image:
    """Without transparency, which would turn black."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = image.convert("RGBA")
        under = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(under, over).convert("RGB")
    return image.convert("RGB")


def _pdf(content: bytes) -> bytes:
    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted:
            raise PaperError("locked")
        if not 0 < len(reader.pages) <= MOST_PAGES:
            raise PaperError("pages" if len(reader.pages) else "broken")
        _refuse_active(reader.trailer)
        writer = PdfWriter()
        for page in reader.pages:
            added = writer.add_page(page)
            for key in [one for one in added if one not in _KEPT_ON_PAGES]:
                del added[key]
        writer.metadata = None
        file = BytesIO()
        writer.write(file)
    except PaperError:
        raise
    except (PyPdfError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, IndexError):
        raise PaperError("broken") from None
    return file.getvalue()


def _refuse_active(trailer: Any) -> None:
    """Look at every object that can be reached. Raises PaperError for one that does something."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [trailer]
    looked = 0
    while waiting:
        looked += 1
        if looked > _MOST_OBJECTS:
            raise PaperError("broken")
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            key = (one.idnum, one.generation)
            if key in seen:
                continue
            seen.add(key)
            one = one.get_object()
        if isinstance(one, DictionaryObject):
            names = {
                one.raw_get(key)
                for key in ("/S", "/Subtype", "/Type")
                if key in one and isinstance(one.raw_get(key), str)
            }
            if _ACTIVE_KEYS & one.keys() or _ACTIVE_KINDS & names:
                raise PaperError("active")
            waiting += [one.raw_get(key) for key in one]
        elif isinstance(one, ArrayObject):
            waiting += list(one)
