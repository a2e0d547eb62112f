"""How Twilio's library reaches Twilio: with a bound on time, and elsewhere where a test has a fake one."""

from __future__ import annotations

import logging
from typing import Any

from ivr.lines.twilio.access import API

_log = logging.getLogger("twilio.async_http_client")


def http_client(api: str, timeout: float) -> Any:
    """A client for Twilio's library, which speaks to `api` in place of api.twilio.com; `timeout` in seconds."""
    from aiohttp import ClientSession, ClientTimeout, encode_basic_auth
    from twilio.http import AsyncHttpClient
    from twilio.http.response import Response

    class BoundedClient(AsyncHttpClient):  # type: ignore[misc]  # the library is not typed
        """Requests that end in time; the session is opened in the loop that asks first."""

        def __init__(self) -> None:
            super().__init__(_log, True, timeout)
            self._session: ClientSession | None = None
            #: The pause, in seconds, that the last answer of 429 asked for.
            self.retry_after: float | None = None

        async def request(
            self,
            method: str,
            uri: str,
            params: Any = None,
            data: Any = None,
            headers: Any = None,
            auth: Any = None,
            timeout: float | None = None,  # noqa: ASYNC109 - the library's interface
            allow_redirects: bool = False,
        ) -> Response:
            """One request of the library."""
            async with self._opened().request(
                method,
                api + uri.removeprefix(API),
                params=params,
                data=data,
                headers={**(headers or {}), **({"Authorization": encode_basic_auth(*auth)} if auth else {})},
                allow_redirects=allow_redirects,
            ) as answer:
                self.retry_after = _seconds(answer.headers.get("Retry-After", ""))
                return Response(answer.status, await answer.text(), answer.headers)

        async def download(self, url: str, auth: tuple[str, str]) -> tuple[int, bytes]:
            """A file: the status and its bytes."""
            async with self._opened().get(url, headers={"Authorization": encode_basic_auth(*auth)}) as answer:
                return answer.status, await answer.read()

        async def close(self) -> None:
            """Give the connections back."""
            if self._session is not None:
                await self._session.close()
                self._session = None

        def _opened(self) -> ClientSession:
            if self._session is None:
                self._session = ClientSession(timeout=ClientTimeout(total=timeout))
            return self._session

    return BoundedClient()


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
