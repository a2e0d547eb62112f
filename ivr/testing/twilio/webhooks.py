"""Twilio's requests to the hotline: signed, bounded in time, and callbacks that go astray on request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from ivr.testing.twilio.faults import Faults
from ivr.testing.twilio.signing import sign

#: Seconds that Twilio gives a webhook.
TIMEOUT: Final = 15.0


class Webhooks:
    """Sends requests; `sent` has every one of them: the address, the form, and the status it was answered with."""

    def __init__(
        self, token: str, faults: Faults, rng: random.Random, *, timeout: float = TIMEOUT, signs: bool = True
    ) -> None:
        self._token = token
        self._faults = faults
        self._rng = rng
        self._timeout = timeout
        self.signs = signs
        self.session = ClientSession()
        self.sent: list[tuple[str, Mapping[str, str], int]] = []
        self.seconds: list[float] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Send nothing more."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.session.close()

    async def document(
        self, url: str, form: Mapping[str, str], *, method: str = "POST", fallback: str = ""
    ) -> str | None:
        """The document at an address; of the fallback where there is none in time. None: of neither."""
        text, error = await self._asked(url, form, method)
        if text is None and fallback:
            text, _ = await self._asked(fallback, {**form, "ErrorCode": error, "ErrorUrl": url}, "POST")
        return text

    def callback(self, url: str, form: Mapping[str, str]) -> None:
        """Tell of something in the background, as the faults have it."""
        if not url or form.get("CallStatus") in self._faults.lost or "*" in self._faults.lost:
            return
        for _ in range(1 + self._faults.doubled):
            task = asyncio.create_task(self._told(url, form, self._rng.uniform(*self._faults.delay)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """All callbacks that were under way have come, or failed."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _told(self, url: str, form: Mapping[str, str], delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        await self._asked(url, form, "POST")

    async def _asked(self, url: str, form: Mapping[str, str], method: str) -> tuple[str | None, str]:
        """The text of a good answer, or None and Twilio's error code."""
        headers = {"X-Twilio-Signature": sign(self._token, url, form if method == "POST" else None)}
        body = form if method == "POST" else None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self.session.request(
                method,
                url,
                data=body,
                headers=headers if self.signs else {},
                timeout=ClientTimeout(total=self._timeout),
            ) as answer:
                text = await answer.text()
        except (ClientError, TimeoutError, OSError):
            self.sent.append((url, dict(form), 0))
            return None, "11200"
        self.seconds.append(loop.time() - began)
        self.sent.append((url, dict(form), answer.status))
        return (text, "") if answer.status < 300 else (None, "11200")
