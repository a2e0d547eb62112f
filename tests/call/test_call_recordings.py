"""A caller's words are in the database or in a note, at every moment and after every kind of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from call_kit import NOW, open_database

from ivr.call.journal import CallJournal
from ivr.call.notes import RecordingNote, note_path
from ivr.call.recordings import RecordingVault
from ivr.call.recovery import Recovery
from ivr.flow.instructions import Record
from ivr.flow.values import Secret
from ivr.lines.base import RecordEnded
from ivr.media.g711 import Law
from ivr.media.wav import HEADER_SIZE, header, read_g711, write_g711
from policy_db import PolicyDatabase

VOICEMAIL = {"mailbox": "service", "reason": "complaint"}


def vault_over(database, folder: Path, worker: str = "worker-0") -> RecordingVault:
    return RecordingVault(folder / "recordings", database, worker, store_seconds=0.3)


def record(vault: RecordingVault, recording: str = "r1", call_id: str = "call-1", **details) -> Path:
    """Begin a recording, and say three seconds into it."""
    purpose = "record" if "claim" in details else "voicemail"
    request = Record(recording, purpose, 60, 3, 1, True, details or VOICEMAIL)
    path = vault.begin(call_id, request, caller="139", level=1, now=NOW)
    write_g711(path, b"\x10" * 24_000, Law.MU)
    return path


def end(path: Path, recording: str = "r1", why: str = "key", seconds: float = 3.0) -> RecordEnded:
    return RecordEnded(recording, seconds, why, path)


async def row_of(database: PolicyDatabase, recording: str = "call-1-r1"):
    return await database.recordings.find(recording)


async def test_the_row_of_a_kept_message_says_all_there_is_to_say(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault)
    assert note_path(path).exists()
    told = await vault.ended("call-1", end(path))
    vault.keep("call-1", "r1", {})
    await vault.flush("call-1")

    row = await row_of(database)
    assert (told.why, told.seconds) == ("key", 3.0)
    assert (row.state, row.confirmed, row.seconds, row.size, row.why) == (
        "kept", True, 3.0, 24_000 + HEADER_SIZE, "key",
    )  # fmt: skip
    assert (row.mailbox, row.reason, row.caller, row.level, row.call) == (
        "service",
        "complaint",
        "139",
        1,
        "call-1",
    )
    assert row.file == "2026-03-10/call-1-r1.wav"
    assert not note_path(path).exists()


async def test_secrets_among_the_details_reach_neither_note_nor_row(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault, mailbox="service", reason=Secret("739281"))

    assert "739281" not in note_path(path).read_text()
    await vault.flush("call-1")
    assert (await row_of(database)).reason == ""


async def test_a_discarded_recording_is_gone_but_for_its_row(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault)
    await vault.ended("call-1", end(path))
    vault.discard("call-1", "r1")
    await vault.flush("call-1")

    assert (await row_of(database)).state == "discarded"
    assert not path.exists()
    assert not note_path(path).exists()


async def test_a_recording_the_flow_never_came_back_to_stays_and_is_complete(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault)
    await vault.ended("call-1", end(path))
    await vault.flush("call-1")

    row = await row_of(database)
    assert (row.state, row.confirmed) == ("kept", False)
    assert not note_path(path).exists()


async def test_an_end_that_nobody_began_is_storage_trouble(database: PolicyDatabase, tmp_path: Path) -> None:
    told = await vault_over(database, tmp_path).ended("call-1", end(tmp_path / "none.wav"))

    assert told.why == "storage"


async def test_a_recorder_that_could_not_count_is_counted_by_its_file(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault)
    told = await vault.ended("call-1", end(path, why="storage", seconds=0.0))
    await vault.flush("call-1")

    assert told.seconds == 3.0


async def test_with_the_database_locked_the_note_keeps_what_recovery_brings_in(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    locker.lock()
    path = record(vault)
    told = await vault.ended("call-1", end(path))
    vault.keep("call-1", "r1", {})
    await vault.flush("call-1")
    assert told.why == "storage", "the caller must be told to hold on"
    assert await vault.recover() == []
    assert note_path(path).exists()
    locker.free()

    assert await vault.recover() == ["call-1-r1"]
    row = await row_of(database)
    assert (row.state, row.confirmed, row.mailbox) == ("kept", True, "service")
    assert not note_path(path).exists()
    assert await vault.recover() == []


async def test_a_caller_who_has_hung_up_is_not_told_of_storage_trouble(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    locker.lock()
    path = record(vault)
    told = await vault.ended("call-1", end(path, why="hang_up"))
    await vault.flush("call-1")

    assert told.why == "hang_up"
    locker.free()


async def test_a_lock_that_ends_in_time_is_no_trouble(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    locker.lock()
    path = record(vault)
    ending = asyncio.create_task(vault.ended("call-1", end(path)))
    await asyncio.sleep(0.1)
    locker.free()

    assert (await ending).why == "key"
    await vault.flush("call-1")


async def test_a_full_disk_under_the_notes_still_leaves_the_row(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = tmp_path / "recordings" / "2026-03-10" / "call-1-r1.wav"
    note_path(path).mkdir(parents=True)
    record(vault)
    await vault.ended("call-1", end(path))

    assert (await row_of(database)).state == "kept"
    assert [one.name for one in path.parent.glob("*.tmp")] == []
    note_path(path).rmdir()
    await vault.flush("call-1")


async def test_a_claim_that_is_not_there_does_not_cost_the_words(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    vault = vault_over(database, tmp_path)
    path = record(vault, claim="no-such-claim", field="what")
    await vault.ended("call-1", end(path))
    vault.keep("call-1", "r1", {})
    await vault.flush("call-1")

    row = await row_of(database)
    assert (row.state, row.claim) == ("kept", None)
    assert not note_path(path).exists()


async def test_recovery_leaves_running_calls_and_other_workers_alone(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    mine, other = vault_over(database, tmp_path), vault_over(database, tmp_path, "worker-1")
    running = record(mine)
    foreign = record(other, call_id="call-2")

    assert await mine.recover() == []
    assert note_path(running).exists()
    assert note_path(foreign).exists()
    for vault, call_id in ((mine, "call-1"), (other, "call-2")):
        await vault.flush(call_id)


def left_behind(folder: Path, name: str, state: str, audio: bytes | None, **more) -> Path:
    """What a dead process of worker-0 leaves: a note, and perhaps a file."""
    path = folder / "recordings" / "2026-03-09" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    if audio is not None:
        path.write_bytes(audio)
    note = RecordingNote(name, "call-0", "worker-0", "voicemail", "139", 0, VOICEMAIL, state, **more)
    note.write(path)
    return path


def cut_off(seconds: float) -> bytes:
    """A recording whose header was never brought up to date."""
    return header(Law.MU, 0) + b"\x10" * int(seconds * 8000)


async def test_a_header_that_was_never_finished_is_repaired(database: PolicyDatabase, tmp_path: Path) -> None:
    path = left_behind(tmp_path, "x", "recording", cut_off(2.5))

    assert await vault_over(database, tmp_path).recover() == ["x"]
    row = await row_of(database, "x")
    assert (row.state, row.seconds, row.why) == ("kept", 2.5, "broken_off")
    assert len(read_g711(path).audio) == 20_000


@pytest.mark.parametrize("audio", [None, b"", b"RIFF", cut_off(0)])
async def test_a_recording_in_which_nothing_was_said_yet_is_no_message(
    database: PolicyDatabase, tmp_path: Path, audio: bytes | None
) -> None:
    path = left_behind(tmp_path, "x", "recording", audio)
    await vault_over(database, tmp_path).recover()

    assert (await row_of(database, "x")).state == "discarded"
    assert await database.recordings.mailbox("service") == ()
    assert not path.exists()
    assert not note_path(path).exists()


async def test_a_damaged_file_is_kept_for_a_person_to_look_at(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    path = left_behind(tmp_path, "x", "recording", b"\x00" * 9000)
    await vault_over(database, tmp_path).recover()

    row = await row_of(database, "x")
    assert (row.state, row.why) == ("kept", "damaged")
    assert path.read_bytes() == b"\x00" * 9000
    assert not note_path(path).exists()


async def test_a_note_that_cannot_be_read_keeps_the_others_out_of_nothing(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    bad = left_behind(tmp_path, "a", "recording", cut_off(1))
    note_path(bad).write_text("{")
    left_behind(tmp_path, "b", "recording", cut_off(1))

    assert await vault_over(database, tmp_path).recover() == ["b"]


# Death at every step


class Died(BaseException):
    """The process is killed."""


class Mortal:
    """A part of the database on whose nth use the process dies, before or after that use."""

    def __init__(self, part: object, life: Life) -> None:
        self._part = part
        self._life = life

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._part, name)

        async def use(*arguments, **more):
            self._life.step(before=True)
            result = await method(*arguments, **more)
            self._life.step(before=False)
            return result

        return use


class Life:
    """Counts the steps of a process, and ends it at one of them."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.over = False

    def step(self, *, before: bool) -> None:
        self.left -= 1
        if self.left < 0:
            self.over = True
        if self.over:
            raise Died


