"""A console over a database of its own: by HTTP without sockets, or in a real browser."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from ivr.app import load_content
from ivr.bus import LocalBus
from ivr.console.access import COOKIE
from ivr.console.app import create_console
from ivr.console.flows.publishing import Publisher
from ivr.console.parts import ConsoleParts
from ivr.resources import chosen
from ivr.seats import Desk
from ivr.settings import Settings
from policy_db import Keys, PinHasher, PolicyDatabase, build_demo
from policy_db.users import PasswordRules
from tests.browser import CHROMIUM

PASSWORD = "correct horse battery"
KEYS = Keys(b"k" * 32)
#: One user of each role; `anna` sits at the seat of the same name if there is one.
USERS = {
    "anna": ("seat",),
    "rui": ("reviewer",),
    "mei": ("manager",),
    "root": ("administrator",),
    "boss": ("manager", "reviewer", "administrator", "seat"),
}
BROWSER_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **spans: float) -> None:
        self.now += timedelta(**spans)


@pytest.fixture(scope="session")
def content() -> Any:
    """The shipped flows and prompts, read once."""
    return load_content(Settings(_env_file=None))  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory, content: Any) -> Path:
    """A migrated SQLite file with a small demonstration portfolio; copied for each test, never opened again.

    The flows have been noticed in it, as they are within seconds of a console's first start.
    """
    path = tmp_path_factory.mktemp("console") / "hotline.db"

    async def build() -> None:
        async with await PolicyDatabase.open(
            f"sqlite:///{path}", keys=KEYS, pins=PinHasher.cheap(), migrate=True
        ) as database:
            await build_demo(database, customers=30, seed=7, today=datetime.now(UTC).date())
            database.users.rules = PasswordRules.cheap()
            for name, roles in USERS.items():
                await database.users.add(name, password=PASSWORD, roles=roles, display=name.title())
            with closing(LocalBus(path.parent / "bus")) as bus:
                await Publisher(content.flows, path.parent, database.flow_versions, bus).noticed()

    asyncio.run(build())
    return path


@dataclass
class Console:
    """A running console application, its parts, and clients for its users."""

    app: FastAPI
    parts: ConsoleParts
    clock: HandClock | None
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def database(self) -> PolicyDatabase:
        return self.parts.database

    def client(self) -> httpx.AsyncClient:
        """A browser without a sign-in."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://console.test",
            headers={"accept-language": "en"},
        )
        self.clients.append(client)
        return client

    async def signed_in(self, name: str) -> httpx.AsyncClient:
        """A client of that user, which sends its CSRF token with every request."""
        user = await self.database.users.find(name)
        assert user is not None
        token = await self.database.users.start_session(user)
        session = await self.database.users.session(token)
        assert session is not None
        client = self.client()
        client.cookies.set(COOKIE, token, domain="console.test")
        client.headers["x-csrf-token"] = session.csrf
        return client


def settings_for(folder: Path, **values: object) -> Settings:
    return Settings(data_dir=folder, _env_file=None, **values)  # type: ignore[call-arg, arg-type]


@asynccontextmanager
async def parts_for(
    folder: Path, content: Any, clock: HandClock | None, **values: object
) -> AsyncIterator[ConsoleParts]:
    """The parts of a console over `folder/hotline.db`."""
    settings = settings_for(folder, **values)
    options = {} if clock is None else {"clock": clock}
    async with await PolicyDatabase.open(
        f"sqlite:///{folder / 'hotline.db'}", keys=KEYS, pins=PinHasher.cheap(), **options
    ) as database:
        database.users.rules = PasswordRules.cheap()
        bus = LocalBus(folder / "bus")
        try:
            yield ConsoleParts(
                settings=settings,
                database=database,
                desk=Desk(database.seats, clock=database.clock),
                bus=bus,
                flows=content.flows,
                catalogue=content.speaker.catalogue,
                flows_dir=settings.own_flows_dir,
                prompts_dir=chosen(settings.prompts_dir, "prompts"),
                clock=database.clock,
            )
        finally:
            bus.close()


class OneApp:
    """One application for the whole session: making its routes takes a second, opening its parts a moment.

    Each test says in `folder` where its parts are.
    """

    def __init__(self, content: Any) -> None:
        self.folder = Path()
        self.clock: HandClock | None = None
        self.settings: dict[str, object] = {}
        self.app = create_console(lambda: parts_for(self.folder, content, self.clock, **self.settings))

    def over(
        self, folder: Path, demo_file: Path, clock: HandClock | None = None, **settings: object
    ) -> FastAPI:
        """The application over a copy of the demonstration."""
        (folder / "hotline.db").write_bytes(demo_file.read_bytes())
        self.folder, self.clock, self.settings = folder, clock, settings
        return self.app


@pytest.fixture(scope="session")
def one_app(content: Any) -> OneApp:
    return OneApp(content)


@pytest.fixture
async def console(tmp_path: Path, demo_file: Path, one_app: OneApp) -> AsyncIterator[Console]:
    """A console over its own copy of the demonstration, without sockets."""
    app = one_app.over(tmp_path, demo_file)
    async with app.router.lifespan_context(app):
        made = Console(app, app.state.parts, None)
        yield made
        for client in made.clients:
            await client.aclose()


@dataclass
class ServedConsole:
    """A console on a real port, in a thread of its own, for a browser."""

    url: str
    folder: Path
    parts: ConsoleParts
    run: Callable[[Any], Any]  # runs a coroutine in the console's loop and gives its result


@pytest.fixture
def served(tmp_path: Path, demo_file: Path, one_app: OneApp) -> Iterator[ServedConsole]:
    """A console that a browser can open."""
    app = one_app.over(tmp_path, demo_file)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await server.serve(sockets=[listener])
        left = asyncio.all_tasks() - {asyncio.current_task()}  # libraries' own watchers
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        yield ServedConsole(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path, app.state.parts, run)
    finally:
        server.should_exit = True
        thread.join(10)
        loop.close()
        listener.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright, which runs a loop of its own in this thread meanwhile.

    So browser tests are plain functions, in files (`test_*_browser.py`) without asynchronous tests.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Any, served: ServedConsole) -> Iterator[Callable[..., Any]]:
    """Opens a page of the served console as a user: `browse("mei", "/board", width=390)`. Script errors fail the test."""
    contexts, errors = [], []

    def open_page(user: str = "", path: str = "/", *, width: int = 1280, language: str = "zh-CN") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, locale=language)
        contexts.append(context)
        if user:
            token = served.run(session_of(served.parts.database, user))
            context.add_cookies([{"name": COOKIE, "value": token, "url": served.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda one: errors.append(f"{one.text} {one.location}") if one.type == "error" else None,
        )
        page.goto(served.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


async def session_of(database: PolicyDatabase, name: str) -> str:
    user = await database.users.find(name)
    assert user is not None
    return await database.users.start_session(user)


#: Only what is asserted leaves the browser: the whole of what axe found well takes longer to carry than to find.
_SERIOUS = """() => axe.run({resultTypes: ["violations"]}).then(found => found.violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => `${one.id}: ${one.help} ${one.nodes[0].html}`))"""


def axe(page: Any) -> list[str]:
    """Serious and critical findings of axe on a page."""
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_SERIOUS)
    return found
