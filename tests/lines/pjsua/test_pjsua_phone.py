"""The telephone on the command line, calling the line from a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from desk import TONE, Desk, Reception
from sip_caller import dominant, sine

from ivr.errors import LineError
from ivr.lines.base import Answered, Ended, KeyDown, LegEvent, RecordEnded, RecordRequest
from ivr.lines.phone_script import HangUp, Play, Press, UntilSilence, Wait, parse_script
from ivr.lines.pjsua.phone import PhoneOptions, run_phone
from ivr.media.clip import Clip

HERE = Path(__file__).parent


async def phone(address: str, *arguments: str) -> tuple[int, str]:
    """Run the telephone to its end; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "run_phone.py"),
        address,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 12)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode()


@pytest.mark.sip
async def test_the_phone_hears_presses_keys_and_hangs_up(desk: Desk, tmp_path: Path) -> None:
    def greet(reception: Reception) -> None:
        reception.leg.play([Clip.from_samples(sine(TONE, 0.6))], token="greeting")
        reception.leg.answer()

    desk.on_call = greet
    heard = tmp_path / "heard.wav"
    code, output = await phone(
        f"sip:4001@127.0.0.1:{desk.line.port}", "until-silence:0.3 86001# wait:0.2 hangup", str(heard)
    )
    assert code == 0, output
    reception = desk.calls[0]
    assert reception.keys == "86001#"
    assert {event.source for event in reception.all(KeyDown)} == {"rfc4733"}
    assert (await reception.event(Ended)).by == "caller"
    assert reception.leg.info.caller == "13912345678"
    assert reception.leg.info.called == "4001"
    samples = Clip.from_wav(heard).samples()
    loud = samples[abs(samples.astype(int)) > 300]
    assert abs(dominant(samples[2000:5000]) - TONE) < 10
    assert len(loud) > 3500
    words = [re.split(r"\s+", line.strip(), maxsplit=1)[1] for line in output.splitlines()]
    assert words[1:3] == ["answered", "hears silence"]
    assert words[3:9] == [f"presses {key}" for key in "86001#"]
    assert words[9].startswith("ended by us")


@pytest.mark.sip
async def test_what_the_phone_plays_is_recorded_by_the_line(desk: Desk, tmp_path: Path) -> None:
    Clip.from_samples(sine(900, 0.8)).to_wav(tmp_path / "words.wav")

    def take(reception: Reception) -> None:
        def took(event: LegEvent) -> None:
            reception.took(event)
            if isinstance(event, Answered):
                reception.leg.record(RecordRequest("r", tmp_path / "r.wav", 5.0, 5.0, beep=False))

        reception.leg.attach(took)
        reception.leg.answer()

    desk.on_call = take
    code, output = await phone(
        f"sip:4001@127.0.0.1:{desk.line.port}", f"wait:0.3 play:{tmp_path / 'words.wav'} wait:0.2 hangup"
    )
    assert code == 0, output
    ended = await desk.calls[0].event(RecordEnded)
    samples = Clip.from_wav(ended.path).samples()
    loud = [at for at in range(0, len(samples) - 160, 160) if abs(samples[at : at + 160]).max() > 4000]
    assert 38 <= len(loud) <= 42
    assert abs(dominant(samples[loud[5] : loud[30]]) - 900) < 10


@pytest.mark.sip
async def test_the_phone_ends_when_the_other_side_hangs_up(desk: Desk) -> None:
    def short(reception: Reception) -> None:
        def took(event: LegEvent) -> None:
            reception.took(event)
            if isinstance(event, KeyDown):
                reception.leg.hang_up()

        reception.leg.attach(took)
        reception.leg.answer()

    desk.on_call = short
    code, output = await phone(f"sip:4001@127.0.0.1:{desk.line.port}", "wait:0.1 1 wait:5 2")
    assert code == 0
    assert "ended by the other side: 200" in output
    assert "the rest of the script is left undone" in output


@pytest.mark.sip
async def test_a_refused_call_is_told_with_its_status(desk: Desk) -> None:
    desk.on_call = lambda reception: reception.leg.refuse(486)
    code, output = await phone(f"sip:4001@127.0.0.1:{desk.line.port}")
    assert code == 1
    assert "H210 the call was refused: 486" in output


def test_a_script_that_is_not_understood_names_the_word_and_what_may_stand_there() -> None:
    said: list[str] = []
    assert run_phone(PhoneOptions("sip:1@127.0.0.1", "wait:1 sing"), said.append) == 2
    assert said == [
        "H220 word 2 of the keys, 'sing', is not understood; write wait:SECONDS, until-silence[:SECONDS], "
        "play:FILE, hangup, or keys (0-9 * # A-D)"
    ]


@pytest.mark.parametrize(
    "word", ["wait", "wait:", "wait:x", "wait:-1", "until-silence:x", "play:", "hangup:1", "1;2"]
)
def test_words_that_are_half_right_are_refused(word: str) -> None:
    with pytest.raises(LineError, match="H220"):
        parse_script(word)


def test_every_word_of_a_script_is_read() -> None:
    assert parse_script("wait:3 1 until-silence until-silence:0.5 86001234# play:a.wav hangup") == (
        Wait(3.0),
        Press("1"),
        UntilSilence(),
        UntilSilence(0.5),
        Press("86001234#"),
        Play(Path("a.wav")),
        HangUp(),
    )
