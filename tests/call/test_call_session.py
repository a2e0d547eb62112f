"""One call: what the flows ask for is done, what the caller does is told, and the record is complete."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from call_kit import PIN, Calls, Database, House, PlainSpeaker, SpeakerThatFails

from ivr.call.journal import CallJournal
from ivr.call.session import MAILBOX_LIMIT, CallSession
from ivr.call.transfers import NoSeats
from ivr.errors import ServiceError
from ivr.flow import Engine
from ivr.flow.values import Level
from ivr.lines.base import KeyDown, Leg, MediaReport, PlayEnded
from ivr.lines.script import HangUp, Hold, Keys, ScriptedCaller, ScriptLeg, ScriptLine, Speak, Wait, WaitFor
from ivr.services import Outcome, ProofBook, ServiceRegistry
from ivr.speech import Speaker


async def record_of(house: House, call_id: str = "call-1"):
    record = await house.database.calls.find(call_id)
    assert record is not None
    return record


async def test_a_call_is_answered_greeted_and_recorded_as_hung_up_by_its_caller(house: House) -> None:
    caller = await house.call(WaitFor("menu"), HangUp(), number="13900001111", dialled="95500")

    assert caller.rang
    assert caller.heard[:2] == ("hello", "menu")
    record = await record_of(house)
    assert (record.state, record.end_reason, record.caller, record.called) == (
        "finished", "caller_hung_up", "13900001111", "95500",
    )  # fmt: skip
    assert (record.worker, record.channel, record.flow, record.language) == (
        "worker-0",
        "script",
        "main",
        "en",
    )


async def test_a_caller_who_gives_up_before_the_answer_is_recorded_as_abandoned(house: House) -> None:
    caller = ScriptedCaller()
    line = ScriptLine(house.clock)
    tasks: list[asyncio.Task[None]] = []

    def take(leg: Leg) -> None:
        tasks.append(asyncio.create_task(CallSession(leg, "call-1", house.parts).run()))
        caller.phone.hang_up()

    await line.start(take)
    line.call(caller)
    await house.clock.run(tasks[0].done)

    assert (await record_of(house)).end_reason == "abandoned"
    assert await house.timeline() == []


async def test_the_line_going_down_is_not_taken_for_a_caller_who_hung_up(house: House) -> None:
    caller = ScriptedCaller([WaitFor("never")])
    task = await house.start(caller)
    await house.clock.run(lambda: "menu" in caller.heard)
    caller.phone._leg.end("line", 503)
    await house.clock.run(task.done)

    assert (await record_of(house)).end_reason == "line_failed"


async def test_how_the_caller_was_heard_is_in_the_timeline_and_on_the_record(house: House) -> None:
    caller = ScriptedCaller([WaitFor("never")])
    task = await house.start(caller)
    await house.clock.run(lambda: "menu" in caller.heard)
    quality = {"mos": 4.2, "loss": 0.01, "jitter_ms": 3.5, "round_trip_ms": None}
    caller.phone._leg.emit(MediaReport(quality))
    caller.phone.hang_up()
    await house.clock.run(task.done)

    record = await record_of(house)
    assert (record.mos, record.loss, record.jitter_ms) == (4.2, 0.01, 3.5)
    (entry,) = [entry for entry in await house.database.calls.timeline("call-1") if entry.kind == "media"]
    assert entry.data == quality


async def test_the_report_of_a_call_that_we_ended_is_kept_too(house: House) -> None:
    caller = ScriptedCaller([WaitFor("never")])
    task = await house.start(caller)
    await house.clock.run(lambda: "menu" in caller.heard)
    leg = caller.phone._leg
    house.sessions[0].end("drained")
    leg._desk.emit(MediaReport({"mos": 2.5, "loss": None, "jitter_ms": None}))
    await house.clock.run(task.done)

    record = await record_of(house)
    assert (record.end_reason, record.mos, record.loss) == ("drained", 2.5, None)


async def test_a_key_silences_the_prompt_and_is_answered(house: House) -> None:
    caller = await house.call(WaitFor("menu", until="begins"), Keys("5"), WaitFor("good"), HangUp())

    assert caller.stuck is None
    assert house.registry.get_sample_value("hotline_key_to_prompt_seconds_count") == 1
    assert house.registry.get_sample_value("hotline_key_to_prompt_seconds_sum") < 0.1


async def test_a_prompt_that_answers_the_clock_is_not_counted_as_an_answer_to_a_key(house: House) -> None:
    await house.call(WaitFor("menu"), Keys("1"), WaitFor("ask_pin"), Keys("7"), Wait(60))

    assert house.registry.get_sample_value("hotline_key_to_prompt_seconds_count") == 1


async def test_the_level_of_a_verified_caller_is_on_record(house: House) -> None:
    await house.call(WaitFor("menu"), Keys("1"), WaitFor("ask_pin"), Keys(PIN), WaitFor("verified"), HangUp())

    assert (await record_of(house)).level == 2


async def test_the_policy_of_a_verified_caller_is_noted_and_of_a_refused_one_is_not(house: House) -> None:
    calls = Calls()
    house.change(journal=CallJournal(Database(calls), "worker-0", house.folder / "unwritten", gather=0.0))
    await house.call(WaitFor("menu"), Keys("1000000"), WaitFor("refused"), HangUp(), call_id="a")
    assert not [facts for facts in calls.updates if "policy" in facts]
    await house.call(WaitFor("menu"), Keys("1" + PIN), WaitFor("verified"), HangUp(), call_id="b")

    assert [facts["policy"] for facts in calls.updates if "policy" in facts] == ["86001234"]


async def test_a_refused_caller_stays_anonymous_on_record(house: House) -> None:
    await house.call(WaitFor("menu"), Keys("1000000"), WaitFor("refused"), HangUp())

    assert (await record_of(house)).level == 0


async def test_no_key_of_a_sensitive_step_is_in_timeline_or_log(house: House) -> None:
    with structlog.testing.capture_logs() as logged:
        caller = await house.call(
            WaitFor("menu"), Keys("1"), WaitFor("ask_pin"), Keys(PIN), WaitFor("verified"), HangUp()
        )

    assert [one.what for one in caller.transcript].count("key •") == len(PIN), "the leg was told to mask"
    timeline = await house.database.calls.timeline("call-1")
    used = [entry.data["key"] for entry in timeline if entry.kind == "key_used"]
    assert used == ["1", *"••••••"]
    assert PIN not in str(timeline) + str(logged)
    for path in house.folder.rglob("*"):
        assert path.is_dir() or PIN.encode() not in path.read_bytes(), path


async def failing() -> Outcome:
    raise RuntimeError(f"could not look up {PIN}")


async def never() -> Outcome:
    await asyncio.Event().wait()
    return Outcome()


async def refusing() -> Outcome:
    raise ServiceError("not for you", code="LEVEL")


@pytest.mark.parametrize(
    ("does", "said", "outcome", "code"),
    [
        (lambda: Outcome(), "good", "ok", ""),
        (lambda: Outcome("refused"), "refused", "refused", ""),
        (lambda: Outcome("undeclared"), "bad", "error", None),
        (failing, "bad", "error", None),
        (refusing, "bad", "error", "LEVEL"),
        (never, "slow", "timeout", ""),
    ],
)
async def test_whatever_a_service_does_the_flow_hears_an_outcome(
    house: House, does, said, outcome, code
) -> None:
    house.services.ask_does = does
    with structlog.testing.capture_logs() as logged:
        caller = await house.call(WaitFor("menu"), Keys("5"), WaitFor(said), HangUp())

    assert caller.stuck is None
    answered = next(
        one for one in await house.database.calls.timeline("call-1") if one.kind == "service_answered"
    )
    assert answered.data["outcome"] == outcome
    assert code is None or answered.data["code"] == code
    assert PIN not in str(logged) + str(answered)


async def test_services_run_after_the_hang_up_and_know_of_the_call(house: House) -> None:
    await house.call(WaitFor("menu"), HangUp(), number="13900001111")

    (context,) = house.services.noted
    assert (context.call_id, context.caller, context.language) == ("call-1", "13900001111", "en")
    assert "call-1" in context.idempotency_key
    assert context.now.tzinfo is not None


async def test_a_message_is_recorded_reviewed_and_kept_with_its_mailbox_and_reason(house: House) -> None:
    caller = await house.call(
        WaitFor("menu"), Keys("2"), WaitFor("speak_now"), Wait(1), Speak(4.0), Keys("#"),
        WaitFor("review"), Keys("3"), WaitFor("playback"), Keys("1"), WaitFor("saved"), HangUp(),
    )  # fmt: skip

    assert caller.stuck is None
    (row,) = await house.database.recordings.of_call("call-1")
    assert (row.state, row.confirmed, row.mailbox, row.reason, row.purpose) == (
        "kept", True, "service", "complaint", "voicemail",
    )  # fmt: skip
    assert row.seconds == pytest.approx(4.5, abs=0.5)
    file = house.recordings / row.file
    assert file.stat().st_size == row.size > 20_000
    assert any(str(file) in text for text in caller.heard), "it was not played back"
    assert house.notes() == []


async def test_a_message_recorded_again_replaces_the_first(house: House) -> None:
    await house.call(
        WaitFor("menu"), Keys("2"), WaitFor("speak_now"), Wait(1), Speak(3.0), Keys("#"),
        WaitFor("review"), Keys("2"), Wait(1), Speak(6.0), Keys("#"), WaitFor("review"), Keys("1"), WaitFor("saved"),
        HangUp(),
    )  # fmt: skip

    first, second = await house.database.recordings.of_call("call-1")
    assert (first.state, second.state) == ("discarded", "kept")
    assert [path.name for path in house.recordings.rglob("*.wav")] == [Path(second.file).name]


async def test_hanging_up_while_speaking_keeps_what_was_said(house: House) -> None:
    await house.call(WaitFor("menu"), Keys("2"), WaitFor("speak_now"), Wait(1), Speak(5.0), HangUp())

    (row,) = await house.database.recordings.of_call("call-1")
    assert (row.state, row.why) == ("kept", "hang_up")
    assert row.seconds > 4
    assert (house.recordings / row.file).exists()
    assert house.services.noted
    assert house.notes() == []


async def test_an_answer_cut_off_by_the_hang_up_belongs_to_its_claim_report(house: House) -> None:
    await house.call(
        WaitFor("menu"), Keys("3"), WaitFor("speak_now"), Wait(1), Speak(5.0), HangUp(), number="139"
    )

    report = await house.database.claims.resumable("139")
    claim = await house.database.claims.find(report.number)
    (row,) = await house.database.recordings.of_call("call-1")
    assert claim.recordings == {"what": (row.id,)}
    assert row.claim == claim.id


async def test_a_recording_asked_for_as_the_caller_goes_leaves_no_empty_message_and_no_wait(
    house: House,
) -> None:
    caller = ScriptedCaller([WaitFor("menu"), Keys("2"), WaitFor("never")])
    task = await house.start(caller)
    await house.clock.run(lambda: "speak_now" in caller.heard)
    leg = house.sessions[0]._leg
    leg.emit(PlayEnded(caller._playing.token))  # upon this the flow records; the caller is gone before it can
    caller.phone.hang_up()
    await house.clock.run(task.done)

    assert house.clock.time() < 20, "the call waited for a recording that never began"
    (row,) = await house.database.recordings.of_call("call-1")
    assert row.state == "discarded"
    assert house.services.noted
    assert house.notes() == []


async def test_without_a_place_to_record_the_caller_is_told(house: House) -> None:
    house.recordings.write_text("a file where the folder should be")

    caller = await house.call(WaitFor("menu"), Keys("2"), WaitFor("words_kept"), HangUp())

    assert caller.stuck is None


async def test_with_the_database_locked_the_caller_is_told_and_no_word_is_lost(house: House, locker) -> None:
    caller = ScriptedCaller(
        [
            WaitFor("menu"),
            Keys("2"),
            WaitFor("speak_now"),
            Wait(1),
            Speak(4.0),
            Keys("#"),
            WaitFor("words_kept"),
            HangUp(),
        ]
    )
    task = await house.start(caller)
    await house.clock.run(lambda: "speak_now" in caller.heard)
    locker.lock()
    await house.clock.run(task.done)
    assert caller.stuck is None
    (note,) = house.notes()
    locker.free()

    assert await house.parts.vault.recover() == [note.stem]
    (row,) = await house.database.recordings.of_call("call-1")
    assert (row.state, row.confirmed, row.mailbox) == ("kept", True, "service")
    assert row.seconds == pytest.approx(4.5, abs=0.5)
    await house.parts.journal.recover()
    assert (await record_of(house)).state == "finished"


async def test_a_speaker_that_fails_ends_the_call_with_a_word_of_apology(house: House) -> None:
    house.change(speaker=SpeakerThatFails("broken"))
    with structlog.testing.capture_logs() as logged:
        caller = await house.call(WaitFor("menu"), Keys("6"), WaitFor("never"))

    assert caller.heard[-1] == "system_error"
    assert caller.end.by == "us"
    assert (await record_of(house)).end_reason == "error"
    assert "fault" in await house.timeline()
    assert house.services.noted, "what flows do after a hang-up was left out"
    assert house.registry.get_sample_value("hotline_flow_faults_total", {"code": "RuntimeError"}) == 1
    assert [entry["event"] for entry in logged] == ["call failed"]


async def test_a_speaker_that_cannot_even_apologise_hangs_up_at_once(house: House) -> None:
    house.change(speaker=SpeakerThatFails("hello", "system_error"))

    caller = await house.call(WaitFor("never"))

    assert caller.heard == ()
    assert caller.end.by == "us"
    assert (await record_of(house)).end_reason == "error"


class EngineThatFails(Engine):
    """Fails at a key, in the middle of whatever goes on."""

    def handle(self, state, event):
        if type(event).__name__ == "KeyPressed":
            raise ZeroDivisionError
        return super().handle(state, event)


async def test_an_engine_that_fails_in_mid_recording_apologises_and_keeps_what_was_said(house: House) -> None:
    library = house.parts.engine().library
    good = Engine(library)
    house.change(engine=lambda: good)
    caller = ScriptedCaller(
        [WaitFor("menu"), Keys("2"), WaitFor("speak_now"), Wait(1), Speak(5.0), Keys("#"), WaitFor("never")]
    )
    task = await house.start(caller)
    await house.clock.run(lambda: "speak_now" in caller.heard)
    house.sessions[0]._engine = EngineThatFails(library)
    await house.clock.run(task.done)

    assert caller.heard[-1] == "system_error"
    (row,) = await house.database.recordings.of_call("call-1")
    assert (row.state, row.confirmed) == ("kept", True)
    assert row.seconds > 4
    assert house.notes() == []


async def test_an_engine_that_cannot_begin_apologises_in_the_hotlines_first_language(house: House) -> None:
    class CannotBegin(Engine):
        def start(self, *arguments, **more):
            raise ZeroDivisionError

    engine = CannotBegin(house.parts.engine().library)
    house.change(engine=lambda: engine)

    caller = await house.call(WaitFor("never"))

    assert caller.heard == ("system_error",)
    assert (await record_of(house)).end_reason == "error"


async def test_after_a_failure_the_flows_go_through_all_they_do_after_a_hang_up(house: House) -> None:
    house.change(speaker=SpeakerThatFails("saved"))
    caller = await house.call(
        WaitFor("menu"), Keys("3"), WaitFor("speak_now"), Wait(1), Speak(5.0), Keys("#"), WaitFor("never"),
        number="139",
    )  # fmt: skip

    assert caller.heard[-1] == "system_error"
    services = [
        entry.data["service"]
        for entry in await house.database.calls.timeline("call-1")
        if entry.kind == "service_answered"
    ]
    assert services == ["claim.begin", "claim.attach", "demo.note"]


async def test_an_apology_is_cut_short_by_a_caller_who_hangs_up(house: House) -> None:
    house.change(speaker=SpeakerThatFails("broken"))

    caller = await house.call(WaitFor("menu"), Keys("6"), WaitFor("system_error", until="begins"), HangUp())

    assert caller.end.by == "caller"
    assert (await record_of(house)).end_reason == "error"
    assert house.services.noted


class TransfersThatFail(NoSeats):
    async def transfer(self, call_id, leg, request, **facts):
        raise ConnectionError("the seats are away")


async def test_a_transfer_that_fails_is_closed_to_the_flow(house: House) -> None:
    house.change(transfers=TransfersThatFail())

    caller = await house.call(WaitFor("menu"), Keys("4"), WaitFor("closed"), HangUp())

    assert caller.stuck is None


class EndlessTransfers(NoSeats):
    """Rings at seats for ever; notes that it was told to stop."""

    def __init__(self) -> None:
        self.begun = False
        self.cancelled = False

    async def transfer(self, call_id, leg, request, **facts):
        self.begun = True
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


async def test_a_transfer_ends_at_once_when_its_caller_hangs_up(house: House) -> None:
    transfers = EndlessTransfers()
    house.change(transfers=transfers)
    seen: list[bool] = []
    house.services.note_does = lambda: seen.append(transfers.cancelled)
    caller = ScriptedCaller([WaitFor("menu"), Keys("4"), Wait(30), HangUp()])
    task = await house.start(caller)
    began = asyncio.get_running_loop().time()
    await house.clock.run(task.done)

    assert seen == [True], "it went on while the flow came to its end"
    assert asyncio.get_running_loop().time() - began < 2
    assert (await record_of(house)).end_reason == "caller_hung_up"


class ListeningTransfers(NoSeats):
    """A person comes after the caller has pressed 5; notes what it was told."""

    def __init__(self) -> None:
        self.keys = ""
        self.heard: list[str] = []
        self.level = -1
        self.ended: list[str] = []
        self.came = asyncio.Event()

    async def transfer(self, call_id, leg, request, *, level=0, **facts):
        self.level = level
        leg.play([], token="seats:1", text="one moment")
        await self.came.wait()
        return "closed"

    def told(self, call_id, event):
        if isinstance(event, PlayEnded):
            self.heard.append(event.token)
            return
        self.keys += event.key
        if event.key == "5":
            self.came.set()

    async def over(self, call_id):
        self.ended.append(call_id)


async def test_keys_pressed_on_the_way_to_a_person_are_not_the_flow_s(house: House) -> None:
    transfers = ListeningTransfers()
    house.change(transfers=transfers)

    caller = await house.call(
        WaitFor("menu"), Keys("4"), WaitFor("one moment"), Keys("99"), Keys("5"), WaitFor("closed"), HangUp()
    )

    assert caller.stuck is None
    assert (transfers.keys, transfers.heard, transfers.level) == ("995", ["seats:1"], 0)
    assert transfers.ended == ["call-1"]


async def test_a_drained_call_is_hung_up_and_what_was_being_said_is_kept(house: House) -> None:
    caller = ScriptedCaller(
        [WaitFor("menu"), Keys("2"), WaitFor("speak_now"), Wait(1), Speak(3.0), WaitFor("never")]
    )
    task = await house.start(caller)
    await house.clock.run(lambda: house.clock.time() > 6)
    house.sessions[0].end("drained")
    await house.clock.run(task.done)

    assert caller.end.by == "us"
    assert (await record_of(house)).end_reason == "drained"
    (row,) = await house.database.recordings.of_call("call-1")
    assert row.state == "kept"
    assert row.seconds > 2
    assert house.notes() == []


async def test_being_put_on_hold_is_in_the_timeline(house: House) -> None:
    await house.call(WaitFor("menu", until="begins"), Hold(5), WaitFor("menu"), HangUp())

    timeline = await house.timeline()
    assert timeline.index("held") < timeline.index("resumed")


async def test_the_timeline_is_numbered_without_gaps_and_ends_with_the_call(house: House) -> None:
    await house.call(WaitFor("menu"), Keys("5"), WaitFor("good"), HangUp())

    timeline = await house.database.calls.timeline("call-1")
    assert [entry.seq for entry in timeline] == list(range(len(timeline)))
    assert [entry.at for entry in timeline] == sorted(entry.at for entry in timeline)
    assert "call_ended" in [entry.kind for entry in timeline]


async def test_a_flood_of_keys_does_not_fill_the_mailbox(house: House) -> None:
    caller = ScriptedCaller([WaitFor("never")])
    task = await house.start(caller)
    await house.clock.run(lambda: "menu" in caller.heard)
    for _ in range(5000):
        house.sessions[0]._post(KeyDown("9"))
    assert len(house.sessions[0]._mailbox) == MAILBOX_LIMIT
    caller.phone.hang_up()
    await house.clock.run(task.done)

    assert (await record_of(house)).state == "finished", "a full mailbox must still take the end of the call"


async def test_each_call_is_counted_once_under_its_outcome(house: House) -> None:
    await house.call(WaitFor("menu"), HangUp(), call_id="a")
    await house.call(WaitFor("menu"), Keys("999"), WaitFor("never"), call_id="b")

    value = house.registry.get_sample_value
    assert value("hotline_calls_active") == 0
    assert value("hotline_calls_total", {"outcome": "caller_hung_up"}) == 1
    assert value("hotline_calls_total", {"outcome": "trouble"}) == 1
    assert value("hotline_call_seconds_count") == 2


async def test_what_services_remember_of_a_call_is_forgotten_with_it(house: House) -> None:
    proofs = ProofBook()
    proofs.raise_policy("call-1", "86001234", Level.VERIFIED)
    house.change(services=ServiceRegistry([house.services], proofs))

    await house.call(WaitFor("menu"), HangUp())

    assert proofs.of("call-1").latest is None


class DeafLeg:
    """A leg that does not hear a hang-up, around a real one."""

    def __init__(self, leg: ScriptLeg) -> None:
        self._leg = leg

    def __getattr__(self, name: str):
        return getattr(self._leg, name)

    def hang_up(self, reason: str = "normal") -> None:
        """Nothing happens."""


async def test_a_leg_that_never_ends_does_not_keep_the_call_for_ever(house: House) -> None:
    house.change(grace=0.05)
    caller = ScriptedCaller([WaitFor("menu"), Keys("999"), WaitFor("never")])
    line = ScriptLine(house.clock)
    tasks: list[asyncio.Task[None]] = []
    await line.start(
        lambda leg: tasks.append(asyncio.create_task(CallSession(DeafLeg(leg), "call-1", house.parts).run()))
    )
    line.call(caller)
    with suppress(TimeoutError):  # nothing more happens in virtual time once the hotline has hung up in vain
        await house.clock.run(tasks[0].done)
    await asyncio.wait(tasks, timeout=5)

    assert tasks[0].done()
    assert (await record_of(house)).end_reason == "trouble"
    await line.stop()


async def test_a_service_that_hangs_when_the_leg_is_gone_is_stopped_in_its_time(house: House) -> None:
    house.change(grace=0.05)
    house.services.ask_does = never

    await house.call(WaitFor("menu"), Keys("5"), HangUp())

    assert house.services.asked
    assert (await record_of(house)).end_reason == "caller_hung_up"


def test_the_fake_speaker_is_asked_as_the_real_one_is() -> None:
    real = list(inspect.signature(Speaker.render).parameters)
    assert list(inspect.signature(PlainSpeaker.render).parameters) == real
