"""A few thousand mutations break no promise; `python -m tests.sip.fuzz` does millions."""

import random

import pytest

from ivr.sip.message import parse
from ivr.sip.sdp import parse_session
from tests.sip.fuzz import SDP, SEEDS, BrokenPromiseError, Checker, check_media, fuzz, mutated, promise


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_break_no_promise(seed: int) -> None:
    run = fuzz(2_000, seed)
    assert run.broken is None
    assert run.messages == 2_000
    # The run means something only if it goes deep: messages are read and answered, streams agreed on.
    assert run.outcomes["read"] > 300
    assert run.outcomes["answered"] > 300
    assert run.outcomes["sdp agreed"] > 200
    assert run.corpus > len(SEEDS)


def test_the_same_seed_mutates_the_same() -> None:
    first, second = (mutated(SEEDS[-1], SEEDS, random.Random(5)) for _ in range(2))
    assert first == second != SEEDS[-1]


def test_every_seed_keeps_the_promises_unchanged() -> None:
    checker = Checker()
    for seed in SEEDS:
        checker.check(seed)
    assert checker.outcomes["read"] > 30


def test_a_broken_promise_is_noticed() -> None:
    with pytest.raises(BrokenPromiseError):
        promise(False, "x")
    media = parse_session(SDP).audio[0]
    object.__setattr__(media, "port", 70_000)
    with pytest.raises(BrokenPromiseError):
        check_media(media)
    message = parse(SEEDS[-1])
    message.via.params["rport"] = "70000"
    with pytest.raises(ValueError):
        Checker()._validated(message)
