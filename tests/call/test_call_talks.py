"""Talks with people, recorded: on two channels, with a row, a timeline and an audit that tell where it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from call_kit import NOW, PlainSpeaker
from sqlalchemy import update

from ivr.call.journal import CallJournal
from ivr.call.recordings import RecordingVault
from ivr.call.recovery import Recovery
from ivr.call.talks import RecordTalks, TalkTape, TalkTaping
from ivr.clock import VirtualClock
from ivr.lines.base import LegInfo
from ivr.lines.port_leg import PortLeg
from ivr.lines.script import ScriptedCaller, ScriptLine
from ivr.media import g711
from ivr.media.clock import MediaClock
from ivr.media.g711 import FRAME, Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter
from policy_db import PolicyDatabase
from policy_db.tables import RecordingRow, TalkRow
from policy_db.talk_facts import SilentSpan

CALL = "call-1"
TALK = "call-1-talk-1"
_WAVE = np.tile(np.repeat([1, -1], 4), FRAME // 8)


class Studio:
    """A caller and seats on a virtual clock, and what records them."""

    def __init__(self, database: PolicyDatabase, folder: Path, mode: RecordTalks) -> None:
        self.database = database
        self.folder = folder / "recordings"
        self.time = VirtualClock(NOW)
        self.media_clock = MediaClock(self.time)
        self.writer = RecordingWriter()
        self.journal = CallJournal(database, "w1", folder / "unwritten", gather=0.0)
        self.vault = RecordingVault(self.folder, database, "w1", store_seconds=0.5)
        names = iter(range(1, 100))
        self.taping = TalkTaping(
            mode,
            vault=self.vault,
            journal=self.journal,
            database=database,
            worker="w1",
            speaker=PlainSpeaker(),  # type: ignore[arg-type]
            media_clock=lambda: self.media_clock,
            new_name=lambda: f"talk-{next(names)}",
        )
        self.caller = self.leg("caller")
        self.anna = self.leg("anna", Law.A)
        self.ben = self.leg("ben")

    def leg(self, name: str, law: Law = Law.MU) -> PortLeg:
        return PortLeg(
            LegInfo(name, "sip", "13800138000", "95500"),
            clock=self.time,
            port=AudioPort(law, post=lambda callback: callback()),
            writer=self.writer,
            post=lambda callback: callback(),
        )

    def tape(self) -> TalkTape:
        return self.taping.begin(CALL, self.caller, queue="service", language="en")

    def talk(self, seconds: float, *legs: PortLeg) -> None:
        """The caller says 4000 and the others 2000, for so long."""
        for _ in range(round(seconds / 0.02)):
            end = self.time.time() + 0.02
            for leg in (self.caller, *legs):
                level = 4000 if leg is self.caller else 2000
                leg.port.frame_received(g711.encode((_WAVE * level).astype(np.int16), leg.port.law))
            while (due := self.time.next_timer()) is not None and due <= end + 1e-9:
                self.time.advance_to_next()
            self.time._time = end

    def levels(self) -> np.ndarray:
        """The loudest sample of each 100 ms and channel of the only recording."""
        (path,) = self.folder.rglob("*.wav")
        samples, _ = soundfile.read(path, dtype="int16", always_2d=True)
        assert samples.shape[1] == 2
        return np.abs(samples[: len(samples) // 800 * 800].astype(np.int32)).reshape(-1, 800, 2).max(axis=1)

    async def timeline(self) -> list[tuple[str, dict[str, Any]]]:
        return [(one.kind, one.data) for one in await self.database.calls.timeline(CALL)]


@asynccontextmanager
async def studio(
    database: PolicyDatabase, folder: Path, mode: RecordTalks = "announce"
) -> AsyncIterator[Studio]:
    """A call under way; at the end the call and its tapes are over."""
    place = Studio(database, folder, mode)
    place.journal.begin(CALL, place.caller.info, flow="main", version="1", now=place.time.time)
    try:
        async with place.taping.kept():
            yield place
    finally:
        await place.journal.finish(CALL, "normal")
        place.writer.close()


def is_near(levels: Sequence[int], wanted: int) -> bool:
    return all(abs(level - wanted) <= max(16, wanted * 0.05) for level in levels)


async def test_a_talk_becomes_a_file_a_recording_and_a_talk(database: PolicyDatabase, tmp_path: Path) -> None:
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        assert not tape.running
        tape.seat(place.anna, "anna")
        assert tape.running
        place.talk(2.0, place.anna)
        tape.end()
        tape.end()
    levels = place.levels()
    assert is_near(levels[:, 0], 4000)
    assert is_near(levels[:, 1], 2000)
    recording = await database.recordings.find(TALK)
    talk = await database.talks.of_recording(TALK)
    assert recording is not None
    assert talk is not None
    assert (recording.purpose, recording.state, recording.reason) == ("talk", "kept", "service")
    assert (recording.seconds, recording.caller) == (2.0, "13800138000")
    assert (talk.seconds, talk.consent, talk.queue, talk.spans) == (2.0, "announced", "service", ())
    assert [seat.seat for seat in talk.seats] == ["anna"]
    assert talk.ended_at is not None
    assert not list(place.folder.rglob("*.json"))
    assert [kind for kind, _ in await place.timeline()] == ["recording_began", "recording_ended"]


async def test_masks_pauses_and_being_alone_are_silence_on_both_channels_and_told(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        place.talk(1.0, place.anna)
        place.caller.mask(True)
        place.talk(1.0, place.anna)
        place.caller.mask(False)
        place.talk(1.0, place.anna)
        tape.pause("seat:anna")
        tape.pause("seat:anna")
        assert tape.paused
        place.talk(1.0, place.anna)
        tape.resume("seat:anna")
        tape.resume("seat:anna")
        place.talk(1.0, place.anna)
        tape.seat(None)
        place.talk(1.0, place.anna)
        tape.seat(place.ben, "ben")
        place.talk(1.0, place.anna, place.ben)
        tape.end()
    levels = place.levels()
    silent = [*range(11, 20), *range(31, 40), *range(51, 60)]
    assert is_near(levels[silent].reshape(-1), 0)
    assert is_near(levels[[*range(1, 10), *range(21, 30), *range(61, 70)], 0], 4000)
    assert is_near(levels[61:69, 1], 2000)
    talk = await database.talks.find(TALK)
    assert talk is not None
    assert [(span.why, span.by, round(span.to - span.at, 1)) for span in talk.spans] == [
        ("mask", "", 1.0),
        ("pause", "seat:anna", 1.0),
        ("alone", "", 1.0),
    ]
    assert [seat.seat for seat in talk.seats] == ["anna", "ben"]
    assert [(kind, data.get("why")) for kind, data in await place.timeline()][1:-1] == [
        (kind, why)
        for why in ("mask", "pause", "alone")
        for kind in ("recording_silent", "recording_goes_on")
    ]
    resumed, paused = await database.audit.about("call:call-1")
    assert (paused.actor, paused.action, paused.details["recording"]) == (
        "seat:anna",
        "recording.pause",
        TALK,
    )
    assert (resumed.action, resumed.details["seconds"]) == ("recording.resume", pytest.approx(1.0, abs=0.02))


async def test_all_seats_of_a_conference_are_on_the_right(database: PolicyDatabase, tmp_path: Path) -> None:
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        tape.also(place.ben, "ben")
        place.talk(1.0, place.anna, place.ben)
        tape.without(place.anna)
        tape.without(place.anna)
        place.talk(1.0, place.anna, place.ben)
        tape.end()
    right = place.levels()[:, 1]
    assert is_near(right[1:9], 4000)
    assert is_near(right[11:19], 2000)


async def test_a_caller_who_refuses_is_not_recorded_and_the_talk_is_still_known(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    async with studio(database, tmp_path, "ask") as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        place.talk(1.0, place.anna)
        tape.pressed("1")
        assert tape.running
        tape.pressed("2")
        assert not tape.running
        place.talk(1.0, place.anna)
        tape.end()
    assert not list(place.folder.rglob("*.wav"))
    talk = await database.talks.find(TALK)
    recording = await database.recordings.find(TALK)
    assert talk is not None
    assert recording is not None
    assert (talk.consent, talk.recording, talk.seconds) == ("refused", None, 2.0)
    assert recording.state == "discarded"


async def test_who_refuses_before_the_talk_is_never_recorded(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    async with studio(database, tmp_path, "ask") as place:
        tape = place.tape()
        tape.pressed("2")
        tape.seat(place.anna, "anna")
        place.talk(0.5, place.anna)
        tape.end()
    talk = await database.talks.find(TALK)
    assert talk is not None
    assert (talk.consent, talk.recording) == ("refused", None)
    assert not place.folder.exists()


async def test_without_recording_talks_are_known_all_the_same(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    async with studio(database, tmp_path, "off") as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        tape.pause("seat:anna")
        place.talk(1.5, place.anna)
        assert not tape.running
        assert not tape.paused
        tape.end()
    talk = await database.talks.find(TALK)
    assert talk is not None
    assert (talk.consent, talk.recording, talk.seconds) == ("off", None, 1.5)
    assert await place.timeline() == []


async def test_a_talk_that_never_began_leaves_nothing(database: PolicyDatabase, tmp_path: Path) -> None:
    async with studio(database, tmp_path) as place:
        place.tape().end()
        place.tape()
    assert await database.talks.of_call(CALL) == ()


async def test_a_caller_without_frames_is_not_recorded(database: PolicyDatabase, tmp_path: Path) -> None:
    async with studio(database, tmp_path) as place:
        legs: list[Any] = []
        line = ScriptLine(place.time)
        await line.start(legs.append)
        line.call(ScriptedCaller([]))
        place.time.advance_to_next()
        tape = place.taping.begin(CALL, legs[0], queue="service", language="en")
        tape.seat(place.anna, "anna")
        assert not tape.running
        tape.end()


@pytest.mark.parametrize(
    ("mode", "said"), [("announce", "talk_recorded.announced"), ("ask", "talk_recorded.asked")]
)
async def test_the_caller_is_told_as_the_setting_says(
    database: PolicyDatabase, tmp_path: Path, mode: RecordTalks, said: str
) -> None:
    async with studio(database, tmp_path, mode) as place:
        announcement = place.taping.announcement("en")
        assert announcement is not None
        assert announcement.text == said


@pytest.mark.parametrize("mode", ["off", "always"])
async def test_nothing_is_said_where_nothing_need_be(
    database: PolicyDatabase, tmp_path: Path, mode: RecordTalks
) -> None:
    async with studio(database, tmp_path, mode) as place:
        assert place.taping.announcement("en") is None


async def test_a_full_disk_ends_the_recording_and_never_the_talk(
    database: PolicyDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        place.talk(1.0, place.anna)
        place.writer.flush()

        def full(self: object, content: bytes, offset: int) -> int:
            raise OSError(28, "no space left on device")

        monkeypatch.setattr("ivr.media.growing.DiskFile.write_at", full)
        place.talk(3.0, place.anna)
        place.writer.flush()
        while tape.running:
            await asyncio.sleep(0)
        monkeypatch.undo()
        place.talk(1.0, place.anna)
        tape.end()
    talk = await database.talks.find(TALK)
    assert talk is not None
    assert (talk.seconds, talk.recording) == (5.0, TALK)
    assert ("recording_ended", "storage") in [
        (kind, data.get("why")) for kind, data in await place.timeline()
    ]


async def test_no_place_to_record_is_said_and_the_talk_goes_on(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    (tmp_path / "recordings").write_text("no folder")
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        place.talk(0.5, place.anna)
        tape.end()
    talk = await database.talks.find(TALK)
    assert talk is not None
    assert talk.recording is None
    assert [kind for kind, _ in await place.timeline()] == ["recording_failed"]


async def test_what_a_dead_worker_recorded_is_brought_in_with_its_talk(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    """The tape is never ended: the next process finds the note, the file and an open talk."""
    async with studio(database, tmp_path) as place:
        tape = place.tape()
        tape.seat(place.anna, "anna")
        place.talk(1.0, place.anna)
        tape.pause("seat:anna")
        place.talk(1.0, place.anna)
        tape.resume("seat:anna")
        place.talk(1.0, place.anna)
        await place.vault._chains.settle(TALK)
        await place.taping._parts.chains.settle(TALK)
        place.writer.flush()
        (note,) = place.folder.rglob("*.json")
        (audio,) = place.folder.rglob("*.wav")
        left = {path: path.read_bytes() for path in (note, audio)}
    after = tmp_path / "after"
    for path, content in left.items():
        target = after / path.relative_to(place.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    async with database.store.writing() as connection:
        await connection.execute(update(TalkRow).values(ended_at=None, seconds=0.0, spans=[]))
        await connection.execute(update(RecordingRow).values(state="recording", seconds=0.0, ended_at=None))
    vault = RecordingVault(after, database, "w1")
    journal = CallJournal(database, "w1", tmp_path / "unwritten")
    await Recovery(database, journal, vault, "w1")(True)
    recording = await database.recordings.find(TALK)
    talk = await database.talks.find(TALK)
    assert recording is not None
    assert talk is not None
    assert (recording.state, recording.why, recording.seconds) == ("kept", "broken_off", 3.0)
    assert (talk.seconds, talk.recording) == (3.0, TALK)
    assert [(span.why, span.by) for span in talk.spans] == [("pause", "seat:anna")]
    assert isinstance(talk.spans[0], SilentSpan)
    assert talk.ended_at is not None
    assert not list(after.rglob("*.json"))


async def test_an_open_talk_without_a_recording_is_ended_by_the_next_process(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.talks.begin(
        "call-9-talk-1", call="call-9", worker="w1", queue="service", consent="off", recording=None
    )
    database.clock.forward(5)  # type: ignore[attr-defined]
    journal = CallJournal(database, "w1", tmp_path / "unwritten")
    await Recovery(database, journal, RecordingVault(tmp_path, database, "w1"), "w1")(True)
    talk = await database.talks.find("call-9-talk-1")
    assert talk is not None
    assert talk.ended_at is not None
