"""Hostile files are refused, and what is kept of the others is only what they show."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

from ivr.outreach.documents.papers import PaperError, cleaned, shown_name


def pdf_of(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def page_with(**annotation: object) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    entries = {NameObject(f"/{name}"): value for name, value in annotation.items()}
    page[NameObject("/Annots")] = ArrayObject([DictionaryObject(entries)])
    return pdf_of(writer)


def action(kind: str) -> DictionaryObject:
    return DictionaryObject({NameObject("/S"): NameObject(kind), NameObject("/F"): TextStringObject("x")})


def bomb() -> bytes:
    """A PNG of 40,000 by 40,000 black points in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(5000)))
        + chunk(b"IEND", b"")
    )


def with_file() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("a.exe", b"MZ")
    return pdf_of(writer)


def locked() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="RC4-128")
    return pdf_of(writer)


def many_pages() -> bytes:
    writer = PdfWriter()
    for _ in range(61):
        writer.add_blank_page(200, 200)
    return pdf_of(writer)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script>", "type"),
        (b"PK\x03\x04zip", "type"),
        (b"GIF89a%PDF-1.7", "type"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "heic"),
        (b"\xff\xd8\xff\xe0not a photograph", "broken"),
        (b"%PDF-1.7 and nothing", "broken"),
        (bomb(), "pixels"),
        (page_with(A=action("/JavaScript")), "active"),
        (page_with(A=action("/Launch")), "active"),
        (page_with(AA=DictionaryObject({NameObject("/O"): action("/SubmitForm")})), "active"),
        (with_file(), "active"),
        (locked(), "locked"),
        (many_pages(), "pages"),
    ],
)
def test_a_file_that_is_no_plain_paper_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(PaperError) as refused:
        cleaned(content)
    assert refused.value.why == why


def test_a_pdf_keeps_its_pages_and_nothing_else() -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 300)
    writer.add_metadata({"/Author": "SecretAuthor"})
    paper = cleaned(pdf_of(writer) + b"\nPK\x03\x04 a second file")
    assert (paper.kind, paper.media_type) == ("paper", "application/pdf")
    assert b"SecretAuthor" not in paper.content
    assert b"a second file" not in paper.content
    assert PdfReader(io.BytesIO(paper.content)).pages[0].mediabox.height == 300


def test_a_photograph_is_turned_upright_and_made_small() -> None:
    file, image = io.BytesIO(), Image.new("RGB", (4000, 1000), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # taken on its side
    image.save(file, "JPEG", exif=exif)
    with Image.open(io.BytesIO(cleaned(file.getvalue()).content)) as kept:
        assert (kept.height, kept.width) == (2800, 700)
        assert not kept.getexif()


def test_a_name_loses_its_folders_and_what_turns_it_round() -> None:
    assert shown_name("C:\\fakepath\\..\\a\u202egpj.exe\n") == "agpj.exe"
    assert shown_name("../../") == "–"
