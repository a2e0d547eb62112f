"""A person at a seat: a real browser on its page, with a microphone that is a file and a loudspeaker that is kept."""

from __future__ import annotations

import base64
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from hotline_process import HotlineProcess

sys.path.insert(0, str(Path(__file__).parent.parent / "console" / "phone"))

from phone_browser import _ARGUMENTS, _TAP, Samples, share_of_tone
from seat_house import VOICES, voices_in

from ivr.console.access import COOKIE
from policy_db import Keys, PolicyDatabase
from tests.browser import CHROMIUM

#: The latest so many seconds that the loudspeaker was given, and their rate.
_LATEST = """
(seconds) => {
  const some = (window.tapped ?? []).slice(-Math.ceil(seconds * (window.tappedRate ?? 0) / 128));
  const heard = some.flatMap((one) => [...one]).map((one) => Math.max(-1, Math.min(1, one)) * 32767);
  const bytes = new Uint8Array(Int16Array.from(heard).buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768)
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return [window.tappedRate ?? 48000, btoa(text)];
}
"""
#: In place of the microphone, a tone of one's own.
_VOICE = """
navigator.mediaDevices.getUserMedia = async () => {
  const audio = new AudioContext(), tone = audio.createOscillator(), gain = audio.createGain();
  const out = audio.createMediaStreamDestination();
  tone.frequency.value = %f;
  gain.gain.value = 0.25;
  tone.connect(gain).connect(out);
  tone.start();
  return out.stream;
};
"""


async def session_for(hotline: HotlineProcess, name: str, seat: str, roles: Iterable[str] = ("seat",)) -> str:
    """A user with that seat, signed in: the token of their session."""
    url = f"sqlite:///{hotline.data_dir / 'hotline.db'}"
    async with await PolicyDatabase.open(
        url, keys=Keys.from_file(hotline.data_dir / "database.key")
    ) as database:
        user = await database.users.find(name)
        if user is None:
            user = await database.users.add(name, roles=tuple(roles), display=name.title(), seat=seat)
        return await database.users.start_session(user)


class SeatPage:
    """One person's page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.gone = False
        page.on("crash", lambda _page: setattr(self, "gone", True))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def begin(self) -> None:
        """Start work: ready for calls."""
        await self.page.click("[data-start]")
        await self.state("ready")

    async def end(self) -> None:
        """Sign out, if the page is still there and has not crashed."""
        if "/seat" not in self.page.url or self.gone:
            return
        if not await self.page.query_selector(".seat-bar.offline"):
            await self.page.click('[data-be="offline"]')
            await self.state("offline")

    async def state(self, name: str, seconds: float = 60.0) -> None:
        """Wait until the page says that the seat is in a state."""
        await self.page.wait_for_selector(f".seat-bar.{name}", timeout=seconds * 1000)

    async def rings(self, seconds: float = 60.0) -> tuple[float, float]:
        """Wait for a call: when it was on the screen, and when it rang, in seconds since the epoch."""
        await self.page.wait_for_selector("#seat-call.ringing", timeout=seconds * 1000)
        await self.page.wait_for_function(
            "() => { const d = document.getElementById('seat').dataset;"
            " return d.ringAt && d.popAt && +d.ringAt > +d.popAt; }"
        )
        data = await self.page.evaluate("() => ({...document.getElementById('seat').dataset})")
        return float(data["popAt"]) / 1000, float(data["ringAt"]) / 1000

    async def answer(self) -> None:
        """Pick up, and wait until caller and seat hear each other."""
        await self.page.click('#seat-call [data-do="answer"]')
        await self.page.wait_for_selector("#seat-phone[data-state=up]", timeout=60_000)

    async def joined(self, seconds: float = 60.0) -> None:
        """Wait until the page says that the two are joined."""
        await self.page.wait_for_selector(
            "#seat-facts[data-joined=yes]", state="attached", timeout=seconds * 1000
        )

    async def do(self, name: str) -> None:
        """Press one of the call's buttons."""
        await self.page.click(f'#seat-call [data-do="{name}"]')

    async def heard(self, seconds: float = 1.0) -> Samples:
        """The latest that the loudspeaker has been given, at 8 kHz."""
        rate, text = await self.page.evaluate(_LATEST, seconds)
        samples = np.frombuffer(base64.b64decode(text), dtype=np.int16).astype(np.float32) / 32768
        return np.asarray(soxr.resample(samples, rate, 8000), dtype=np.float32)

    async def voices(self) -> set[str]:
        """Whose tones (`VOICES`) are in the latest half second."""
        return voices_in(await self.heard(0.5) * 32767)

    async def hears_tone(self, hertz: float, seconds: float = 10.0) -> None:
        """Wait until the latest half second heard is that tone."""
        for _ in range(int(seconds * 10)):
            heard = await self.heard(0.5)
            if len(heard) > 2000 and np.abs(heard).max() > 0.03 and share_of_tone(heard, hertz) > 0.6:
                return
            await self.page.wait_for_timeout(100)
        raise AssertionError(f"the seat did not hear {hertz} Hz")

    async def note(self, disposition: str, note: str) -> None:
        """Write notes and press Done."""
        await self.page.wait_for_selector("#notes-form")
        await self.page.select_option("#notes-form select", disposition)
        await self.page.fill("#notes-form textarea", note)
        await self.page.click("#notes-form [data-finish]")


@asynccontextmanager
async def seat_pages(
    hotline: HotlineProcess,
    sound: Path,
    *seats: str,
    voices: Mapping[str, str] | None = None,
    roles: Mapping[str, Iterable[str]] | None = None,
) -> AsyncIterator[list[SeatPage]]:
    """The pages of these seats, each in a context of its own; no script may have failed.

    `voices` gives seats a tone of `VOICES` in place of the microphone, `roles` their users' roles.
    """
    from playwright.async_api import async_playwright

    arguments = [*_ARGUMENTS, f"--use-file-for-fake-audio-capture={sound}"]
    url = f"http://127.0.0.1:{hotline.http_port}"
    pages = []
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        stack.push_async_callback(browser.close)
        for seat in seats:
            context = await browser.new_context(
                locale="en", bypass_csp=True, viewport={"width": 1280, "height": 900}
            )
            token = await session_for(hotline, f"user-{seat}", seat, (roles or {}).get(seat, ("seat",)))
            await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
            page = await context.new_page()
            await page.add_init_script(_TAP)
            if voices is not None and seat in voices:
                await page.add_init_script(_VOICE % VOICES[voices[seat]])
            made = SeatPage(page)
            await page.goto(f"{url}/seat")
            pages.append(made)
        yield pages
        for one in pages:
            await one.end()
        assert [error for page in pages for error in page.errors] == []
