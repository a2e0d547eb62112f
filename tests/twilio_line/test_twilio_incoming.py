"""Calls that come over Twilio: webhook, stream, keys and sound both ways, and everything that is not Twilio's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from twilio_house import ANNA, twilio_house, until

from ivr.media import tones
from ivr.media.clip import Clip
from ivr.media.g711 import Law


def tone(pitch: float, seconds: float) -> Clip:
    return Clip.from_samples((tones.tone(seconds, pitch, level=-20) * 32767).astype(np.int16))


async def test_a_call_is_streamed_to_a_worker_and_sound_and_keys_go_both_ways(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        call = await house.twilio.call(ANNA)
        (talk,) = house.worker.talks
        assert (talk.leg.info.caller, talk.leg.info.called) == (ANNA, house.twilio.number)
        assert talk.leg.info.remote_id == call.sid
        played = tone(440, 0.4)
        talk.leg.play([played], token="p")
        heard: list[bytes] = []
        talk.leg.port.listen(heard.append)
        call.say(tone(900, 0.2).frames(Law.MU))
        await call.press("42#", pause=0.01)
        await until(lambda: talk.keys == "42#")
        await until(lambda: played.frames(Law.MU)[:1600] in bytes(call.stream.heard))
        await until(lambda: tone(900, 0.2).frames(Law.MU)[160:800] in b"".join(heard))
        await call.hang_up()
        await until(lambda: talk.ended)
        assert (talk.events[-1].by, call.status) == ("caller", "completed")


async def test_when_we_hang_up_twilio_ends_the_call(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        call = await house.twilio.call(ANNA)
        house.worker.talks[0].leg.hang_up()
        await call.finished()
        assert call.status == "completed"
        assert "<Hangup" in call.documents[-1]
