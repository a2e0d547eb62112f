"""G.711 against an independent implementation and the Recommendation's own properties."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media import g711
from ivr.media.g711 import Law

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop = pytest.importorskip("audioop", reason="the independent reference left Python with 3.13")

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(("law", "name"), [(Law.MU, "ulaw"), (Law.A, "alaw")])
def test_every_sample_and_every_code_come_out_as_in_the_reference(law: Law, name: str) -> None:
    assert g711.encode(EVERY_SAMPLE, law) == getattr(audioop, f"lin2{name}")(EVERY_SAMPLE.tobytes(), 2)
    assert g711.decode(EVERY_CODE, law).tobytes() == getattr(audioop, f"{name}2lin")(EVERY_CODE, 2)


@pytest.mark.parametrize("law", list(Law))
def test_louder_stays_louder(law: Law) -> None:
    assert (np.diff(g711.decode(g711.encode(EVERY_SAMPLE, law), law).astype(int)) >= 0).all()


@pytest.mark.parametrize("law", list(Law))
def test_coding_a_second_time_changes_nothing(law: Law) -> None:
    once = g711.decode(EVERY_CODE, law)
    assert (g711.decode(g711.encode(once, law), law) == once).all()


@pytest.mark.parametrize("law", list(Law))
def test_the_other_law_is_never_further_off_than_a_step(law: Law) -> None:
    was = g711.decode(EVERY_CODE, law).astype(int)
    becomes = g711.decode(g711.convert(EVERY_CODE, law, law.other), law.other).astype(int)
    assert (np.abs(becomes - was) <= np.maximum(24, np.abs(was) // 16)).all()


def test_known_codes_of_both_laws() -> None:
    assert g711.encode(np.array([0, 32767, -32768], dtype=np.int16), Law.MU) == b"\xff\x80\x00"
    assert g711.encode(np.array([0, 32767, -32768], dtype=np.int16), Law.A) == b"\xd5\xaa\x2a"
    assert (Law.MU.payload_type, Law.A.payload_type) == (0, 8)


@given(st.binary(max_size=700), st.sampled_from(list(Law)))
def test_padding_fills_the_last_frame_with_silence(audio: bytes, law: Law) -> None:
    padded = g711.pad(audio, law)
    assert len(padded) % 160 == 0
    assert 0 <= len(padded) - len(audio) < 160
    assert padded == audio + g711.SILENCE[law][: len(padded) - len(audio)]
