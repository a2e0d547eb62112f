"""The notation of rules that spell numbers: what it says, what are clips, and what is wrong with it."""

from __future__ import annotations

import pytest

from ivr.speech.rules import RuleError, Rulesets, read_ruleset
from ivr.speech.values import NotSpeakableError

ONES = "0: zero; one; two; three; four; five; six; seven; eight; nine"


def rules(**written: str) -> Rulesets:
    return Rulesets({name: read_ruleset(name, text) for name, text in written.items()})


def test_a_rule_without_a_number_is_for_the_next_one() -> None:
    assert rules(a=ONES).spell("a", 7) == ["seven"]


def test_what_is_divided_and_what_remains_are_said_by_rules_of_their_own() -> None:
    both = rules(ones=ONES, tens="0: =ones=; 10: <ones<ty[ >ones>]")
    assert both.spell("tens", 34) == ["three", "ty", "four"]
    assert both.spell("tens", 30) == ["three", "ty"]


def test_a_choice_says_its_second_part_where_nothing_remains() -> None:
    assert rules(a="100: [and some|exactly]").spell("a", 200) == ["exactly"]
    assert rules(a="100: [and some|exactly]").spell("a", 201) == ["and some"]


def test_numbers_in_one_clip_are_said_whole_with_the_spaces_that_are_written() -> None:
    both = rules(ones=ONES, tens="one_clip 0-99; 0: =ones=; 30: thirty[ and >ones>]")
    assert both.spell("tens", 34) == ["thirty and four"]


def test_a_stroke_gives_the_divisor() -> None:
    assert rules(hour="0: twelve; one; 13/12: >hour>").spell("hour", 13) == ["one"]


def test_a_stroke_in_what_is_said_parts_two_clips() -> None:
    assert rules(a="0: oh/one").spell("a", 0) == ["oh", "one"]


def test_the_inventory_holds_every_clip_and_no_other() -> None:
    both = rules(
        ones=ONES, tens="one_clip 0-99; 0: =ones=; 20: twenty[ >ones>]", all="0: =tens=; 100: <ones<hundred"
    )
    said = {
        clip
        for number in range(100)
        for clip in both.spell("tens", number)
        if number < 10 or 20 <= number < 30
    }
    assert said <= set(both.inventory("all"))
    assert "hundred" in both.inventory("all")
    assert "twenty" in both.inventory("all")
    assert not {"", "tens"} & set(both.inventory("all"))


def test_rules_within_one_clip_are_for_no_number_beyond_it() -> None:
    with pytest.raises(NotSpeakableError, match="100"):
        rules(a="one_clip 0-99; 0: few; 20: many").spell("a", 100)


def test_rules_that_lead_in_a_ring_are_no_endless_loop() -> None:
    with pytest.raises(NotSpeakableError, match="ring"):
        rules(a="0: =b=", b="0: =a=").spell("a", 1)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no rules"),
        ("one_clip 5", "range"),
        ("one_clip 0-9999; 0: x", "at most"),
        ("10: ten; 5: five", "order"),
        ("0: <<", "cannot be divided"),
        ("5/9: x", "divisor"),
        ("0: a < b", "cannot be read"),
        ("0: [open", "cannot be read"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(written: str, why: str) -> None:
    with pytest.raises(RuleError, match=why):
        read_ruleset("a", written)
