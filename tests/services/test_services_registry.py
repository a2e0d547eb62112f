import asyncio
from datetime import UTC, datetime

import pytest

from ivr.flow.values import Level, Secret
from ivr.services import Outcome, ServiceContext, ServiceRegistry, hotline_signatures, service, signatures_of
from ivr.services.errors import (
    LevelRefusedError,
    ServiceFailedError,
    UndeclaredOutcomeError,
    UnknownServiceError,
    WrongArgumentsError,
)
from ivr.services.proof import ProofBook
from ivr.services.types import DIGITS, INTEGER, SECRET, TEXT, optional, record

CONTEXT = ServiceContext(call_id="call-1", now=datetime(2026, 3, 10, tzinfo=UTC))


class Kitchen:
    """Services that do what the tests need."""

    @service(
        "kitchen.cook", inputs={"dish": TEXT, "guests": optional(INTEGER)}, outcomes={"ok": record(dish=TEXT)}
    )
    async def cook(self, context, dish, guests):
        """Cook a dish.

        With more words than the summary has.
        """
        return Outcome(value={"dish": f"{dish} for {guests or 1}"})

    @service("kitchen.safe", inputs={"code": SECRET}, outcomes={"ok": None}, level=Level.VERIFIED)
    async def safe(self, context, code):
        """Open the safe."""
        raise RuntimeError(f"wrong {code.reveal()}")

    @service("kitchen.break", outcomes={"ok": None})
    async def drop(self, context):
        """Break a plate."""
        raise RuntimeError("plate")

    @service("kitchen.odd", outcomes={"ok": None})
    async def odd(self, context):
        """Answer oddly."""
        return Outcome("burnt")

    @service("kitchen.wait", outcomes={"ok": None})
    async def wait(self, context):
        """Never end."""
        await asyncio.Event().wait()


@pytest.fixture
def kitchen():
    return ServiceRegistry([Kitchen()])


async def test_a_service_runs_by_name_and_optional_inputs_left_out_are_null(kitchen):
    alone = await kitchen.run("kitchen.cook", {"dish": "rice"}, CONTEXT)
    party = await kitchen.run("kitchen.cook", {"dish": "rice", "guests": 8}, CONTEXT)

    assert (alone.outcome, alone.value["dish"], party.value["dish"]) == ("ok", "rice for 1", "rice for 8")


def test_a_signature_is_read_from_the_class_without_an_instance():
    signature = signatures_of([Kitchen])["kitchen.safe"]

    assert signature.level is Level.VERIFIED
    assert dict(signature.inputs) == {"code": SECRET}
    assert signatures_of([Kitchen])["kitchen.cook"].summary == "Cook a dish."


async def test_an_unknown_service_is_named_with_those_there_are(kitchen):
    with pytest.raises(UnknownServiceError, match=r"H401 .*kitchen\.cook"):
        await kitchen.run("kitchen.fry", {}, CONTEXT)


async def test_missing_and_unknown_arguments_are_named(kitchen):
    with pytest.raises(WrongArgumentsError, match=r"H402 .*lacks 'dish' and does not take 'wine'"):
        await kitchen.run("kitchen.cook", {"wine": "red"}, CONTEXT)


async def test_a_required_argument_that_is_null_is_missing(kitchen):
    with pytest.raises(WrongArgumentsError, match="lacks 'dish'"):
        await kitchen.run("kitchen.cook", {"dish": None}, CONTEXT)


async def test_a_caller_below_the_level_never_reaches_the_service(kitchen):
    with pytest.raises(LevelRefusedError, match="needs a caller who is verified"):
        await kitchen.run("kitchen.safe", {"code": Secret("1")}, CONTEXT)


async def test_a_failure_is_wrapped_and_keeps_its_cause(kitchen):
    with pytest.raises(ServiceFailedError, match=r"H404 .*RuntimeError") as failed:
        await kitchen.run("kitchen.break", {}, CONTEXT)

    assert str(failed.value.__cause__) == "plate"


async def test_a_failure_of_a_service_that_was_given_a_secret_shows_nothing_of_it(kitchen):
    sure = ServiceContext(call_id="call-1", now=CONTEXT.now, level=Level.VERIFIED)
    with pytest.raises(ServiceFailedError) as failed:
        await kitchen.run("kitchen.safe", {"code": Secret("918273")}, sure)

    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert "918273" not in str(failed.value)


async def test_an_outcome_that_was_not_declared_is_refused(kitchen):
    with pytest.raises(UndeclaredOutcomeError, match=r"H403 .*burnt"):
        await kitchen.run("kitchen.odd", {}, CONTEXT)


async def test_a_timeout_from_outside_stops_a_service(kitchen):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await kitchen.run("kitchen.wait", {}, CONTEXT)


def test_two_services_of_one_name_are_refused():
    class Double:
        @service("kitchen.cook", outcomes={"ok": None})
        async def cook(self, context):
            """Cook too."""

    with pytest.raises(ValueError, match=r"kitchen\.cook"):
        signatures_of([Kitchen, Double])


def test_no_service_that_tells_of_a_policy_is_open_to_an_unverified_caller():
    takers = {
        name: signature.level
        for name, signature in hotline_signatures().items()
        if signature.inputs.get("policy_no") == DIGITS and not name.startswith("identity.")
    }

    assert takers
    assert set(takers.values()) == {Level.VERIFIED}


def test_a_secret_goes_only_to_services_that_are_not_retried():
    for signature in hotline_signatures().values():
        if SECRET in signature.inputs.values():
            assert not signature.idempotent, signature.name


def test_the_book_of_proofs_forgets_the_call_untouched_longest():
    book = ProofBook(most_calls=2)
    book.raise_policy("one", "86001234", Level.VERIFIED)
    book.raise_policy("two", "86001234", Level.VERIFIED)
    book.raise_policy("one", "86005678", Level.IDENTIFIED)
    book.raise_policy("three", "86001234", Level.VERIFIED)

    assert book.level("one", "86001234") is Level.VERIFIED
    assert book.level("two", "86001234") is Level.ANONYMOUS


def test_a_proof_never_falls():
    book = ProofBook()
    book.raise_policy("one", "86001234", Level.VERIFIED)
    book.raise_policy("one", "86001234", Level.IDENTIFIED)

    assert book.level("one", "86001234") is Level.VERIFIED
