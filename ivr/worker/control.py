"""A worker's own address: the WebSockets of its stream line, and what the console asks of its running calls.

    WS   /stream                       a call over Media Streams
    WS   /stream/twilio                one that Twilio brings, where there is an account
    GET  /control/calls                the running calls, each with its step
    POST /control/{call}/{command}     {"seat": …, "by": …, and the command's own arguments}
    POST /control/dial                 {"attempt": …}: place this call of a campaign; 202 once it is this worker's
    POST /control/settle               {"attempt": …}: what became of it, asked of the carrier where need be
    POST /control/word                 {"key": …, …}: a provider's word of a call; 404 where this worker has no such call

Everything is guarded by a bearer token that only processes with the database's key know. The server lives in the
worker's event loop, beside its media clock.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol, cast

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from ivr.errors import HotlineError, OutreachError, SeatError, WorkerError
from ivr.lines.stream import SocketWire, StreamLine, converse
from ivr.lines.stream.asgi import socket_options

log = structlog.get_logger(__name__)

#: The commands there are; `ivr/seats/controls.py` says what each does.
COMMANDS: Final = frozenset({
    "hold", "unhold", "mute", "unmute", "pause_recording", "resume_recording", "consult", "cancel_consult",
    "swap", "complete", "conference", "transfer", "retrieve", "hang_up", "listen", "whisper", "join", "leave", "decline",
    "shown",
})  # fmt: skip
#: The largest body of a command, in bytes.
_LARGEST_BODY: Final = 16_384
#: Seconds that connections are given when the worker stops.
_LAST_WORDS: Final = 2


class CallControl(Protocol):
    """Whoever can do something with a running call."""

    async def control(
        self, call_id: str, command: str, *, seat: str, by: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Do one of COMMANDS for a seat, asked by a user; what is given back goes to the console as JSON.

        Raises SeatError: H640 no such call runs here, H641 what was asked cannot be read, any other code when
        it cannot be done as things stand.
        """


class NoControl:
    """A worker without seats: no call can be asked anything."""

    async def control(
        self, call_id: str, command: str, *, seat: str, by: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Always H640."""
        raise SeatError(f"the call {call_id} has no seat here", code="H640")


class Placing(Protocol):
    """Whoever places calls for campaigns; see `ivr.outreach.placing`."""

    async def dial(self, attempt: str) -> None:
        """Take an attempt and dial it. Raises OutreachError: H650 no room, H651 not to be dialled."""

    async def settle(self, attempt: str) -> str:
        """What became of an attempt: `running`, `ended` or `open`."""


class NoPlacing:
    """A worker that places no calls."""

    async def dial(self, attempt: str) -> None:
        """Always H650."""
        raise OutreachError("this worker places no calls", code="H650")

    async def settle(self, attempt: str) -> str:
        """Nothing is known of it here."""
        return "open"


#: HTTP statuses of errors by their code; any other is 409.
_STATUSES: Final = {"H640": 404, "H641": 422, "H650": 503}
Running = Callable[[], Sequence[Mapping[str, Any]]]


@asynccontextmanager
async def listening(
    host: str,
    port: int,
    *,
    token: str,
    stream: StreamLine,
    calls: Running,
    control: CallControl,
    placing: Placing | None = None,
    twilio: StreamLine | None = None,
    word: Callable[[Mapping[str, Any]], bool] = lambda word: False,
) -> AsyncIterator[str]:
    """Serve for the length of the block; gives the address, `http://host:port`. Port 0 takes any.

    Raises WorkerError (H501, H502) when it cannot be opened.
    """
    sock = _opened(host, port)
    streams = {"/stream": stream} if twilio is None else {"/stream": stream, "/stream/twilio": twilio}
    server = _Server(_config(_application(token, streams, calls, control, placing or NoPlacing(), word)))
    task = asyncio.create_task(server.serve([sock]))
    try:
        yield _url(sock)
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        sock.close()


# The server.


class _Server(uvicorn.Server):
    """uvicorn within a loop that is not its own: the worker hears the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Starlette) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        **socket_options(),
        timeout_graceful_shutdown=_LAST_WORDS,
        h11_max_incomplete_event_size=_LARGEST_BODY,
    )


