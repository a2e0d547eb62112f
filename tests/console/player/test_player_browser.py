"""The player in a real browser: what it plays, by mouse and keyboard, on wide and narrow screens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_player import TALK, add_talk

from tests.console.console_kit import ServedConsole, axe

pytestmark = pytest.mark.sip

#: How loud a channel of the decoded recording is, as the browser itself decodes what the player plays.
_LEVELS = """async () => {
  const player = document.querySelector("hotline-player");
  const reply = await fetch(player.audio.src);
  const sound = await new OfflineAudioContext(2, 8, 8000).decodeAudioData(await reply.arrayBuffer());
  return [0, 1].map((channel) => Math.max(...sound.getChannelData(channel).slice(0, 4000)));
}"""


def until(page: Any, expression: str) -> None:
    """Wait until it is true; polled from here, because the page lets nobody evaluate strings."""
    for _ in range(500):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(expression)


@pytest.fixture
def player_of(served: ServedConsole, browse: Callable[..., Any]) -> Callable[..., Any]:
    """Opens the page of a talk's recording; its waveform has been read."""
    served.run(add_talk(served.parts.database, served.parts.settings.recordings_dir))

    def open_page(**more: Any) -> Any:
        page = browse("rui", f"/recordings/{TALK}", **more)
        page.wait_for_selector("hotline-player.two")
        return page

    return open_page


def test_a_talk_is_played_sought_and_sped_up_and_both_channels_are_heard(
    player_of: Callable[..., Any],
) -> None:
    page = player_of(language="en")
    left, right = page.evaluate(_LEVELS)
    assert left > 3 * right > 0.1
    page.click(".player-play")
    until(page, "document.querySelector('hotline-player').position > 0.2")
    assert page.get_attribute(".player-play", "aria-label") == "Pause"
    page.click(".player-speed")
    assert page.evaluate("document.querySelector('hotline-player').audio.playbackRate") == 1.5
    until(page, "!document.querySelector('hotline-player').classList.contains('playing')")  # its end
    box = page.locator(".player-wave").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 20)
    until(page, "Math.abs(document.querySelector('hotline-player').position - 0.5) < 0.1")


def test_the_keyboard_alone_is_enough(player_of: Callable[..., Any]) -> None:
    page = player_of(language="en")
    page.focus(".player-wave")
    page.keyboard.press("End")
    until(page, "document.querySelector('hotline-player').position > 1.8")
    page.keyboard.press("Home")
    until(page, "document.querySelector('hotline-player').position < 0.1")
    page.keyboard.press("s")
    page.keyboard.press("s")
    assert page.inner_text(".player-speed") == "2×"
    page.keyboard.press(" ")
    until(page, "document.querySelector('hotline-player').classList.contains('playing')")
    page.keyboard.press(" ")
    until(page, "!document.querySelector('hotline-player').classList.contains('playing')")
    assert page.get_attribute(".player-wave", "aria-valuetext").endswith("/ 0:02")


@pytest.mark.parametrize("width", [1280, 390])
def test_it_passes_axe_and_fits_the_screen(player_of: Callable[..., Any], width: int) -> None:
    page = player_of(width=width)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert "坐席暂停录音" in page.inner_text(".player-notes")


def test_a_recording_that_is_gone_says_so(served: ServedConsole, player_of: Callable[..., Any]) -> None:
    page = player_of(language="en")
    (path,) = served.parts.settings.recordings_dir.rglob("*.wav")
    path.rename(path.with_suffix(".away"))
    page.evaluate("document.querySelector('hotline-player').dispatchEvent(new Event('x'))")
    page.evaluate("document.querySelector('hotline-player').audio.dispatchEvent(new Event('error'))")
    page.wait_for_selector(".player-gone:visible")
    assert page.is_disabled(".player-play")
