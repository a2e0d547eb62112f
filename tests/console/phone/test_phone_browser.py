"""The dial page and the phone's sound in a real browser, without a call."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from phone_browser import share_of_tone

from ivr.media import g711
from ivr.media.g711 import Law
from tests.console.console_kit import axe

STATIC = Path(__file__).parents[3] / "ivr" / "console" / "phone" / "static"
#: What the microphone's side makes of a tone: µ-law frames, in an audio context without devices.
CAPTURE = """
async ([code, rate, frequency]) => {
  const audio = new OfflineAudioContext(1, rate, rate);
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
  const node = new AudioWorkletNode(audio, "phone-audio", {outputChannelCount: [1]});
  const frames = [];
  node.port.onmessage = (event) => event.data.frame && frames.push(...event.data.frame);
  audio.suspend(0).then(async () => {
    node.port.postMessage({capturing: true});
    await new Promise((done) => setTimeout(done, 20));
    audio.resume();
  });
  const tone = new OscillatorNode(audio, {frequency});
  tone.connect(new GainNode(audio, {gain: 0.5})).connect(node).connect(audio.destination);
  tone.start();
  await audio.startRendering();
  await new Promise((done) => setTimeout(done, 50));
  return btoa(String.fromCharCode(...frames));
}
"""
#: What the loudspeaker's side makes of frames that come `late[n]` seconds after their time: the sound, and figures.
RENDER = """
async ([code, rate, seconds, frames, arrivals, events]) => {
  const audio = new OfflineAudioContext(1, rate * seconds, rate);
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
  const node = new AudioWorkletNode(audio, "phone-audio", {outputChannelCount: [1]});
  const figures = [], marks = [];
  node.port.onmessage = ({data}) => {
    if (data.mark !== undefined) marks.push(data.mark);
    else if (data.waiting !== undefined) figures.push([data.waiting, data.wanted, data.underruns, data.left_out]);
  };
  node.connect(audio.destination);
  const script = frames.map((one, at) => [arrivals[at], {frame: Uint8Array.from(atob(one), (c) => c.charCodeAt(0))}]);
  for (const event of events) script.push(event);
  script.sort((one, other) => one[0] - other[0]);
  const step = 0.01;
  let next = 0;
  for (let at = step; at < seconds; at += step) {
    audio.suspend(at).then(async () => {
      while (next < script.length && script[next][0] <= at) node.port.postMessage(script[next++][1]);
      await new Promise((done) => setTimeout(done, 0));
      audio.resume();
    });
  }
  const sound = await audio.startRendering();
  await new Promise((done) => setTimeout(done, 50));
  const samples = Int16Array.from(sound.getChannelData(0), (one) => Math.max(-1, Math.min(1, one)) * 32767);
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768)
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return [btoa(text), figures, marks];
}
"""


@pytest.fixture(scope="module")
def page(
    demo_file: Path, chromium: Any
) -> Any:  # the demonstration is built before the browser takes the loop
    """A secure page of no site."""
    context = chromium.new_context()
    one = context.new_page()
    one.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    one.goto("https://hotline.example/")
    yield one
    context.close()


def code() -> str:
    return (STATIC / "phone-audio.js").read_text(encoding="utf-8")


def captured(page: Any, rate: int, frequency: float) -> Any:
    """A tone of a second as the worker would get it, 8 kHz."""
    frames = base64.b64decode(page.evaluate(CAPTURE, [code(), rate, frequency]))
    return g711.decode(frames, Law.MU).astype(float) / 32768


def rendered(
    page: Any,
    frames: list[bytes],
    arrivals: list[float],
    *,
    rate: int = 48_000,
    seconds: float = 4.0,
    events: Any = (),
) -> tuple[Any, Any, list[str]]:
    packed = [base64.b64encode(frame).decode() for frame in frames]
    text, figures, marks = page.evaluate(RENDER, [code(), rate, seconds, packed, arrivals, list(events)])
    return np.frombuffer(base64.b64decode(text), np.int16).astype(float) / 32768, np.array(figures), marks


def tone(seconds: float, frequency: float = 1000.0) -> list[bytes]:
    at = np.arange(round(seconds * 8000)) / 8000
    audio = g711.encode((12_000 * np.sin(2 * np.pi * frequency * at)).astype(np.int16), Law.MU)
    return [audio[start : start + 160] for start in range(0, len(audio), 160)]


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_speech_passes_the_microphones_side_as_it_is(page: Any, rate: int) -> None:
    samples = captured(page, rate, 1000.0)
    assert len(samples) == pytest.approx(8000, abs=320)
    assert np.sqrt(np.mean(samples[1000:] ** 2)) == pytest.approx(0.354, rel=0.06)
    assert share_of_tone(samples[1000:], 1000.0) > 0.99


@pytest.mark.parametrize("frequency", [4800.0, 6000.0, 7500.0, 11_000.0])
def test_what_8_khz_cannot_carry_does_not_come_back_as_another_tone(page: Any, frequency: float) -> None:
    samples = captured(page, 48_000, frequency)
    assert np.sqrt(np.mean(samples[1000:] ** 2)) < 0.004


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_comes_is_played_as_it_is(page: Any, rate: int) -> None:
    frames = tone(3.0)
    samples, figures, _ = rendered(page, frames, [0.1 + 0.02 * at for at in range(len(frames))], rate=rate)
    steady = samples[rate // 2 : 3 * rate]
    assert share_of_tone(steady, 1000.0, rate) > 0.99
    assert figures[-8, 1] <= 0.06  # a steady network is waited for by no more than three frames


def test_jitter_of_a_network_is_evened_out_and_the_delay_stays_bounded(page: Any) -> None:
    random = np.random.default_rng(7)
    frames = tone(11.0)
    late = random.uniform(0.14, 0.26, len(frames))
    arrivals = np.maximum.accumulate(0.02 * np.arange(len(frames)) + late).tolist()
    samples, figures, _ = rendered(page, frames, arrivals, seconds=11.0)
    assert figures[:, 0].max() < 0.35
    assert figures[-10:, 1].max() < 0.3
    underruns = figures[:, 2]
    assert underruns[-1] - underruns[len(underruns) // 3] <= 1
    steady = samples[5 * 48_000 : 10 * 48_000]
    assert share_of_tone(steady, 1000.0, 48_000) > 0.95


def test_a_burst_after_a_stall_does_not_stay_as_delay(page: Any) -> None:
    frames = tone(6.0)
    arrivals = [0.1 + 0.02 * at for at in range(len(frames))]
    arrivals = [
        max(at, 2.5) if 1.0 < at < 2.5 else at for at in arrivals
    ]  # nothing for 1.5 s, then all at once
    _, figures, _ = rendered(page, frames, arrivals, seconds=6.0)
    assert figures[-1, 0] < 0.45
    assert figures[-1, 3] > 20


def test_a_clear_drops_what_waits_and_answers_the_marks(page: Any) -> None:
    frames = tone(1.0)
    events = [[0.1001, {"mark": "after"}], [0.3, {"clear": True}]]
    samples, _, marks = rendered(page, frames, [0.1] * len(frames), seconds=1.0, events=events)
    assert marks == ["after"]
    assert np.abs(samples[: int(0.3 * 48_000)]).max() > 0.2
    assert np.abs(samples[int(0.33 * 48_000) :]).max() < 0.01


def test_a_mark_comes_back_when_what_was_before_it_is_played(page: Any) -> None:
    frames = tone(0.4)
    _, _, marks = rendered(page, frames, [0.1] * 20, seconds=0.3, events=[[0.1001, {"mark": "end"}]])
    assert marks == []
    _, _, marks = rendered(page, frames, [0.1] * 20, seconds=1.0, events=[[0.1001, {"mark": "end"}]])
    assert marks == ["end"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_the_page_fits_and_axe_finds_nothing(browse: Callable[..., Any], width: int, language: str) -> None:
    dial = browse("", "/phone", width=width, language=language)
    dial.wait_for_selector("#phone[data-state=idle]")
    assert dial.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(dial) == []
    assert dial.evaluate("document.querySelectorAll('[data-key]').length") == 12


def test_without_a_microphone_it_says_what_to_do_and_offers_to_listen(browse: Callable[..., Any]) -> None:
    dial = browse("", "/phone", language="en-US")
    dial.click("[data-part=call]")
    dial.wait_for_selector("#phone[data-state=error]")
    assert "microphone" in dial.inner_text("[data-part=problem]").lower()
    assert dial.is_visible("[data-part=listen]")
    assert dial.is_visible("[data-part=call]")
    dial.click("[data-part=listen]")
    dial.wait_for_selector("#phone[data-state=error]")
    dial.wait_for_function("document.querySelector('[data-part=problem]').textContent.includes('reached')")


def test_the_language_can_be_changed_on_the_page(browse: Callable[..., Any]) -> None:
    dial = browse("", "/phone", language="en-US")
    assert "Call the hotline" in dial.inner_text("h1")
    dial.click("button[lang=zh-CN]")
    dial.wait_for_selector("h1:has-text('拨打客服热线')")