def _opened(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(256)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        raise WorkerError(
            f"the worker cannot be spoken to at {host}:{port} ({error.strerror}); correct HOTLINE_STREAM_ADDRESS"
            " and HOTLINE_STREAM_PORT",
            code="H501" if taken else "H502",
        ) from None
    return sock


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# What it answers.


def _application(
    token: str,
    streams: Mapping[str, StreamLine],
    calls: Running,
    control: CallControl,
    placing: Placing,
    word: Callable[[Mapping[str, Any]], bool],
) -> Starlette:
    guard = _Guard(token)

    async def running(request: Request) -> Response:
        if not guard.lets_in(request.headers):
            return _error(401, "unauthorized", "bring the worker's token")
        return JSONResponse({"calls": list(calls())})

    async def command(request: Request) -> Response:
        if not guard.lets_in(request.headers):
            return _error(401, "unauthorized", "bring the worker's token")
        return await _commanded(request, control)

    async def attempt(request: Request) -> Response:
        if not guard.lets_in(request.headers):
            return _error(401, "unauthorized", "bring the worker's token")
        return await _attempted(request, placing)

    async def told(request: Request) -> Response:
        if not guard.lets_in(request.headers):
            return _error(401, "unauthorized", "bring the worker's token")
        asked = await _read(request)
        if asked is None or not word(asked):
            return _error(404, "H640", "no such call was asked for here")
        return JSONResponse({"state": "taken"}, 202)

    return Starlette(
        routes=[
            Route("/control/calls", running, methods=["GET"]),
            Route("/control/dial", attempt, methods=["POST"]),
            Route("/control/settle", attempt, methods=["POST"]),
            Route("/control/word", told, methods=["POST"]),
            Route("/control/{call}/{command}", command, methods=["POST"]),
            *(WebSocketRoute(path, _Streams(line, guard)) for path, line in streams.items()),
        ]
    )


class _Guard:
    """Knows the token."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def lets_in(self, headers: Mapping[str, str]) -> bool:
        """Whether a request brought it; compared in constant time."""
        return hmac.compare_digest(headers.get("authorization", "").encode(), self._expected)


class _Streams:
    """`/stream`: lets a socket in and brings it to the line."""

    def __init__(self, line: StreamLine, guard: _Guard) -> None:
        self._line = line
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket_ = WebSocket(scope, receive, send)
        await receive()
        if not self._guard.lets_in(socket_.headers):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        wire = SocketWire(cast("Any", send))
        session = self._line.connected(wire, remote_address=socket_.headers.get("x-remote-address", ""))
        await converse(cast("Any", receive), wire, session, abort=scope["state"].get("abort", _nothing))


async def _commanded(request: Request, control: CallControl) -> Response:
    """One command, done or refused."""
    call, command = request.path_params["call"], request.path_params["command"]
    asked = await _body(request)
    if command not in COMMANDS or asked is None:
        return _error(422, "H641", "no such command, or a body that is no JSON object with seat and by")
    seat, by = asked.pop("seat"), asked.pop("by")
    try:
        done = await control.control(call, command, seat=seat, by=by, arguments=asked)
    except HotlineError as error:
        status = _STATUSES.get(error.code, 409)
        return _error(status, error.code, str(error).removeprefix(f"{error.code} "))
    except Exception:
        log.exception("a command failed", call_id=call, command=command)
        return _error(500, "H000", "the command failed; the worker's log says why")
    return JSONResponse(dict(done))


async def _attempted(request: Request, placing: Placing) -> Response:
    """An attempt of a campaign, placed or settled."""
    asked = await _read(request)
    attempt = asked.get("attempt") if asked is not None else None
    if not isinstance(attempt, str) or not attempt:
        return _error(422, "H641", "the body is no JSON object with an attempt")
    try:
        if request.url.path.endswith("/dial"):
            await placing.dial(attempt)
            return JSONResponse({"state": "taken"}, 202)
        return JSONResponse({"state": await placing.settle(attempt)})
    except HotlineError as error:
        return _error(_STATUSES.get(error.code, 409), error.code, str(error).removeprefix(f"{error.code} "))
    except Exception:
        log.exception("an attempt was not placed", attempt=attempt)
        return _error(500, "H000", "the call was not placed; the worker's log says why")


async def _body(request: Request) -> dict[str, Any] | None:
    """The body as an object with the texts `seat` and `by`; None for anything else."""
    asked = await _read(request)
    if asked is None:
        return None
    asked.setdefault("seat", "")
    known = isinstance(asked["seat"], str) and isinstance(asked.get("by"), str)
    return asked if known else None


async def _read(request: Request) -> dict[str, Any] | None:
    """The body as an object; None for anything else."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_BODY:
            return None
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return asked if isinstance(asked, dict) else None


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)


def _nothing() -> None:
    """There is no connection to cut."""
