"""Calls that come over Twilio: webhook, stream, keys and sound both ways, and everything that is not Twilio's."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSServerHandshakeError
from twilio_house import ANNA, House, twilio_house, until

from ivr.console.twilio.house import house_of
from ivr.console.twilio.messages import bring_in
from ivr.errors import LineError
from ivr.lines.twilio.access import access_of
from ivr.lines.twilio.faults import TwilioError
from ivr.lines.twilio.rest import TwilioRest
from ivr.media import g711, tones
from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.media.wav import read_g711
from ivr.settings import Settings
from ivr.testing.twilio import FakeCall, Person, sign
from policy_db.workers import WorkerFact


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


async def asked(
    house: House, path: str, form: dict[str, str], signature: str | None = None
) -> tuple[int, str]:
    url = f"{house.twilio.public_url}{path}"
    signed = sign(house.twilio.token, url, form) if signature is None else signature
    headers = {"X-Twilio-Signature": signed} if signed else {}
    async with ClientSession() as session, session.post(url, data=form, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("path", ["voice", "after", "dialled", "status", "amd", "message", "recording"])
async def test_what_is_not_signed_by_twilio_is_refused_and_counted(tmp_path: Path, path: str) -> None:
    async with twilio_house(tmp_path) as house:
        form = {"CallSid": "CA1", "From": ANNA}
        for signature in ("", "bm90IHJpZ2h0", sign("another token", house.twilio.voice_url, form)):
            status, text = await asked(house, f"/twilio/{path}", form, signature)
            assert (status, "Stream" in text) == (403, False)
        counts = house_of(house.parts)._metrics.requests
        assert counts.labels(path, "no_signature")._value.get() == 1
        assert counts.labels(path, "wrong_signature")._value.get() == 2


async def test_a_form_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        signature = sign(house.twilio.token, house.twilio.voice_url, {"CallSid": "CA1", "From": ANNA})
        status, _ = await asked(
            house, "/twilio/voice", {"CallSid": "CA1", "From": "+8613999999999"}, signature
        )
        assert status == 403


async def test_without_an_account_there_is_nothing_at_twilios_addresses(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        house.parts.settings = Settings(_env_file=None, data_dir=tmp_path)  # type: ignore[call-arg]
        assert (await asked(house, "/twilio/voice", {}))[0] == 404


async def opened(house: House, signature: str) -> ClientWebSocketResponse:
    url = f"ws{house.twilio.public_url.removeprefix('http')}/twilio/stream"
    session = await house.stack.enter_async_context(ClientSession())
    return await session.ws_connect(
        url, headers={"X-Twilio-Signature": signature or sign(house.twilio.token, url)}
    )


async def test_a_socket_that_is_not_twilios_is_not_opened(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        with pytest.raises(WSServerHandshakeError) as refused:
            await opened(house, "d3Jvbmc=")
        assert refused.value.status == 403


def start(call: str, ticket: str) -> str:
    told = {"streamSid": "MZ1", "callSid": call, "customParameters": {"ticket": ticket}}
    return json.dumps({"event": "start", "streamSid": "MZ1", "start": told})


def ticket_in(document: str) -> str:
    (found,) = ElementTree.fromstring(document).iter("Parameter")
    return found.attrib["value"]


async def test_a_ticket_opens_one_stream_of_its_own_call_and_no_other(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        _, document = await asked(house, "/twilio/voice", {"CallSid": "CA1", "From": ANNA})
        ticket = ticket_in(document)
        for call, given in (("CA2", ticket), ("CA1", ticket[:-2] + "xx"), ("CA1", "")):
            socket = await opened(house, "")
            await socket.send_str(start(call, given))
            assert (await socket.receive()).data == 4403
        first = await opened(house, "")
        await first.send_str(start("CA1", ticket))
        await until(lambda: len(house.worker.talks) == 1)
        again = await opened(house, "")
        await again.send_str(start("CA1", ticket))
        assert (await again.receive()).data == 4403
        await first.close()


async def test_a_webhook_that_comes_again_begins_no_second_call(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        call = await house.twilio.call(ANNA)
        for _ in range(3):
            status, document = await asked(house, "/twilio/voice", call.form())
            assert status == 200
        socket = await opened(house, "")
        await socket.send_str(start(call.sid, ticket_in(document)))
        assert (await socket.receive()).data == 4403
        assert len(house.worker.talks) == 1
        await call.hang_up()


async def test_a_call_that_loses_its_worker_goes_on_with_another(tmp_path: Path) -> None:
    async with twilio_house(tmp_path, workers=2) as house:
        call = await house.twilio.call(ANNA)
        first = next(one for one in house.workers if one.talks)
        other = next(one for one in house.workers if one is not first)
        await first.stop()
        await until(lambda: bool(other.talks))
        await call.until(lambda: len(call.streams) == 2 and call.streaming)
        await call.hang_up()


async def test_where_no_worker_takes_calls_a_message_is_taken_and_brought_in_once(tmp_path: Path) -> None:
    async with twilio_house(tmp_path, workers=0) as house:
        spoken = tone(600, 2.0).frames(Law.MU)
        house.twilio.leaves = spoken
        call = await house.twilio.call(ANNA)
        await call.finished()
        assert len(call.said) == 4
        rest = TwilioRest(access_of(house.parts.settings))
        house.twilio.keep_recording(FakeCall(house.twilio, ANNA, "+14155559999", Person()).sid, spoken)
        try:
            with pytest.raises(TwilioError):  # a recording of a call that Twilio no longer has
                await bring_in(house.parts, rest)
            await bring_in_all(house, rest)
            (message,) = await house.database.recordings.mailbox("service")
            assert (message.caller, message.reason, round(message.seconds)) == (ANNA, "fallback", 2)
            kept = read_g711(house.parts.settings.recordings_dir / message.file)
            assert kept is not None
            assert np.corrcoef(samples(kept.audio), samples(spoken))[0, 1] > 0.95
            assert not house.twilio.recordings
        finally:
            await rest.close()


async def bring_in_all(house: House, rest: TwilioRest) -> None:
    house.twilio.recordings = {
        sid: one for sid, one in house.twilio.recordings.items() if one.call in house.twilio.calls
    }
    await asyncio.gather(bring_in(house.parts, rest), bring_in(house.parts, rest))


def samples(audio: bytes) -> np.ndarray:
    return g711.decode(audio, Law.MU)[:15000].astype(float)


async def test_a_webhook_that_hangs_leaves_the_caller_to_the_fallback_document(tmp_path: Path) -> None:
    async with twilio_house(tmp_path, webhook_timeout=0.2) as house:
        house.twilio.fallback_url = f"{house.twilio.public_url}/twilio/fallback"

        async def never(*_given: object) -> tuple[WorkerFact, ...]:
            await asyncio.sleep(30)
            return ()

        house.database.workers.serving = never  # type: ignore[method-assign]
        call = await house.twilio.call(ANNA)
        await call.finished()
        assert call.said
        assert "<Record" in call.documents[0]
        assert not house.worker.talks


async def test_whom_we_send_to_an_outside_number_talks_there_and_comes_back_if_nobody_answers(
    tmp_path: Path,
) -> None:
    people = {"+8613900000001": Person(ends="busy"), "+8613900000002": Person()}
    async with twilio_house(tmp_path, people=people) as house:
        call = await house.twilio.call(ANNA)
        assert await house.worker.talks[0].leg.send_away("+8613900000001") == 200
        await until(lambda: len(house.worker.talks) == 2)
        assert house.worker.talks[0].ended
        assert await house.worker.talks[1].leg.send_away("+8613900000002") == 200
        await call.finished()
        assert call.dialled == ["+8613900000001", "+8613900000002"]
        with pytest.raises(LineError, match="H212"):
            await house.worker.talks[1].leg.send_away("anna")
        assert await house.worker.talks[1].leg.send_away("+8613900000002") == 503


async def test_a_full_line_leaves_the_caller_to_the_message_document(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        house.worker.line.settings = replace(house.worker.line.settings, most_calls=1)
        first = await house.twilio.call(ANNA)
        second = await house.twilio.call("+8613800138001")
        await second.finished()
        assert "<Record" in second.documents[1]
        await first.hang_up()
