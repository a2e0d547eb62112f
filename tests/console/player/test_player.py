"""Recordings in the console: who may hear them, in which parts, and that every listen is written down."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ivr.console.player.ranges import NoSuchPartError, Part, asked_part
from ivr.console.voicemail.desk import box_of
from ivr.media import g711, wav
from ivr.media.g711 import Law
from policy_db.talk_facts import SilentSpan
from tests.console.console_kit import Console

TALK = "call-1-talk-1"


def write_talk(folder: Path, seconds: float = 2.0) -> None:
    """A recording of two channels, the caller louder than the seat."""
    size = round(seconds * 8000)
    wave = np.sin(np.arange(size) / 5)
    both = np.stack([wave * 16000, wave * 4000], axis=1).reshape(-1)
    audio = g711.encode(both.astype(np.int16), Law.MU)
    path = folder / "2026-03-10" / f"{TALK}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav.header(Law.MU, len(audio), 2) + audio)


async def add_talk(database: Any, folder: Path, seat: str = "seat1") -> None:
    """The talk of a call with a seat, recorded."""
    write_talk(folder)
    await database.recordings.begin(
        TALK, purpose="talk", call="call-1", worker="w1", file=f"2026-03-10/{TALK}.wav", caller="13800138000"
    )
    await database.recordings.finish(TALK, seconds=2.0, size=32058, why="hang_up")
    await database.talks.begin(
        TALK, call="call-1", worker="w1", queue="service", consent="announced", recording=TALK
    )
    await database.talks.seated(TALK, [seat])
    await database.talks.finish(TALK, seconds=2.0, spans=[SilentSpan(0.5, 1.0, "pause", "seat:seat1")])


@pytest.fixture
async def talk(console: Console) -> Console:
    """A console that knows of one talk, which Anna's seat had."""
    await add_talk(console.database, console.parts.settings.recordings_dir)
    await console.database.users.change("anna", seat="seat1")
    return console


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", Part(0, 100)),
        ("bytes=10-19", Part(10, 20)),
        ("bytes=90-500", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-500", Part(0, 100)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=" + "9" * 30 + "-", None),
        ("bytes=٣-", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str | None, part: Part | None) -> None:
    assert asked_part(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(header: str) -> None:
    with pytest.raises(NoSuchPartError):
        asked_part(header, 100)


async def test_a_reviewer_hears_both_channels_and_the_audit_knows_it(talk: Console) -> None:
    client = await talk.signed_in("rui")
    reply = await client.get(f"/recordings/{TALK}/audio")
    samples, rate = soundfile.read(io.BytesIO(reply.content), always_2d=True)
    assert (reply.status_code, reply.headers["content-type"], rate) == (200, "audio/wav", 8000)
    assert samples.shape == (16000, 2)
    assert reply.headers["accept-ranges"] == "bytes"
    (entry,) = await talk.database.audit.about(f"recording:{TALK}")
    assert (entry.actor, entry.action) == ("staff:rui", "looked")


async def test_a_browser_gets_the_part_it_asks_for(talk: Console) -> None:
    client = await talk.signed_in("mei")
    whole = (await client.get(f"/recordings/{TALK}/audio")).content
    part = await client.get(f"/recordings/{TALK}/audio", headers={"range": "bytes=1001-2000"})
    assert (part.status_code, part.content) == (206, whole[1001:2001])
    assert part.headers["content-range"] == f"bytes 1001-2000/{len(whole)}"
    assert part.headers["content-length"] == "1000"
    beyond = await client.get(f"/recordings/{TALK}/audio", headers={"range": "bytes=9999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    head = await client.head(f"/recordings/{TALK}/audio")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole)))


async def test_the_waveform_tells_each_channel_and_where_it_is_silent(talk: Console) -> None:
    client = await talk.signed_in("rui")
    told = (await client.get(f"/recordings/{TALK}/peaks?buckets=50")).json()
    assert [max(channel["high"]) for channel in told["channels"]] == pytest.approx([49, 12], abs=1)
    assert told["seconds"] == 2.0
    assert told["spans"] == [{"at": 0.5, "to": 1.0, "why": "pause", "by": "seat:seat1"}]
    assert (await client.get(f"/recordings/{TALK}/peaks?buckets=9")).status_code == 422


async def test_a_seat_hears_its_own_calls_and_no_others(talk: Console) -> None:
    client = await talk.signed_in("anna")
    assert (await client.get(f"/recordings/{TALK}/audio")).status_code == 200
    await talk.database.users.change("anna", seat="seat2")
    assert (await client.get(f"/recordings/{TALK}/audio")).status_code == 404
    assert (await client.get(f"/recordings/{TALK}/peaks")).status_code == 404
    assert (await client.get(f"/recordings/{TALK}")).status_code == 404
    assert (await client.get(f"/api/recordings/{TALK}")).status_code == 404


async def test_a_seat_hears_what_was_left_in_its_mailbox(talk: Console) -> None:
    seats = await talk.database.seats.all_seats()
    mine = next(seat for seat in seats if seat.id == "seat1")
    file = f"2026-03-10/{TALK}.wav"
    for name, box in (("a", mine.mailbox), ("b", "service")):
        await talk.database.recordings.begin(
            name, purpose="voicemail", call="call-7", worker="w1", file=file, mailbox=box
        )
    client = await talk.signed_in("anna")
    assert (await client.get("/recordings/a/audio")).status_code == 200
    assert (await client.get("/recordings/b/audio")).status_code == 404


async def test_reviewers_and_managers_hear_shared_mailboxes_and_nobody_elses_own(talk: Console) -> None:
    seats = await talk.database.seats.all_seats()
    own = box_of(next(seat for seat in seats if seat.id == "seat1"))
    file = f"2026-03-10/{TALK}.wav"
    for name, box in (("a", own), ("b", "service"), ("c", "salesperson-S1")):
        await talk.database.recordings.begin(
            name, purpose="voicemail", call="call-7", worker="w1", file=file, mailbox=box
        )
    for user in ("rui", "mei"):
        client = await talk.signed_in(user)
        for path in ("/recordings/{}", "/recordings/{}/audio", "/recordings/{}/peaks", "/api/recordings/{}"):
            assert [(await client.get(path.format(one))).status_code for one in "abc"] == [404, 200, 404], (
                path
            )


async def test_an_administrator_and_a_stranger_hear_nothing(talk: Console) -> None:
    root = await talk.signed_in("root")
    for path in (f"/recordings/{TALK}/audio", f"/recordings/{TALK}/peaks", f"/api/recordings/{TALK}"):
        assert (await root.get(path)).status_code == 403
        assert (await talk.client().get(path)).status_code in (303, 401)
    assert await talk.database.audit.about(f"recording:{TALK}") == ()


async def test_what_is_gone_thrown_away_or_no_recording_is_not_found(talk: Console) -> None:
    client = await talk.signed_in("rui")
    folder = talk.parts.settings.recordings_dir
    (folder / "text.wav").write_text("no sound")
    for name, file in (("gone", "gone.wav"), ("text", "text.wav"), ("out", "../hotline.db")):
        await talk.database.recordings.begin(name, purpose="claim", call="call-2", worker="w1", file=file)
        assert (await client.get(f"/recordings/{name}/audio")).status_code == 404
        assert (await client.get(f"/recordings/{name}/peaks")).status_code == 404
    await talk.database.recordings.discard(TALK)
    assert (await client.get(f"/recordings/{TALK}/audio")).status_code == 404
    assert (await client.get("/recordings/nothing/audio")).status_code == 404


async def test_the_api_tells_of_a_recording(talk: Console) -> None:
    client = await talk.signed_in("rui")
    told = (await client.get(f"/api/recordings/{TALK}")).json()
    assert (told["purpose"], told["seats"], told["consent"]) == ("talk", ["seat1"], "announced")
