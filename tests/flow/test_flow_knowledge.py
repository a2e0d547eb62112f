# ruff: noqa: E501 - the flows of a table stand in one line each
"""What the checks know at a step: variables on every way, types that join, levels through sub-flows."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_folder import FILES, MANIFEST, one_step_flow, problems_of, write_folder

from ivr.flow import examine, load_flows
from ivr.flow.dataflow import Analysis
from ivr.flow.types import assignable, coerce, join, parse_type, type_text
from ivr.flow.values import Level, Money

IDENTIFY = FILES["identify.yaml"]


def codes(folder: Path, **files: str) -> list[str]:
    return [problem.code for problem in problems_of(folder, **files) if problem.severity == "error"]


def test_a_sub_flow_guarantees_the_level_that_every_way_to_its_outcome_has(tmp_path: Path) -> None:
    analysis = Analysis(load_flows(write_folder(tmp_path), MANIFEST))
    assert analysis.guarantee("identify", "verified") == Level.VERIFIED
    assert analysis.guarantee("identify", "refused") == Level.ANONYMOUS


def test_one_way_round_the_check_takes_the_guarantee_away(tmp_path: Path) -> None:
    leak = IDENTIFY.replace(
        "on: {cancelled: refused}, next: pin}", "on: {cancelled: open}, next: pin}"
    ).replace(
        "  refused: {return: refused}",
        "  open: {set: {found: company}, next: leak}\n"
        "  leak: {return: verified, with: {policy: found.policy}}\n"
        "  refused: {return: refused}",
    )
    found = problems_of(tmp_path, identify=leak)
    assert "F501" in {problem.code for problem in found}


def test_a_caller_who_is_verified_already_need_not_be_asked_again(tmp_path: Path) -> None:
    shortcut = (
        "flow: main\nentry: known\nsteps:\n"
        "  known:\n    when:\n      - {if: call.level == 'verified', go: premium}\n      - {else: ask}\n"
        "  ask: {call: identify, with: {kind: quick}, on: {verified: premium, refused: bye}}\n"
        "  premium: {do: policy.premium, with: {policy_no: \"'86001234'\"}, next: bye}\n"
        "  bye: {say: bye, hangup: normal}\n"
    )
    assert codes(tmp_path, main=shortcut) == []
    assert codes(tmp_path, main=shortcut.replace("== 'verified'", "!= 'anonymous'")) == ["F501"]


def test_a_flow_that_says_its_level_may_use_the_service_and_its_callers_must_have_it(tmp_path: Path) -> None:
    premium = (
        "flow: premium\nentry: a\nlevel: verified\nsteps:\n"
        "  a: {do: policy.premium, with: {policy_no: \"'86001234'\"}, next: end}\n"
    )
    ok = FILES["main.yaml"].replace(
        "  amount: {say: due, next: menu}", "  amount: {call: premium, next: menu}"
    )
    assert codes(tmp_path / "good", main=ok, premium=premium) == []
    bad = FILES["main.yaml"].replace("say: hello, next: menu", "call: premium, next: menu")
    assert codes(tmp_path / "bad", main=bad, premium=premium) == ["F502"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # set on one way only
        ("  a:\n    when: [{if: call.language == 'en', go: b}, {else: c}]\n  b: {set: {x: 1}, next: c}\n"
         "  c: {set: {y: x + 1}, next: d}\n  d: {hangup: normal}\n", ["F408"]),
        # set on both
        ("  a:\n    when: [{if: call.language == 'en', go: b}, {else: b2}]\n  b: {set: {x: 1}, next: c}\n"
         "  b2: {set: {x: 2}, next: c}\n  c: {set: {y: x + 1}, next: d}\n  d: {hangup: normal}\n", []),
        # of two types
        ("  a:\n    when: [{if: call.language == 'en', go: b}, {else: b2}]\n  b: {set: {x: 1}, next: c}\n"
         "  b2: {set: {x: one}, next: c}\n  c: {set: {y: x + 1}, next: d}\n  d: {hangup: normal}\n", ["F403"]),
        # a hotkey leaves before the step has filled anything
        ("  a: {collect: x, say: ask_number, hotkeys: {\"5\": {go: c}}, next: c}\n"
         "  c: {set: {y: len(x)}, next: d}\n  d: {hangup: normal}\n", ["F408"]),
        # a service that failed has given nothing
        ("  a: {do: identity.check, with: {number: \"'1'\", pin: p}, into: x, on: {verified: c, refused: c, error: c, timeout: d}}\n"
         "  c: {set: {y: x is None}, next: d}\n  d: {hangup: normal}\n", ["F408"]),
        # a field of one outcome only may be null after both
        ("  a: {do: identity.check, with: {number: \"'1'\", pin: p}, into: x, on: {verified: c, refused: c}}\n"
         "  c: {set: {y: x.tries_left + 1}, next: d}\n  d: {hangup: normal}\n", ["F404"]),
        # after the test for null the field is there, on every step that follows
        ("  a: {do: identity.check, with: {number: \"'1'\", pin: p}, into: x, on: {verified: c, refused: c}}\n"
         "  c:\n    when: [{if: x.tries_left is None, go: d}, {else: e}]\n  e: {set: {y: x.tries_left + 1}, next: d}\n"
         "  d: {hangup: normal}\n", []),
        # a menu's choice sets on the way
        ("  a:\n    menu: menu\n    choices: {\"1\": {go: c, set: {x: 3}}, \"2\": {go: d}}\n"
         "  c: {set: {y: x + 1}, next: d}\n  d: {hangup: normal}\n", []),
        # a loop may not lose what it needs
        ("  a: {set: {x: 0}, next: b}\n  b: {set: {x: x + 1}, next: c}\n"
         "  c:\n    when: [{if: x > 3, go: d}, {else: b}]\n  d: {hangup: normal}\n", []),
    ],
)  # fmt: skip
def test_a_variable_must_be_there_on_every_way(steps: str, expected: list[str], tmp_path: Path) -> None:
    vars_ = "{p: {type: secret?}}" if "pin: p" in steps else "{}"
    text = one_step_flow(steps, entry="a", vars=vars_)
    if "pin: p" in steps:
        text = text.replace("entry: a", "entry: p").replace(
            "steps:\n", "steps:\n  p: {collect: p, say: ask_number, type: secret, next: a}\n"
        )
    found = codes(tmp_path, main=text)
    assert sorted(set(found)) == expected, problems_of(tmp_path, main=text)


def test_the_message_shows_the_way_on_which_a_variable_is_not_set(tmp_path: Path) -> None:
    steps = (
        "  a:\n    when: [{if: call.language == 'en', go: b}, {else: c}]\n  b: {set: {x: 1}, next: c}\n"
        "  c: {set: {y: x + 1}, next: d}\n  d: {hangup: normal}\n"
    )
    (problem, *_) = [
        p for p in problems_of(tmp_path, main=one_step_flow(steps, entry="a")) if p.code == "F408"
    ]
    assert "a → c" in problem.message


def test_after_a_hang_up_only_what_was_there_from_the_beginning_is_known(tmp_path: Path) -> None:
    text = one_step_flow(
        "  a: {collect: x, say: ask_number, next: d}\n  d: {hangup: normal}\n"
        "  keep: {do: claim.open, with: {note: x}, next: end}\n",
        entry="a",
        after_hangup="keep",
    )
    assert codes(tmp_path / "bad", main=text) == ["F408"]
    tested = text.replace("after_hangup: keep", "after_hangup: ask\nvars: {x: {type: digits?}}").replace(
        "  keep:", "  ask:\n    when: [{if: x is not None, go: keep}, {else: end}]\n  keep:"
    )
    assert codes(tmp_path / "good", main=tested) == []


def test_an_outcome_of_a_sub_flow_fills_only_what_it_carries(tmp_path: Path) -> None:
    text = FILES["main.yaml"].replace(
        "lost: {set: {count: count + 1}", "lost: {set: {count: len(policy.number)}"
    )
    assert "F408" in codes(tmp_path, main=text)


def test_a_library_tells_the_type_of_every_variable(tmp_path: Path) -> None:
    library, _ = examine(write_folder(tmp_path), MANIFEST)
    assert library is not None
    shown = {name: type_text(kind) for name, kind in library["main"].variables.items()}
    assert shown == {
        "count": "integer",
        "reason": "code(asked/lost)?",
        "policy": "{number: digits}",
        "due": "{amount: money, days_overdue: integer, last_paid: money?, paid_on: date?}",
        "number": "digits",
    }


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("integer", "integer", "integer"),
        ("integer", "integer?", "integer?"),
        ("integer", "decimal", "decimal"),
        ("digits", "text", "text"),
        ("digits", "code", "text"),
        ("code(a)", "code(b)", "code(a/b)"),
        ("code(a)", "code", "code"),
        ("money", "date", "mixed"),
        ("list[integer]", "list[decimal]", "list[decimal]"),
    ],
)
def test_types_that_meet_are_joined_and_both_fit_the_join(one: str, other: str, both: str) -> None:
    first, second = parse_type(one), parse_type(other)
    joined = join(first, second)
    assert type_text(joined) == both
    assert join(second, first) == joined
    if both != "mixed":
        assert assignable(first, joined)
        assert assignable(second, joined)


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("digits", "text", True),
        ("text", "digits", False),
        ("code(a/b)", "code", True),
        ("code", "code(a/b)", False),
        ("code(a)", "code(a/b)", True),
        ("money?", "money", False),
        ("money", "money?", True),
        ("secret", "text", False),
        ("integer", "money", False),
        ("list[digits]", "list[text]", True),
    ],
)
def test_what_may_stand_for_what(source: str, target: str, fits: bool) -> None:
    assert assignable(parse_type(source), parse_type(target)) is fits


def test_plain_values_of_tests_become_typed_ones() -> None:
    record = parse_type({"amount": "money", "on": "date", "days": "integer", "paid": "money?"})
    value = coerce({"amount": 80, "on": "2026-04-01", "days": 3}, record)
    assert value["amount"] == Money(value["amount"].amount)
    assert str(value["on"]) == "2026-04-01"
    assert value["paid"] is None
    for bad in ({"amount": "x"}, {"days": 1.5}, {"days": True}, {"on": "1 April"}, {"amout": 1}, 3):
        with pytest.raises(ValueError, match=r"type|field|mapping"):
            coerce(bad, record)


def test_thirty_flows_load_in_well_under_a_second(tmp_path: Path) -> None:
    from time import perf_counter

    more = {f"copy{n}": FILES["main.yaml"].replace("flow: main", f"flow: copy{n}") for n in range(25)}
    folder = write_folder(tmp_path, **more)
    began = perf_counter()
    assert len(load_flows(folder, MANIFEST).flows) == 29
    assert perf_counter() - began < 5.0
