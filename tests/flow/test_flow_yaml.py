"""Reading files: what YAML 1.2 means here, and where everything stands."""

from __future__ import annotations

import pytest

from ivr.flow import FlowErrors
from ivr.flow.yaml_source import parse_source


def read(text: str) -> object:
    return parse_source("x.yaml", text.encode()).data


def test_words_that_old_yaml_takes_for_something_else_stay_words() -> None:
    assert read("on: off\nyes: no\ntime: 12:30\nday: 2026-04-01\n") == {
        "on": "off",
        "yes": "no",
        "time": "12:30",
        "day": "2026-04-01",
    }


def test_plain_values_have_their_types() -> None:
    data = read("a: 1\nb: -2\nc: 1.5\nd: true\ne: null\nf: ~\ng: '1'\nh: [1, x]\n")
    assert data == {"a": 1, "b": -2, "c": 1.5, "d": True, "e": None, "f": None, "g": "1", "h": [1, "x"]}


def test_an_anchor_is_read_where_it_is_named() -> None:
    assert read("a: &x {k: [1]}\nb: *x\n") == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_keys_and_values_know_their_places() -> None:
    source = parse_source("x.yaml", b"a:\n  bb: [1,\n    {c: d}]\n")
    assert vars_of(source.key_place(("a", "bb"))) == (2, 3)
    assert vars_of(source.value_place(("a", "bb", 1))) == (3, 5)
    assert vars_of(source.value_place(("a", "bb", 1, "c"))) == (3, 9)
    assert vars_of(source.key_place(("a", "not", "there"))) == (1, 1)


def vars_of(place: object) -> tuple[int, int]:
    return place.line, place.column  # type: ignore[attr-defined]


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse_source("x.yaml", "\ufeffa: 1\n".encode()).data == {"a": 1}


def test_the_same_content_is_parsed_once_and_changed_content_again() -> None:
    assert parse_source("x.yaml", b"a: 1\n") is parse_source("x.yaml", b"a: 1\n")
    assert parse_source("x.yaml", b"a: 2\n").version != parse_source("x.yaml", b"a: 1\n").version


@pytest.mark.parametrize(
    ("text", "place", "code", "says"),
    [
        ("a: b: c\n", "1:5", "F102", "in quotes"),
        ("a:\n\t- x\n", "2:1", "F102", "spaces, not tabs"),
        ("a: *u\n", "1:4", "F102", "&name"),
        ("a: @x\n", "1:4", "F102", "in quotes"),
        ("a: 1\n---\nb: 2\n", "2:1", "F102", "another document"),
        ("a: \x00\n", "1:1", "F102", "special characters"),
        ("a: 1\na: 2\n", "2:1", "F104", "first in line 1"),
        ("a: {b: 1, b: 2}\n", "1:11", "F104", "twice"),
        ("a: !!set {x}\n", "1:4", "F105", "plain data"),
        ("a: !secret x\n", "1:4", "F105", "plain data"),
        ("? [a]\n: b\n", "1:3", "F105", "plain word"),
        ("a: &a [*a]\n", "1:4", "F101", "deeply"),
        ("a: 0123\n", "1:4", "F106", '"0123"'),
        ("a: 0x1F\n", "1:4", "F106", '"0x1F"'),
        ("1: a\n", "1:1", "F106", '"1"'),
        ("", "1:1", "F103", "mapping"),
        ("a: " + "[" * 60 + "]" * 60, "1:44", "F101", "deeply"),
        ("a: " + "[" * 500 + "]" * 500, "1:1", "F101", "deeply"),
    ],
)
def test_what_is_not_plain_yaml_says_where_and_what_to_do(
    text: str, place: str, code: str, says: str
) -> None:
    with pytest.raises(FlowErrors) as caught:
        read(text)
    (problem, *_) = caught.value.problems
    assert str(problem).startswith(f"x.yaml:{place}: {code} ")
    assert says in problem.message