class MortalDatabase:
    """The recordings and claims of a database, as a process uses them that dies after so many steps."""

    def __init__(self, database: PolicyDatabase, life: Life) -> None:
        self.recordings = Mortal(database.recordings, life)
        self.claims = Mortal(database.claims, life)
        self.talks = Mortal(database.talks, life)


async def live(vault: RecordingVault, life: Life, claim: str, fate: str) -> None:
    """A caller answers a question of a claim report; the process goes on until it dies."""
    path = record(vault, claim=claim, field="what")
    await settle(vault)
    if life.over:
        return
    await vault.ended("call-1", end(path))
    if life.over:
        return
    if fate == "keep":
        vault.keep("call-1", "r1", {})
    elif fate == "discard":
        vault.discard("call-1", "r1")
    await settle(vault)
    if not life.over:
        await vault.flush("call-1")


async def settle(vault: RecordingVault) -> None:
    """Let what was begun come to its end, or to the death of the process."""
    await asyncio.gather(*vault._chains._last.values(), return_exceptions=True)


@pytest.mark.parametrize("fate", ["keep", "discard", "nothing"])
@pytest.mark.parametrize("steps", range(18))
async def test_whatever_step_a_worker_dies_at_the_next_one_completes_the_row(
    empty_file: Path, tmp_path: Path, steps: int, fate: str
) -> None:
    (tmp_path / "hotline.db").write_bytes(empty_file.read_bytes())
    async with await open_database(tmp_path / "hotline.db") as database:
        report = await database.claims.begin(
            caller="139", today=NOW.date(), level=0, call_id="call-1", resume=False, policy=None, key="k"
        )
        life = Life(steps)
        dying = vault_over(MortalDatabase(database, life), tmp_path)
        await live(dying, life, report.id, fate)
        told = (
            dying._entries.get(("call-1", "r1")) is None
            or dying._entries["call-1", "r1"].note.state == "discarded"
        )

        vault = vault_over(database, tmp_path)
        journal = CallJournal(database, "worker-0", tmp_path / "unwritten")
        await Recovery(database, journal, vault, "worker-0")(first=True)

        (row,) = await database.recordings.of_call("call-1")
        notes = list((tmp_path / "recordings").rglob("*.json"))
        assert notes == []
        if fate == "discard" and told:
            assert row.state == "discarded"
            assert not list((tmp_path / "recordings").rglob("*.wav"))
        else:
            assert row.state == "kept"
            assert row.seconds == 3.0
            assert (tmp_path / "recordings" / row.file).stat().st_size == row.size
            claim = await database.claims.find(report.number)
            assert claim.recordings == {"what": (row.id,)}


async def test_a_call_whose_record_was_never_written_is_known_by_its_recording(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    left_behind(tmp_path, "x", "recording", cut_off(2))
    journal = CallJournal(database, "worker-0", tmp_path / "unwritten")
    await Recovery(database, journal, vault_over(database, tmp_path), "worker-0")(first=True)

    call = await database.calls.find("call-0")
    assert (call.caller, call.end_reason) == ("139", "broken_off")


async def test_recovery_closes_the_calls_of_the_dead_and_none_of_the_living(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.calls.begin("old", worker="worker-0", caller="1", called="2")
    await database.calls.begin("other", worker="worker-1", caller="1", called="2")
    database.clock.forward(60)
    journal = CallJournal(database, "worker-0", tmp_path / "unwritten")
    recovery = Recovery(database, journal, vault_over(database, tmp_path), "worker-0")
    await database.calls.begin("new", worker="worker-0", caller="1", called="2")

    await recovery(first=True)

    states = {name: (await database.calls.find(name)).state for name in ("old", "other", "new")}
    assert states == {"old": "broken_off", "other": "running", "new": "running"}
