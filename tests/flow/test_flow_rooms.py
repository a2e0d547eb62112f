"""A transfer leads to a queue or into a meet-me room, never to both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ivr.app import load_manifest
from ivr.flow import FlowErrors, FlowStore
from ivr.resources import bundled
from ivr.settings import Settings

ROOM = "transfer: {room: entered.number, "


def problems(folder: Path, new: str) -> str:
    """What is wrong with the shipped flows when the transfer into a room is written so."""
    shutil.copytree(bundled("flows"), folder)
    path = folder / "meeting.yaml"
    text = path.read_text(encoding="utf-8")
    assert ROOM in text
    path.write_text(text.replace(ROOM, new), encoding="utf-8")
    manifest, _ = load_manifest(Settings(_env_file=None))  # type: ignore[call-arg]
    try:
        FlowStore(folder, manifest)
    except FlowErrors as errors:
        return str(errors)
    return ""


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("transfer: {", "meeting.yaml:34:15: F204 write either `queue` or `room`"),
        ("transfer: {room: entered.number, queue: service, ", "F204 write either `queue` or `room`"),
        ("transfer: {room: entered.nummer, ", "F402 `entered` has no field 'nummer'; did you mean 'number'?"),
        ("transfer: {room: nobody, ", "F401"),
        ("transfer: {room: '801', ", ""),
    ],
)
def test_a_transfer_names_a_room_that_can_be_known(tmp_path: Path, written: str, told: str) -> None:
    assert told in problems(tmp_path / "flows", written)
