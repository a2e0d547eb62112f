"""A call's ears: pre-roll, replaced listenings, and the way from a leg's frames to messages of the call."""

from __future__ import annotations

import sys
from pathlib import Path

from ivr.call.hearing import PRE_ROLL, PortEars, Said, SpeakingBegan
from ivr.clock import SystemClock
from ivr.flow.instructions import Listen
from ivr.lines.base import LegInfo
from ivr.lines.port_leg import PortLeg
from ivr.media.g711 import Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "speech"))

from ears_kit import ANSWER, BEGIN, QUIET, House, recogniser

from ivr.speech.hearing.process import Limits

WANTED = Listen(speech=True, hear={"my policy": "1"}, language="en")


class Told:
    def __init__(self) -> None:
        self.messages: list[object] = []

    def __call__(self, message: object) -> None:
        self.messages.append(message)


def leg_of() -> PortLeg:
    port = AudioPort(Law.MU, post=lambda callback: callback())
    return PortLeg(
        LegInfo("1", "test", "", ""),
        clock=SystemClock(),
        port=port,
        writer=RecordingWriter(),
        post=lambda callback: callback(),
    )


async def until(condition: object) -> None:
    import asyncio

    async with asyncio.timeout(30):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_what_was_said_just_before_the_step_listens_is_heard_with_it(tmp_path: Path) -> None:
    house, told, leg = House(tmp_path), Told(), leg_of()
    async with house.pool.kept(), recogniser(tmp_path, Limits()):
        ears = PortEars(leg, house.pool, house.metrics, told)
        for frame in [BEGIN, *[QUIET] * (PRE_ROLL - 1)]:
            leg.port.frame_received(frame)
        ears.listen(WANTED)
        await until(lambda: told.messages)
        assert told.messages == [SpeakingBegan(ears.listening)]
        leg.port.frame_received(ANSWER)
        await until(lambda: len(told.messages) == 2)
        said = told.messages[1]
        ears.close()
    assert isinstance(said, Said)
    assert said.understood.meaning == "1"
    assert "policy" not in repr(said)


async def test_a_step_without_speech_opens_no_ear_and_a_closed_call_listens_to_no_frame(
    tmp_path: Path,
) -> None:
    house, told, leg = House(tmp_path), Told(), leg_of()
    async with house.pool.kept():
        ears = PortEars(leg, house.pool, house.metrics, told)
        ears.listen(Listen(speech=False, language="en"))
        assert (ears.listening, house.pool.in_use) == (0, 0)
        ears.listen(WANTED)
        assert house.pool.in_use == 1
        ears.close()
        leg.port.frame_received(QUIET)
        assert house.pool.in_use == 0
    assert not told.messages


async def test_where_nobody_can_listen_the_call_is_told_and_the_number_is_that_of_the_step(
    tmp_path: Path,
) -> None:
    house, told, leg = House(tmp_path), Told(), leg_of()
    async with house.pool.kept():
        ears = PortEars(leg, house.pool, house.metrics, told)
        ears.listen(Listen(speech=True, language="fr"))
        (lost,) = told.messages
        assert (lost.listening, lost.why) == (ears.listening, "no_model")  # type: ignore[attr-defined]
        ears.close()
