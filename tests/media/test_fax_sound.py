"""A fax, from a PDF's pages to those of the other machine, over a good wire and over bad ones."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ivr.media.errors import FaxError
from ivr.media.fax import FaxTerminal, library, missing, write_pages
from ivr.media.g711 import FRAME, Samples
from tests.media.fax_pair import images, needs_fax, pdf_of, run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fax") / "pages.tif"
    assert write_pages(pdf_of(2), path) == 2
    return path


def test_pages_are_as_wide_as_a_fax_machine_wants_them_and_hold_what_the_pdf_says(pages: Path) -> None:
    with Image.open(pages) as tiff:
        assert (tiff.size, tiff.n_frames, tiff.mode) == ((1728, 2292), 2, "1")
        assert tuple(round(one) for one in tiff.info["dpi"]) == (204, 196)
        black = np.flatnonzero(~np.asarray(tiff).all(axis=1))
    assert black.size > 100
    assert black[0] > 300  # the first word stands where the PDF has it


def test_a_page_on_its_side_is_turned(tmp_path: Path) -> None:
    write_pages(pdf_of(1, wide=True), tmp_path / "turned.tif")
    with Image.open(tmp_path / "turned.tif") as tiff:
        assert tiff.size == (1728, 2292)
        columns = (~np.asarray(tiff)).sum(axis=0)
    assert columns.max() > 20


@pytest.mark.parametrize("pdf", [b"", b"no PDF at all"])
def test_what_is_no_pdf_is_refused(pdf: bytes, tmp_path: Path) -> None:
    with pytest.raises(FaxError, match="H811"):
        write_pages(pdf, tmp_path / "none.tif")
    assert not (tmp_path / "none.tif").exists()


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise OSError(name)

    library.spandsp.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", fails)
    try:
        assert "libspandsp2" in missing()
    finally:
        library.spandsp.cache_clear()


@needs_fax
def test_every_page_arrives_point_for_point(pages: Path, tmp_path: Path) -> None:
    caller = FaxTerminal(send=pages, name="+86 10 6553 1234")
    sent, came = run(caller, FaxTerminal(receive=tmp_path / "got.tif", name="+86 21 5888 0000"))
    assert came is not None
    assert (sent.word, sent.pages, sent.speed, sent.ecm, sent.coding) == ("sent", 2, 14400, True, "T.6")
    assert (sent.machine, came.machine) == ("+86 21 5888 0000", "+86 10 6553 1234")
    assert images(tmp_path / "got.tif") == images(pages)


@needs_fax
def test_a_fax_goes_on_with_the_page_that_failed(pages: Path, tmp_path: Path) -> None:
    sent, _ = run(FaxTerminal(send=pages, first_page=1), FaxTerminal(receive=tmp_path / "got.tif"))
    assert (sent.word, sent.pages) == ("sent", 1)
    assert images(tmp_path / "got.tif") == images(pages)[1:]


@needs_fax
def test_error_correction_repairs_what_a_bad_wire_breaks(pages: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(7)

    def bursts(beat: int, samples: Samples) -> Samples:
        return random.normal(0, 1500, FRAME).astype(np.int16) if beat % 200 == 199 else samples

    answerer = FaxTerminal(receive=tmp_path / "got.tif")
    sent, _ = run(FaxTerminal(send=pages), answerer, bursts, beats=50 * 180)
    assert (sent.word, sent.pages) == ("sent", 2)
    assert images(tmp_path / "got.tif") == images(pages)


@needs_fax
def test_a_machine_without_error_correction_gets_its_pages_too(pages: Path, tmp_path: Path) -> None:
    answerer = FaxTerminal(receive=tmp_path / "got.tif", ecm=False, modems=("v27ter", "v29"))
    sent, _ = run(FaxTerminal(send=pages), answerer)
    assert (sent.word, sent.pages, sent.speed, sent.ecm) == ("sent", 2, 9600, False)
    assert images(tmp_path / "got.tif") == images(pages)


@needs_fax
def test_a_wire_full_of_noise_fails_and_says_so(pages: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(3)

    def noise(_beat: int, samples: Samples) -> Samples:
        return np.clip(samples + random.normal(0, 3000, FRAME), -32768, 32767).astype(np.int16)

    sent, _ = run(FaxTerminal(send=pages), FaxTerminal(receive=tmp_path / "got.tif"), noise, beats=50 * 200)
    assert (sent.word in ("line_too_bad", "broken_off", "no_machine"), sent.pages) == (True, 0)


@needs_fax
def test_a_call_that_ends_midway_counts_the_pages_that_were_confirmed(pages: Path, tmp_path: Path) -> None:
    caller, answerer = FaxTerminal(send=pages), FaxTerminal(receive=tmp_path / "got.tif")
    while not caller.pages:
        said, heard = caller.say(), answerer.say()
        caller.hear(heard)
        answerer.hear(said)
    sent = caller.close()
    answerer.close()
    assert (sent.word, sent.pages) == ("cut", 1)


@needs_fax
def test_where_no_machine_answers_it_ends_after_a_minute(pages: Path) -> None:
    sent, _ = run(FaxTerminal(send=pages), None, beats=50 * 70)
    assert (sent.word, sent.pages, sent.machine) == ("no_machine", 0, "")
