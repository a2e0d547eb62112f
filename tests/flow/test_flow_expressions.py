"""Conditions and expressions: what they give, what they refuse, and how fast."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow import Expression, ExpressionError
from ivr.flow.types import parse_type, type_text
from ivr.flow.values import Money, Secret, Type

CALL = {
    "today": date(2026, 3, 2),
    "now": datetime(2026, 3, 2, 10, tzinfo=UTC),
    "level": "identified",
    "number": "13800001234",
}
VALUES: dict[str, Any] = {
    "due": {
        "amount": Money(Decimal("3200.00")),
        "paid": Money(Decimal(200)),
        "on": date(2026, 3, 12),
        "days": 0,
        "last": None,
        "state": "overdue",
    },
    "dollars": Money(Decimal(1), "USD"),
    "policy": "86001234",
    "count": 3,
    "yes": True,
    "pin": Secret("246810"),
    "names": ["a", "b"],
    "call": CALL,
}
TYPES: dict[str, Type] = {
    "due": parse_type(
        {
            "amount": "money",
            "paid": "money",
            "on": "date",
            "days": "integer",
            "last": "money?",
            "state": "code(due/overdue/in_grace)",
        }
    ),
    "dollars": Type("money"),
    "policy": Type("digits"),
    "count": Type("integer"),
    "yes": Type("boolean"),
    "pin": Type("secret"),
    "names": parse_type("list[text]"),
    "call": parse_type(
        {
            "today": "date",
            "now": "datetime",
            "level": "code(anonymous/identified/verified)",
            "number": "text",
        }
    ),
}

GIVES: list[tuple[str, Any]] = [
    ("due.amount > 3000", True),
    ("due.amount == 3200", True),
    ("due.amount - due.paid", Money(Decimal("3000.00"))),
    ("due.amount / 2 == 1600 and not due.days", "F403"),
    ("due.amount * 2 > due.amount", True),
    ("due.amount.currency == 'CNY'", True),
    ("due.last is None", True),
    ("due.last == null or due.last > 5", True),
    ("due.last is not None and due.last > 5", False),
    ("due.state in ['overdue', 'in_grace']", True),
    ("one_of(due.state, 'due', 'in_grace')", False),
    ("days_until(due.on)", 10),
    ("days_since(due.on) < 0", True),
    ("due.on - today() ", timedelta(days=10)),
    ("(due.on - today()).days > 5", True),
    ("starts_with(policy, '86') and ends_with(policy, '34')", True),
    ("last(policy, 4)", "1234"),
    ("first(policy, 2) + '-' + last(policy, 2)", "86-34"),
    ("len(policy) == 8", True),
    ("integer(policy) % 10", 4),
    ("7 / 2", Decimal("3.5")),
    ("7 // 2 + -1", 2),
    ("1.1 + 2.2 == 3.3", True),
    ("'a' in names", True),
    ("0 <= count < 5", True),
    ("count if yes else 0", 3),
    ("min(count, 2) + max(count, 2)", 5),
    ("abs(2 - count)", 1),
    ("text(count) + policy", "386001234"),
    ("money(80) == 80", True),
    ("due.on.year * 100 + due.on.month", 202603),
    ("now().hour >= 9 and due.on.weekday == 4", True),
    ("true and not false", True),
]


@pytest.mark.parametrize(("source", "value"), GIVES)
def test_an_expression_gives_its_value_and_its_type_is_known_before(source: str, value: Any) -> None:
    expression = Expression.compile(source)
    if value == "F403":
        with pytest.raises(ExpressionError) as caught:
            expression.check(TYPES)
        assert caught.value.code == "F403"
        return
    kind = expression.check(TYPES)
    found = expression.evaluate(VALUES)
    assert found == value
    assert type(found).__name__.lower() in {
        "boolean": {"bool"},
        "integer": {"int"},
        "decimal": {"decimal", "int"},
        "duration": {"timedelta"},
        "text": {"str"},
        "digits": {"str"},
    }.get(kind.name, {kind.name})


REFUSED: list[tuple[str, str, str]] = [
    ("deu.amount > 1", "F401", "did you mean 'due'?"),
    ("due.amonut > 1", "F402", "did you mean 'amount'?"),
    ("lenn(policy)", "F401", "did you mean 'len'?"),
    ("len > 3", "F401", "len(...)"),
    ("due.last > 5", "F404", "is not None"),
    ("due.last is None and due.last > 5", "F404", "is not None"),
    ("due.last is not None or due.last > 5", "F404", "is not None"),
    ("due.state == 'overdu'", "F403", "did you mean 'overdue'?"),
    ("due.state in ['overdue', 'ingrace']", "F403", "did you mean 'in_grace'?"),
    ("due.on > 3", "F403", "never equal"),
    ("policy > 3", "F403", "never equal"),
    ("pin == '246810'", "F403", "secret"),
    ("text(pin)", "F403", "text(a value)"),
    ("due.amount + 1", "F403", "money and integer"),
    ("count + policy", "F403", "integer and digits"),
    ("not count", "F403", "not true or false"),
    ("count and yes", "F403", "not true or false"),
    ("due == due", "F403", "never equal"),
    ("policy < '9'", "F403", "no order"),
    ("1 if yes else 'one'", "F403", "one type"),
    ("days_until(count)", "F403", "days_until(a date)"),
    ("names.first", "F402", "no field"),
    ("policy > 1.5", "F403", "`policy > 1.5`"),
]


@pytest.mark.parametrize(("source", "code", "says"), REFUSED)
def test_what_makes_no_sense_is_refused_when_loaded(source: str, code: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=None) as caught:
        Expression.compile(source).check(TYPES)
    assert caught.value.code == code
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "2 ** 9",
        "policy.upper()",
        "[x for x in names]",
        "lambda: 1",
        "names[0]",
        "f'{pin}'",
        "__import__('os')",
        "due.__class__",
        "len(names, key=1)",
        "{'a': 1}",
        "count = 3",
        "1 +",
        "b'x'",
        "1j",
        "...",
        "count is 3",
        "*names",
        "(yes := 3)",
        "x" * 401,
        "1" + "+1" * 100,
        "1e999",
    ],
)
def test_what_is_not_in_the_grammar_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(source).check(TYPES)
    assert caught.value.code in {"F405", "F401"}


@pytest.mark.parametrize(
    "source",
    [
        "missing > 1",
        "due.last > 1",
        "due.absent > 1",
        "due.absent",
        "count / 0",
        "count % 0",
        "pin == pin",
        "pin == '246810'",
        "pin + 'x'",
        "yes and count",
        "dollars + due.amount",
        "dollars < due.amount",
        "policy * 999999999",
        "integer('x')",
        "yes == 1",
        "policy == 86001234",
        "days_until(due.last)",
    ],
)
def test_what_fails_in_a_call_raises_and_is_never_false(source: str) -> None:
    expression = Expression.compile(source)
    if source == "due.absent":
        assert expression.evaluate(VALUES) is None
        return
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(VALUES)
    assert "246810" not in str(caught.value)
    assert "86001234" not in str(caught.value).replace(source, "")


def test_the_branches_after_a_test_for_null_know_that_there_is_a_value() -> None:
    test = Expression.compile("due.last is None")
    after = test.narrowed(TYPES, truth=False)
    assert type_text(after["due"].fields["last"]) == "money"
    assert type_text(test.narrowed(TYPES, truth=True)["due"].fields["last"]) == "money?"


@pytest.mark.parametrize(
    ("source", "truth", "level"),
    [
        ("call.level == 'verified'", True, "verified"),
        ("call.level == 'verified'", False, "anonymous"),
        ("call.level != 'verified'", False, "verified"),
        ("call.level == 'anonymous'", False, "identified"),
        ("call.level in ['identified', 'verified']", True, "identified"),
        ("call.level == 'verified' and yes", True, "verified"),
        ("call.level == 'verified' or yes", True, "anonymous"),
        ("not call.level == 'verified'", False, "verified"),
        ("yes", True, "anonymous"),
    ],
)
def test_what_a_condition_says_of_the_callers_level(source: str, truth: bool, level: str) -> None:
    assert Expression.compile(source).known_level(truth) == level


_names = st.sampled_from(["due", "count", "yes", "policy", "pin", "names", "call", "len", "today", "missing"])
_atoms = st.one_of(
    _names,
    st.integers(-9, 9).map(str),
    st.sampled_from(["due.amount", "due.last", "due.on", "'a'", "null", "true", "1.5"]),
)
_sources = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "==", "!=", "in", "and", "or"]), inner
        ).map(" ".join),
        st.tuples(st.sampled_from(["not ", "-", "len", "days_until", "text", "abs"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=8,
)


@given(source=_sources)
@settings(max_examples=400, deadline=None)
def test_whatever_passes_the_check_evaluates_to_its_type_or_raises_properly(source: str) -> None:
    try:
        expression = Expression.compile(source)
        kind = expression.check(TYPES)
    except ExpressionError:
        return
    try:
        value = expression.evaluate(VALUES)
    except ExpressionError:
        return
    assert (value is not None) or kind.optional
    if kind.name == "boolean":
        assert isinstance(value, bool)


def test_the_same_text_is_compiled_once() -> None:
    assert Expression.compile("count > 1") is Expression.compile("count > 1")
