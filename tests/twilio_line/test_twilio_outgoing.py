"""Calls and messages that we ask Twilio for: every outcome, callbacks that go astray, orders of which nobody knows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twilio_house import House, twilio_house, until

from ivr.errors import OutreachError
from ivr.outreach.carrier import DialOrder, NobodyKnowsError, NotReachedError
from ivr.outreach.sms import SmsError, SmsSender
from ivr.outreach.twilio import TwilioCarrier, TwilioSms
from ivr.testing.twilio import Faults, Person, RestFault

WANG = "+8613900000001"


@dataclass
class Heard:
    """What a carrier has told."""

    ids: list[str] = field(default_factory=list)
    rang: int = 0
    who: list[tuple[str, bool]] = field(default_factory=list)

    def submitted(self, carrier_id: str) -> None:
        self.ids.append(carrier_id)

    def ringing(self) -> None:
        self.rang += 1

    def answered_by(self, who: Any, *, tone: bool = False) -> None:
        self.who.append((who, tone))


def order(key: str = "a-1", to: str = WANG, ring_seconds: float = 5.0, **more: Any) -> DialOrder:
    return DialOrder(key, to, "", ring_seconds, True, "call-1", datetime.now(UTC), **more)


async def test_somebody_who_answers_is_talked_with_and_who_they_are_is_told_on_the_way(
    tmp_path: Path,
) -> None:
    async with twilio_house(
        tmp_path, people={WANG: Person(answered_by="machine_end_beep", detected=0.2)}
    ) as house:
        heard = Heard()
        leg = await TwilioCarrier(house.worker.line).place(order(), heard)
        call = await house.twilio.called(WANG)
        assert (leg.info.caller, leg.info.called, leg.info.remote_id) == (WANG, house.twilio.number, call.sid)
        await until(lambda: bool(heard.who))
        assert (heard.ids, heard.rang, heard.who) == ([call.sid], 1, [("machine", True)])
        await call.press("1")
        leg.hang_up()
        await call.finished()
        assert call.status == "completed"
        assert not house.worker.line.carries("a-1")


async def reached(house: House, key: str = "a-1", to: str = WANG) -> str:
    try:
        leg = await TwilioCarrier(house.worker.line).place(order(key, to), Heard())
    except NotReachedError as error:
        return error.outcome
    leg.hang_up()
    return "answered"


@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        (Person(ends="busy"), "busy"),
        (Person(ends="no-answer"), "no_answer"),
        (Person(ends="failed", sip=404), "invalid_number"),
        (Person(ends="failed", sip=603), "declined"),
        (Person(ends="failed"), "invalid_number"),
        (Person(), "answered"),
    ],
)
@pytest.mark.parametrize("astray", [False, True])
async def test_every_end_is_told_as_it_was_also_when_callbacks_are_doubled_late_and_out_of_order(
    tmp_path: Path, person: Person, outcome: str, astray: bool
) -> None:
    faults = Faults(doubled=2, delay=(0.0, 0.3)) if astray else Faults()
    async with twilio_house(tmp_path, people={WANG: person}, faults=faults) as house:
        placing = asyncio.create_task(reached(house))
        call = await house.twilio.called(WANG)
        if person.ends == "no-answer":
            await until(lambda: call.status == "ringing")
            call.end("no-answer")
        assert await placing == outcome
        await house.twilio.webhooks.settled()


async def test_a_call_of_which_every_word_is_lost_is_asked_about(tmp_path: Path) -> None:
    async with twilio_house(
        tmp_path, people={WANG: Person(ends="busy")}, faults=Faults(lost=frozenset("*"))
    ) as house:
        house.worker.line._look = 0.1
        assert await reached(house) == "busy"


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        ((400, 21211), "invalid_number"),
        ((400, 21214), "invalid_number"),
        ((400, 21219), "invalid_number"),
        ((401, 20003), "unpaid"),
        ((403, 20005), "unpaid"),
        ((400, 21210), "unreachable"),
    ],
)
async def test_what_twilio_refuses_has_a_clear_outcome_and_the_next_is_called_none_the_less(
    tmp_path: Path, refusal: tuple[int, int], outcome: str
) -> None:
    faults = Faults(refused={WANG: refusal})
    async with twilio_house(tmp_path, faults=faults) as house:
        assert await reached(house) == outcome
        assert await reached(house, "a-2", "+8613900000009") == "answered"


async def test_too_many_requests_are_made_again_later_and_at_last_given_up(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        house.worker.line.rest._sleep = sleep
        too_many = RestFault(429, 20429, retry_after=3)
        house.twilio.faults.next("call", too_many, too_many)
        assert await reached(house) == "answered"
        assert pauses == [3.0, 3.0]
        house.twilio.faults.next("call", *[too_many] * 4)
        assert await reached(house, "a-2", "+8613900000009") == "congested"
        assert len(house.twilio.calls) == 1


async def test_a_twilio_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        await house.twilio._runner.cleanup()  # type: ignore[union-attr]
        assert await reached(house) == "unreachable"


async def test_an_order_whose_answer_never_came_is_found_again_and_placed_once(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        house.twilio.faults.next("call", RestFault(done=True))
        assert await reached(house) == "answered"
        assert len(house.twilio.calls) == 1


async def test_an_order_of_which_nobody_knows_is_settled_by_asking(tmp_path: Path) -> None:
    people = {WANG: Person(ends="busy")}
    async with twilio_house(tmp_path, people=people, faults=Faults(lost=frozenset("*"))) as house:
        house.worker.line._search = 0.1
        carrier = TwilioCarrier(house.worker.line)
        house.twilio.faults.next("call", RestFault(done=True))
        house.twilio.faults.next("look", *[RestFault(503)] * 200)
        asked = order()
        with pytest.raises(NobodyKnowsError):
            await carrier.place(asked, Heard())
        house.twilio.faults.rest.clear()
        answer = await carrier.ask(asked)
        assert answer is not None
        assert (answer.outcome, len(house.twilio.calls)) == ("busy", 1)
        house.twilio.faults.next("call", RestFault())
        never = order("a-2", "+8613900000009")
        with pytest.raises(NobodyKnowsError):
            await carrier.place(never, Heard())
        assert await carrier.ask(never) is None
        house.twilio.faults.next("look", RestFault(503))
        with pytest.raises(OutreachError, match="H712"):
            await carrier.ask(order(carrier_id=answer.carrier_id))


async def test_an_order_that_is_given_up_is_ended_at_twilio(tmp_path: Path) -> None:
    async with twilio_house(tmp_path, people={WANG: Person(ends="no-answer")}) as house:
        placing = asyncio.create_task(reached(house))
        call = await house.twilio.called(WANG)
        await until(lambda: call.status == "ringing")
        placing.cancel()
        await call.finished()
        assert call.status == "canceled"


async def test_words_of_calls_that_no_worker_has_are_written_down_forward_only(tmp_path: Path) -> None:
    async with twilio_house(tmp_path, workers=0) as house:
        moves: list[tuple[str, str, str]] = []

        async def moved(key: str, state: str, **known: Any) -> bool:
            moves.append((key, state, known.get("outcome", "")))
            return True

        house.database.outreach.moved = moved  # type: ignore[method-assign, assignment]
        url = f"{house.twilio.public_url}/twilio/status?key=a-1&worker=gone"
        for status in ("ringing", "in-progress", "busy", "completed"):
            house.twilio.webhooks.callback(url, {"CallSid": "CA1", "CallStatus": status})
            await house.twilio.webhooks.settled()
        assert moves == [("a-1", "ringing", ""), ("a-1", "answered", ""), ("a-1", "ended", "busy")]


async def test_a_short_message_is_sent_once_and_one_that_never_arrives_counts_as_failed(
    tmp_path: Path,
) -> None:
    async with twilio_house(tmp_path) as house:
        sender: SmsSender = TwilioSms(house.worker.line.rest)
        failures: list[tuple[int, str, Any]] = []

        async def failed(message: int, problem: str, *, again_at: datetime | None) -> None:
            failures.append((message, problem, again_at))

        house.database.outbox.failed = failed  # type: ignore[method-assign]
        began = datetime.now(UTC).replace(microsecond=0)
        sid = await sender.send_sms(WANG, "您的保费 ¥3,200.00", reference="7")
        assert await sender.send_sms(WANG, "您的保费 ¥3,200.00", reference="7", since=began) == sid
        assert list(house.twilio.messages) == [sid]
        house.twilio.undelivered["+8613900000002"] = 30005
        await sender.send_sms("+8613900000002", "…", reference="8")
        await until(lambda: bool(failures))
        assert failures[0] == (8, "Twilio 30005: not delivered", None)


@pytest.mark.parametrize(
    ("refusal", "never", "whole_line"),
    [
        ((400, 21614), True, False),
        ((401, 20003), False, True),
        ((400, 21610), True, False),
        ((429, 20429), False, True),
    ],
)
async def test_a_message_that_is_refused_says_whether_it_may_be_tried_again(
    tmp_path: Path, refusal: tuple[int, int], never: bool, whole_line: bool
) -> None:
    async with twilio_house(tmp_path, faults=Faults(refused={WANG: refusal})) as house:

        async def sleep(_seconds: float) -> None:
            return

        house.worker.line.rest._sleep = sleep
        with pytest.raises(SmsError) as refused:
            await TwilioSms(house.worker.line.rest).send_sms(WANG, "…")
        assert (refused.value.again_after is None, refused.value.whole_line) == (never, whole_line)
        assert WANG not in str(refused.value)
