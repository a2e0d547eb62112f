"""Where the flows and prompts that come with the hotline are: inside the wheel, or beside the checkout's code."""

from __future__ import annotations

from pathlib import Path

from ivr.errors import SettingError

_PACKAGE = Path(__file__).parent


def bundled(name: str) -> Path:
    """The folder `flows` or `prompts` that came with this installation."""
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise SettingError(
        f"the folder {name} that comes with the hotline is missing; install insurance-hotline again",
        code="H101",
    )


def chosen(folder: Path | None, name: str) -> Path:
    """A company's own folder, or the one that came with the hotline. Raises SettingError if it is missing."""
    if folder is None:
        return bundled(name)
    if not folder.is_dir():
        raise SettingError(
            f"there is no folder {folder}; make one with `hotline init {folder.parent}` or correct the setting",
            code="H102",
        )
    return folder
