"""What a call has shown of its caller, told by its trace over the flows that come with the hotline."""

from __future__ import annotations

import pytest

from ivr.app import load_content
from ivr.flow import FlowLibrary
from ivr.flow import trace as told
from ivr.services.journey import Journey
from ivr.settings import Settings


@pytest.fixture(scope="module")
def library() -> FlowLibrary:
    return load_content(Settings(_env_file=None)).flows.current


@pytest.fixture
def journey(library: FlowLibrary) -> Journey:
    return Journey("call-1", "+8613900001111", library)


def test_a_journey_knows_where_the_caller_went_but_not_where_everybody_passes(journey: Journey) -> None:
    for flow in ("main", "premium_enquiry", "identify_caller", "products", "premium_enquiry", "cross_sell"):
        journey.saw([told.FlowEntered(1.0, flow, "1")])

    assert journey.visited == ["main", "premium_enquiry", "products"]
    assert journey.matters == set()


@pytest.mark.parametrize(
    ("flow", "step", "matter"),
    [
        ("claim_report", "emergency", "claim"),
        ("claim_progress", "who", "claim"),
        ("claim_guide", "what", "claim"),
        ("claim_guide", "death", "bereavement"),
        ("leave_message", "complaint", "complaint"),
        ("complaint_notice", "tell", "complaint"),
        ("policy_service_guide", "surrender", "cancellation"),
        ("insurance_knowledge", "cooling_off", "cancellation"),
    ],
)
def test_what_a_caller_minds_is_named_by_the_flows(
    journey: Journey, flow: str, step: str, matter: str
) -> None:
    journey.saw([told.FlowEntered(1.0, flow, "1"), told.StepEntered(1.0, flow, step)])

    assert matter in journey.matters


def test_ordinary_steps_are_no_matter(journey: Journey) -> None:
    for flow, step in (("leave_message", "kind"), ("policy_service_guide", "contact"), ("products", "class")):
        journey.saw([told.FlowEntered(1.0, flow, "1"), told.StepEntered(1.0, flow, step)])

    assert journey.matters == set()


def test_a_reason_for_wanting_a_person_may_be_a_matter(journey: Journey) -> None:
    journey.asks_for_person("", {"reason": "policy"})
    assert (journey.wants_person, journey.matters) == (True, set())
    journey.asks_for_person("", {"reason": "claim"})
    assert journey.matters == {"claim"}


def test_whoever_goes_to_hear_a_suggestion_has_not_asked_for_a_person(journey: Journey) -> None:
    journey.asks_for_person("suggestion", {"product": "product_name.accident"})

    assert not journey.wants_person


def test_whoever_was_locked_out_may_be_somebody_else(journey: Journey) -> None:
    journey.saw([told.ServiceAnswered(1.0, "identify_caller", "check_pin", "identity.verify", "locked", 5)])

    assert journey.matters == {"fraud"}


def test_silences_waits_failures_and_messages_are_counted(journey: Journey) -> None:
    journey.saw(
        [
            told.Missed(1.0, "main", "menu", "no_input", 1),
            told.Missed(2.0, "main", "menu", "no_match", 1),
            told.TransferAsked(10.0, "person", "person", "service", ""),
            told.TransferEnded(42.0, "person", "person", "service", "timeout"),
            told.TransferAsked(50.0, "person", "person", "service", ""),
            told.TransferEnded(90.0, "person", "person", "service", "answered"),
        ]
    )
    assert (journey.repeats, journey.waited) == (2, 32.0)
    assert not journey.in_trouble
    assert not journey.left_message
    journey.saw([told.FlowEntered(91.0, "trouble", "1"), told.RecordingSettled(95.0, "r1", True)])
    assert journey.in_trouble
    assert journey.left_message
