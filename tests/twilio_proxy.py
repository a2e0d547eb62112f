"""A proxy before a hotline, as a site has one: another address, a path before ours, and requests passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, WSMsgType, WSServerHandshakeError, web

#: What the proxy has before our own paths.
PREFIX = "/insurer"


@dataclass
class Proxy:
    """Where it is reached, and where it leads; nowhere at first."""

    url: str = ""
    target: str = ""


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy on loopback."""
    there = Proxy()
    async with ClientSession(auto_decompress=False) as session:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            url = there.target + request.path_qs.removeprefix(PREFIX)
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            if request.headers.get("upgrade", "").lower() == "websocket":
                kept = {
                    name: value for name, value in headers.items() if name.lower() == "x-twilio-signature"
                }
                return await _socket(request, session, url, kept)
            try:
                async with session.request(
                    request.method, url, headers=headers, data=await request.read()
                ) as answer:
                    body = await answer.read()
            except (ClientError, OSError):
                return web.Response(status=502)
            return web.Response(body=body, status=answer.status, content_type=answer.content_type)

        app = web.Application()
        app.router.add_route("*", f"{PREFIX}/{{path:.*}}", pass_on)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        there.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}"
        try:
            yield there
        finally:
            await runner.cleanup()


async def _socket(
    request: web.Request, session: ClientSession, url: str, headers: dict[str, str]
) -> web.StreamResponse:
    try:
        there = await session.ws_connect(url, headers=headers, compress=0)
    except WSServerHandshakeError as error:
        return web.Response(status=error.status)
    here = web.WebSocketResponse(compress=False)
    await here.prepare(request)

    async def carry(one: web.WebSocketResponse, other: web.WebSocketResponse) -> None:
        async for message in one:
            if message.type is WSMsgType.TEXT:
                await other.send_str(message.data)
        await other.close(code=one.close_code or 1000)

    ways = [asyncio.create_task(carry(here, there)), asyncio.create_task(carry(there, here))]  # type: ignore[arg-type]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(ways, timeout=1.0)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    return here
