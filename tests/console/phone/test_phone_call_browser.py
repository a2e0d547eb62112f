"""Calls from a real browser to a whole hotline: what it hears and says, by keys, and over a bad network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from delaying_proxy import delayed
from hotline_process import HotlineProcess, serving, until
from phone_browser import DialPage, browser_with_microphone, likeness, share_of_tone, write_tone

from ivr.app import load_manifest
from ivr.flow.instructions import Phrase
from ivr.media.clip import Clip
from ivr.resources import bundled
from ivr.settings import Settings
from ivr.speech import Speaker

pytestmark = pytest.mark.sip


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HotlineProcess]:
    with serving(tmp_path_factory.mktemp("hotline")) as one:
        yield one


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sound = tmp_path_factory.mktemp("microphone") / "tone.wav"
    write_tone(sound)
    with browser_with_microphone(sound) as one:
        yield one


def last_call(hotline: HotlineProcess) -> str:
    return str(hotline.rows("SELECT id FROM calls ORDER BY started_at DESC LIMIT 1")[0][0])


def steps(hotline: HotlineProcess, call: str) -> list[str]:
    """The steps the call went through, as FLOW.STEP."""
    rows = hotline.rows(
        "SELECT data FROM call_events WHERE call_id = ? AND kind = 'step_entered' ORDER BY seq", call
    )
    return [f"{one['flow']}.{one['step']}" for one in (json.loads(row[0]) for row in rows)]


def goes_to(hotline: HotlineProcess, call: str, step: str, seconds: float = 20.0) -> None:
    until(lambda: step in steps(hotline, call), seconds, f"the step {step}")


def quality_of(hotline: HotlineProcess, call: str) -> dict[str, float]:
    query = "SELECT data FROM call_events WHERE call_id = ? AND kind = 'media'"
    return dict(json.loads(until(lambda: hotline.rows(query, call), 10, "the call's quality")[0][0]))


def welcome() -> Any:
    """What the hotline says first, as samples."""
    _, catalogue = load_manifest(Settings(_env_file=None))  # type: ignore[call-arg]
    clips = Speaker(catalogue, bundled("prompts")).render([Phrase("welcome", "zh-CN")]).clips
    return Clip.joined(clips).samples().astype(np.float32) / 32768


def test_a_caller_in_the_browser_hears_the_welcome_and_leaves_a_message_by_keys(
    hotline: HotlineProcess, browser: Any
) -> None:
    page = DialPage(browser, f"http://127.0.0.1:{hotline.http_port}")
    page.call()
    call = until(lambda: hotline.rows("SELECT id FROM calls WHERE state = 'running'"), 5, "the call")[0][0]
    goes_to(hotline, call, "main.menu")
    assert likeness(page.heard(), welcome()) > 0.85
    page.press("7")
    goes_to(hotline, call, "leave_message.kind")
    page.page.keyboard.press("2")
    goes_to(hotline, call, "leave_message.complaint")
    until(lambda: hotline.rows("SELECT id FROM recordings WHERE call_id = ?", call), 20, "the recording")
    page.page.wait_for_timeout(3000)
    page.press("#")
    page.page.wait_for_timeout(500)
    page.hang_up()
    page.close()
    (path,) = hotline.rows("SELECT file FROM recordings WHERE call_id = ?", call)[0]
    recorded = soundfile.read(hotline.data_dir / "recordings" / path, dtype="float32")[0]
    assert share_of_tone(recorded) > 0.6
    assert np.abs(recorded).max() > 0.01


def test_it_works_over_a_network_of_200_ms_with_jitter_and_the_delay_stays(
    hotline: HotlineProcess, browser: Any
) -> None:
    with delayed(hotline.http_port, delay=0.2, jitter=0.06) as port:
        page = DialPage(browser, f"http://127.0.0.1:{port}")
        page.call()
        call = until(lambda: hotline.rows("SELECT id FROM calls WHERE state = 'running'"), 5, "the call")[0][
            0
        ]
        goes_to(hotline, call, "main.menu")
        waiting = []
        for _ in range(20):
            waiting.append(page.figures()["waiting"])
            page.page.wait_for_timeout(250)
        assert likeness(page.heard(), welcome()) > 0.8
        page.press("7")
        goes_to(hotline, call, "leave_message.kind")
        page.hang_up()
        page.close()
    quality = quality_of(hotline, call)
    assert max(waiting[5:]) < 0.6
    assert quality["round_trip_ms"] < 1000
    assert quality["loss"] < 0.03
