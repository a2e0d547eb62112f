"""Expressions as closures, for `Expression.evaluate`. Values that do not fit raise, nothing is false."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from ivr.flow.errors import ExpressionError
from ivr.flow.values import Money, Secret, Value

Run = Callable[[Mapping[str, Value]], Value]

_NUMBERS: Final = (int, Decimal)
_PLAIN: Final = frozenset({str, int, bool, Decimal, Money, date, datetime, time, timedelta})
_DATE_FIELDS: Final = frozenset({"year", "month", "day"})
_LONGEST_TEXT: Final = 10_000


def build(node: ast.expr) -> Run:
    """The closure of one node that the grammar let through."""
    maker = _MAKERS.get(type(node))
    if maker is None:
        raise ExpressionError(f"{type(node).__name__} is not allowed here", "F405")
    return maker(node)


def _constant(node: Any) -> Run:
    value = node.value
    return lambda scope: value


def _name(node: Any) -> Run:
    name = node.id

    def run(scope: Mapping[str, Value]) -> Value:
        try:
            return scope[name]
        except KeyError:
            raise ExpressionError(f"the variable {name!r} has not been set on this way") from None

    return run


def _attribute(node: Any) -> Run:
    inner, field = build(node.value), node.attr

    def run(scope: Mapping[str, Value]) -> Value:
        holder = inner(scope)
        if type(holder) is dict:
            # A record may leave out what is optional; whatever uses a missing value then raises.
            return holder.get(field)
        return field_of(holder, field)

    return run


def field_of(holder: Value, field: str) -> Value:
    """A field of a record or of a value that has parts: money, a date, a time, a duration."""
    if isinstance(holder, Mapping):
        return holder.get(field)
    if isinstance(holder, Money) and field in {"amount", "currency"}:
        return getattr(holder, field)
    if isinstance(holder, date) and field in _DATE_FIELDS:
        return getattr(holder, field)
    if isinstance(holder, date) and field == "weekday":
        return holder.isoweekday()
    if isinstance(holder, datetime) and field == "date":
        return holder.date()
    if isinstance(holder, datetime | time) and field in {"hour", "minute"}:
        return getattr(holder, field)
    if isinstance(holder, timedelta) and field in {"days", "seconds"}:
        return holder.days if field == "days" else int(holder.total_seconds())
    raise ExpressionError(f"there is no field {field!r} here")


def _truth(value: Value) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ExpressionError("a condition must be true or false; compare the value with something")


def _boolean(node: Any) -> Run:
    parts = [build(part) for part in node.values]
    if isinstance(node.op, ast.And):
        return lambda scope: all(_truth(part(scope)) for part in parts)
    return lambda scope: any(_truth(part(scope)) for part in parts)


def _unary(node: Any) -> Run:
    inner = build(node.operand)
    if isinstance(node.op, ast.Not):
        return lambda scope: not _truth(inner(scope))
    return lambda scope: _negative(inner(scope))


def _negative(value: Value) -> Value:
    if isinstance(value, Money):
        return Money(-value.amount, value.currency)
    return -value


def _choice(node: Any) -> Run:
    test, yes, no = build(node.test), build(node.body), build(node.orelse)
    return lambda scope: yes(scope) if _truth(test(scope)) else no(scope)


def _collection(node: Any) -> Run:
    items = [build(item) for item in node.elts]
    return lambda scope: [item(scope) for item in items]


def _is_null(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _compare(node: Any) -> Run:
    operands = [node.left, *node.comparators]
    links = [_link(operands[at], op, operands[at + 1]) for at, op in enumerate(node.ops)]
    if len(links) == 1:
        return links[0]
    return lambda scope: all(link(scope) for link in links)


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Run:
    if isinstance(op, ast.Eq | ast.Is | ast.NotEq | ast.IsNot) and (_is_null(left) or _is_null(right)):
        inner = build(right if _is_null(left) else left)
        if isinstance(op, ast.Eq | ast.Is):
            return lambda scope: inner(scope) is None
        return lambda scope: inner(scope) is not None
    if isinstance(op, ast.Is | ast.IsNot):
        raise ExpressionError("`is` only tests for null; compare values with `==`", "F405")
    one, other = build(left), build(right)
    if isinstance(op, ast.In):
        return lambda scope: _contains(one(scope), other(scope))
    if isinstance(op, ast.NotIn):
        return lambda scope: not _contains(one(scope), other(scope))
    return _ordered(_COMPARISONS[type(op)], one, other)


def _ordered(compare: Callable[[Any, Any], bool], one: Run, other: Run) -> Run:
    def run(scope: Mapping[str, Value]) -> bool:
        first, second = one(scope), other(scope)
        if type(first) is type(second) and type(first) in _PLAIN and type(first) is not Money:
            return compare(first, second)
        return compare(*comparable(first, second))

    return run


def comparable(first: Value, second: Value) -> tuple[Value, Value]:
    """Two values as a pair that Python compares rightly; raises where a comparison would mean nothing."""
    if isinstance(first, Secret) or isinstance(second, Secret):
        raise ExpressionError("a secret cannot be compared; let a service check it")
    if first is None or second is None:
        raise ExpressionError("one side has no value; test it with `is not None` first")
    if isinstance(first, bool) or isinstance(second, bool):
        if isinstance(first, bool) and isinstance(second, bool):
            return first, second
        raise ExpressionError("true or false is compared with something else")
    if isinstance(first, Money) and isinstance(second, Money):
        _same_currency(first, second)
        return first.amount, second.amount
    first = first.amount if isinstance(first, Money) else first
    second = second.amount if isinstance(second, Money) else second
    if isinstance(first, _NUMBERS) and isinstance(second, _NUMBERS):
        return first, second
    if type(first) is type(second) and type(first) in _PLAIN:
        return first, second
    raise ExpressionError("two different kinds of values are compared")


def _contains(item: Value, holder: Value) -> bool:
    if isinstance(holder, str) and isinstance(item, str):
        return item in holder
    if isinstance(holder, Sequence) and not isinstance(holder, str):
        return any(_equal(item, other) for other in holder)
    raise ExpressionError("`in` looks into a list or a text")


def _equal(first: Value, second: Value) -> bool:
    one, other = comparable(first, second)
    return bool(one == other)


def _same_currency(first: Money, second: Money) -> None:
    if first.currency != second.currency:
        raise ExpressionError("two amounts are in different currencies")


def _arithmetic(node: Any) -> Run:
    one, other, compute = build(node.left), build(node.right), _ARITHMETIC[type(node.op)]

    def run(scope: Mapping[str, Value]) -> Value:
        first, second = one(scope), other(scope)
        if first is None or second is None:
            raise ExpressionError("one side has no value; test it with `is not None` first")
        if isinstance(first, Secret | bool) or isinstance(second, Secret | bool):
            raise ExpressionError("this cannot be reckoned with")
        return compute(first, second)

    return run


def _sum(first: Value, second: Value) -> Value:
    if isinstance(first, Money) and isinstance(second, Money):
        _same_currency(first, second)
        return Money(first.amount + second.amount, first.currency)
    if isinstance(first, str) and isinstance(second, str) and len(first) + len(second) > _LONGEST_TEXT:
        raise ExpressionError("the text becomes too long")
    if isinstance(first, str) != isinstance(second, str):
        raise ExpressionError("a text and something else are joined; use text(...)")
    return first + second


def _difference(first: Value, second: Value) -> Value:
    if isinstance(first, Money) and isinstance(second, Money):
        _same_currency(first, second)
        return Money(first.amount - second.amount, first.currency)
    return first - second


def _product(first: Value, second: Value) -> Value:
    if isinstance(first, Money) and isinstance(second, _NUMBERS):
        return Money(first.amount * second, first.currency)
    if isinstance(second, Money) and isinstance(first, _NUMBERS):
        return Money(second.amount * first, second.currency)
    _both_numbers(first, second)
    return first * second


def _quotient(first: Value, second: Value) -> Value:
    if isinstance(first, Money) and isinstance(second, Money):
        _same_currency(first, second)
        return first.amount / second.amount
    if isinstance(first, Money) and isinstance(second, _NUMBERS):
        return Money(first.amount / second, first.currency)
    _both_numbers(first, second)
    return Decimal(first) / Decimal(second)


def _whole_quotient(first: Value, second: Value) -> Value:
    _both_numbers(first, second)
    return first // second


def _remainder(first: Value, second: Value) -> Value:
    _both_numbers(first, second)
    return first % second


def _both_numbers(first: Value, second: Value) -> None:
    if not (isinstance(first, _NUMBERS) and isinstance(second, _NUMBERS)):
        raise ExpressionError("only numbers can be reckoned with")


def _call(node: Any) -> Run:
    name = node.func.id
    function = FUNCTIONS.get(name)
    if function is None:
        return _unknown_function(name)
    arguments = [build(argument) for argument in node.args]
    if name in TAKES_CALL:
        return lambda scope: function(scope["call"], *(argument(scope) for argument in arguments))
    return lambda scope: function(*(argument(scope) for argument in arguments))


def _unknown_function(name: str) -> Run:
    def run(scope: Mapping[str, Value]) -> Value:
        raise ExpressionError(f"there is no function {name!r}", "F401")

    return run


def _day(value: Value) -> date:
    if isinstance(value, datetime):
        return value.date()
    if not isinstance(value, date):
        raise ExpressionError("a date is wanted here; is it known on this way?")
    return value


def _text(value: Value) -> str:
    if value is None or isinstance(value, Secret | Mapping | list):
        raise ExpressionError("this has no text")
    return f"{value.amount:f}" if isinstance(value, Money) else str(value)


def _money(value: Value, currency: str = "CNY") -> Money:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ExpressionError("money(...) takes a number")
    return Money(Decimal(value), currency)


def _words(*values: Value) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ExpressionError("a text is wanted here")
    return values


def _starts_with(value: Value, start: Value) -> bool:
    text, beginning = _words(value, start)
    return text.startswith(beginning)


def _ends_with(value: Value, end: Value) -> bool:
    text, ending = _words(value, end)
    return text.endswith(ending)


def _first(value: Value, count: int) -> str:
    return _words(value)[0][: max(0, count)]


def _last(value: Value, count: int) -> str:
    return _words(value)[0][-count:] if count > 0 else ""


def _length(value: Value) -> int:
    if not isinstance(value, str | list):
        raise ExpressionError("len(...) takes a text or a list")
    return len(value)


def _absolute(value: Value) -> Value:
    return Money(abs(value.amount), value.currency) if isinstance(value, Money) else abs(value)


def _least(first: Value, second: Value) -> Value:
    one, other = comparable(first, second)
    return first if one <= other else second


def _most(first: Value, second: Value) -> Value:
    one, other = comparable(first, second)
    return first if one >= other else second


def _one_of(value: Value, *others: Value) -> bool:
    return any(_equal(value, other) for other in others)


#: Functions of the day of the call: they are given the record `call` first.
TAKES_CALL: Final = frozenset({"today", "now", "days_until", "days_since"})
FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "len": _length,
    "text": _text,
    "integer": lambda value: int(_words(value)[0]) if isinstance(value, str) else int(value),
    "money": _money,
    "abs": _absolute,
    "min": _least,
    "max": _most,
    "first": _first,
    "last": _last,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "one_of": _one_of,
    "today": lambda call: call["today"],
    "now": lambda call: call["now"],
    "days_until": lambda call, day: (_day(day) - call["today"]).days,
    "days_since": lambda call, day: (call["today"] - _day(day)).days,
}
_COMPARISONS: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Final[Mapping[type, Callable[[Value, Value], Value]]] = {
    ast.Add: _sum,
    ast.Sub: _difference,
    ast.Mult: _product,
    ast.Div: _quotient,
    ast.FloorDiv: _whole_quotient,
    ast.Mod: _remainder,
}
_MAKERS: Final[Mapping[type, Callable[[Any], Run]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.IfExp: _choice,
    ast.List: _collection,
    ast.Tuple: _collection,
    ast.Compare: _compare,
    ast.BinOp: _arithmetic,
    ast.Call: _call,
}
