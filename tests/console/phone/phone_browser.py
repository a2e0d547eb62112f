"""A real browser with a microphone that is a file: it opens the dial page and calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tests.browser import CHROMIUM

Samples = NDArray[np.float32]

#: What the microphone hears: bursts of this tone (Hz), as words are.
TONE = 700.0
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
#: Before the page's own scripts: keeps whatever the phone gives the loudspeaker, from its first sample on.
_TAP = """
const code = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process(inputs) { if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; }
});`;
const tapModule = URL.createObjectURL(new Blob([code], {type: "text/javascript"}));
const addModule = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url) {
  await addModule.call(this, url);
  await addModule.call(this, tapModule);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (this instanceof AudioWorkletNode && to === this.context.destination) {
    const tap = new AudioWorkletNode(this.context, "tap");
    window.tapped = [];
    window.tappedRate = this.context.sampleRate;
    tap.port.onmessage = (event) => window.tapped.push(event.data);
    connect.call(this, tap);
  }
  return connect.call(this, to, ...more);
};
"""
_TAPPED = """
() => {
  const all = new Int16Array(window.tapped.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of window.tapped) for (const sample of one) all[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
  const bytes = new Uint8Array(all.buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768)
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return [window.tappedRate, btoa(text)];
}
"""


def write_tone(path: Path, seconds: float = 4.0) -> None:
    """Bursts of TONE, 300 ms in 500."""
    at = np.arange(int(seconds * 48_000)) / 48_000
    spoken = np.where(at % 0.5 < 0.3, np.sin(np.pi * np.minimum(1, (at % 0.5) / 0.3)) ** 0.5, 0.0)
    soundfile.write(path, 0.5 * spoken * np.sin(2 * np.pi * TONE * at), 48_000, subtype="PCM_16")


@contextmanager
def browser_with_microphone(sound: Path) -> Iterator[Any]:
    """The system's Chromium, whose microphone plays a file round and round."""
    from playwright.sync_api import sync_playwright

    arguments = [*_ARGUMENTS, f"--use-file-for-fake-audio-capture={sound}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class DialPage:
    """The dial page in a browser. `bypass_csp` lets the test listen at the loudspeaker; nothing else needs it."""

    def __init__(self, browser: Any, url: str, *, language: str = "en") -> None:
        self._context = browser.new_context(locale=language, bypass_csp=True)
        self.page = self._context.new_page()
        self.errors: list[str] = []
        self.page.add_init_script(_TAP)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{url}/phone")

    def call(self) -> None:
        """Press "Call", and wait until it is answered."""
        self.page.click("[data-part=call]")
        self.page.wait_for_selector("#phone[data-state=up]", timeout=15_000)

    def heard(self) -> Samples:
        """What the loudspeaker has been given, at 8 kHz."""
        rate, text = self.page.evaluate(_TAPPED)
        samples = np.frombuffer(base64.b64decode(text), dtype=np.int16).astype(np.float32) / 32768
        return np.asarray(soxr.resample(samples, rate, 8000), dtype=np.float32)

    def figures(self) -> dict[str, float]:
        """The latest of what the phone says of its sound."""
        text = self.page.evaluate(
            "() => new Promise((done) => { const phone = document.querySelector('#phone').phone;"
            " const before = phone.onLevel; phone.onLevel = (one) => { phone.onLevel = before; before(one);"
            " done(JSON.stringify(one)); }; })"
        )
        return dict(json.loads(text))

    def press(self, keys: str) -> None:
        for key in keys:
            self.page.click(f'[data-key="{key}"]')

    def hang_up(self) -> None:
        self.page.click("[data-part=hang-up]")
        self.page.wait_for_selector("#phone[data-state=ended]")

    def close(self) -> None:
        self._context.close()
        assert self.errors == []


def likeness(heard: Samples, said: Samples, piece: int = 3200) -> float:
    """How like the loudest `piece` of what was said is to its best match in what was heard: 0 to 1."""
    energy = np.convolve(said**2, np.ones(piece), "valid")
    start = int(np.argmax(energy))
    part = said[start : start + piece]
    part = part - part.mean()
    along = np.correlate(heard, part, "valid")
    power = np.sqrt(np.maximum(np.convolve(heard**2, np.ones(piece), "valid"), 1e-9))
    return float(np.max(np.abs(along) / (power * np.sqrt(np.sum(part**2)))))


def share_of_tone(samples: Samples, frequency: float = TONE, rate: int = 8000) -> float:
    """The share of the energy within 40 Hz of a frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / rate)
    near = np.abs(at - frequency) < 40
    voice = at > 100
    return float(spectrum[near].sum() / max(1e-12, spectrum[voice].sum()))
