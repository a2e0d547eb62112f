"""The call generator's parts, without a telephone: plan, pace, ear, report."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from ivr.errors import LineError
from ivr.media import tones
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.media.port import AudioPort
from ivr.testing.load.caller import CallResult
from ivr.testing.load.ear import LoadEar
from ivr.testing.load.plan import LoadPlan, number_after
from ivr.testing.load.report import LoadReport, percentile
from ivr.testing.load.run import Pace


def plan(**changes: object) -> LoadPlan:
    return LoadPlan(**{"address": "sip:4001@127.0.0.1", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total": 0}, "H230"),
        ({"at_once": 0}, "H230"),
        ({"rate": 0.0}, "H230"),
        ({"loss_allowed": 1.5}, "H230"),
        ({"transport": "pigeon"}, "H230"),
        ({"expect": Path("/no/such.wav")}, "H230"),
        ({"script": "sing"}, "H220"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_dialled(
    change: dict[str, object], code: str
) -> None:
    with pytest.raises(LineError) as refused:
        plan(**change)
    assert refused.value.code == code


def test_shares_of_a_plan_add_up_and_no_two_callers_show_one_number() -> None:
    shares = plan(total=1001, at_once=600, rate=90.0, caller="013800000000").shares()
    assert len(shares) == 3
    assert sum(share.total for share in shares) == 1001
    assert sum(share.at_once for share in shares) == 600
    assert sum(share.rate for share in shares) == pytest.approx(90)
    numbers = {number_after(share.caller, at) for share in shares for at in range(share.total)}
    assert len(numbers) == 1001
    assert "013800000000" in numbers


def test_a_transport_is_part_of_the_address_dialled() -> None:
    assert plan(transport="tcp").target == "sip:4001@127.0.0.1;transport=tcp"
    assert plan().target == "sip:4001@127.0.0.1"


async def test_never_more_calls_at_once_than_asked_for_and_all_are_placed() -> None:
    at_once = most = 0

    async def place(number: str) -> CallResult:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return CallResult(number)

    told: list[CallResult] = []
    pace = Pace(plan(total=30, at_once=4, rate=1000.0), place, told.append)
    results = await pace.run()
    assert len(results) == len(told) == 30
    assert most == pace.most == 4


def tone(seconds: float) -> Clip:
    return Clip.from_samples((tones.tone(seconds, 440.0, 90.5, level=-10) * 32767).astype(np.int16), Law.A)


def heard(ear_of: AudioPort, clip: Clip) -> None:
    audio = clip.frames(ear_of.law)
    for at in range(0, len(audio), FRAME):
        ear_of.frame_received(audio[at : at + FRAME])


def test_an_ear_notes_when_sound_began_and_since_when_it_is_quiet() -> None:
    now = 10.0
    port = AudioPort(Law.A, post=lambda callback: callback())
    ear = LoadEar(port, lambda: now)
    port.frame_received(SILENCE[Law.A])
    assert (ear.first, ear.quiet()) == (None, 0.0)
    heard(port, tone(0.1))
    now = 12.0
    assert ear.quiet() == pytest.approx(2.0, abs=0.03)
    heard(port, tone(0.1))
    assert (ear.first, ear.began, ear.last) == (10.0, 12.0, 12.0)


def test_an_expected_recording_is_recognised_frame_by_frame() -> None:
    port = AudioPort(Law.A, post=lambda callback: callback())
    ear = LoadEar(port, lambda: 0.0, expected=tone(1.0))
    heard(port, tones.busy())
    assert ear.recognised == 0.0
    heard(port, tone(1.0))
    assert ear.recognised == 1.0


def test_a_report_counts_what_failed_and_gives_percentiles() -> None:
    calls = tuple(CallResult(str(at), setup=at / 100, first_sound=0.03) for at in range(1, 101))
    calls[7].failures.append("heard nothing at all")
    report = LoadReport(calls, seconds=10.0, at_once=20)
    figures = report.figures()
    assert report.failed == 1
    assert report.failures() == [("heard nothing at all", 1)]
    assert figures["answer p50"] == 0.5
    assert figures["answer p99"] == 0.99
    assert figures["calls a second"] == 10
    assert "key to sound p50" not in figures


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.01) == 1.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
