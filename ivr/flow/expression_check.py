"""The types of expressions, and what a condition that held says about its variables."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ivr.flow.errors import ExpressionError, UnknownTypeError, suggest
from ivr.flow.types import ANY_TEXT, BOOLEAN, DATE, DECIMAL, DURATION, INTEGER, MIXED, NULL, join, type_text
from ivr.flow.values import Type

Scope = Mapping[str, Type]
_DECIMAL: Final = re.compile(r"Decimal\('([^']*)'\)")
_NUMERIC: Final = frozenset({"integer", "decimal"})
_TEXTUAL: Final = frozenset({"text", "digits", "code", "prompt"})
#: The words of `call.level`, least first.
_LEVEL_ORDER: Final = ("anonymous", "identified", "verified")
_ORDERED: Final = frozenset({"integer", "decimal", "money", "date", "time", "datetime", "duration"})
#: The parts of values that are no records.
_PARTS: Final[Mapping[str, Mapping[str, Type]]] = {
    "money": {"amount": DECIMAL, "currency": Type("code")},
    "date": {"year": INTEGER, "month": INTEGER, "day": INTEGER, "weekday": INTEGER},
    "datetime": {"year": INTEGER, "month": INTEGER, "day": INTEGER, "weekday": INTEGER, "date": DATE,
                 "hour": INTEGER, "minute": INTEGER},
    "time": {"hour": INTEGER, "minute": INTEGER},
    "duration": {"days": INTEGER, "seconds": INTEGER},
}  # fmt: skip


def path_of(node: ast.expr) -> tuple[str, ...] | None:
    """`due.last_paid` as ("due", "last_paid"); None for anything that is not a name with fields."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        holder = path_of(node.value)
        return None if holder is None else (*holder, node.attr)
    return None


def _source(node: ast.expr) -> str:
    """The node as it is written, for a message; exact decimals look like the numbers they are."""
    return _DECIMAL.sub(r"\1", ast.unparse(node))


class Checker:
    """Finds the type of an expression in one scope; raises `ExpressionError` with a stable code."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def type_of(self, node: ast.expr) -> Type:
        """The type of one node."""
        kind = _CHECKS[type(node)](self, node)
        if kind.name == "unknown":
            raise UnknownTypeError
        return kind

    def condition(self, node: ast.expr) -> None:
        """The node must be true or false."""
        kind = self.type_of(node)
        if kind.optional:
            raise self._maybe_null(node)
        if kind.name != "boolean":
            what = f"`{_source(node)}` is {type_text(kind)}, not true or false"
            raise ExpressionError(f"{what}; compare it with something", "F403")

    def _maybe_null(self, node: ast.expr) -> ExpressionError:
        text = _source(node)
        return ExpressionError(f"`{text}` may have no value; test `{text} is not None` before", "F404")

    def present(self, node: ast.expr) -> Type:
        """The node's type, which must always have a value."""
        kind = self.type_of(node)
        if kind.name == "mixed":
            why = "is of one type on one way and of another on the other; use two variables"
            raise ExpressionError(f"`{_source(node)}` {why}", "F403")
        if kind.optional:
            raise self._maybe_null(node)
        return kind

    def _constant(self, node: ast.Constant) -> Type:
        value: object = node.value
        if value is None:
            return NULL
        if isinstance(value, bool):
            return BOOLEAN
        if isinstance(value, str):
            return literal_type(value)
        return INTEGER if isinstance(value, int) else DECIMAL

    def _name(self, node: ast.Name) -> Type:
        if node.id not in self._scope:
            if node.id in SIGNATURES:
                raise ExpressionError(f"`{node.id}` is a function; write `{node.id}(...)`", "F401")
            raise ExpressionError(
                f"there is no variable {node.id!r} here{suggest(node.id, self._scope)}", "F401"
            )
        return self._scope[node.id]

    def _attribute(self, node: ast.Attribute) -> Type:
        holder = self.type_of(node.value)
        if holder.optional or holder.name == "mixed":
            holder = self.present(node.value)
        fields = holder.fields if holder.name == "record" else _PARTS.get(holder.name, {})
        if node.attr not in fields:
            what = f"`{_source(node.value)}` has no field {node.attr!r}"
            raise ExpressionError(
                what + (suggest(node.attr, fields) or f"; it is {type_text(holder)}"), "F402"
            )
        return fields[node.attr]

    def _boolean(self, node: ast.BoolOp) -> Type:
        scope = self._scope
        for part in node.values:
            Checker(scope).condition(part)
            scope = narrow(part, scope, truth=isinstance(node.op, ast.And))
        return BOOLEAN

    def _unary(self, node: ast.UnaryOp) -> Type:
        if isinstance(node.op, ast.Not):
            self.condition(node.operand)
            return BOOLEAN
        kind = self.present(node.operand)
        if kind.name not in {*_NUMERIC, "money", "duration"}:
            raise ExpressionError(f"`{_source(node)}`: {type_text(kind)} has no minus", "F403")
        return kind

    def _choice(self, node: ast.IfExp) -> Type:
        self.condition(node.test)
        yes = Checker(narrow(node.test, self._scope, truth=True)).type_of(node.body)
        no = Checker(narrow(node.test, self._scope, truth=False)).type_of(node.orelse)
        kind = join(yes, no)
        if kind.name == "mixed":
            both = f"{type_text(yes)} or {type_text(no)}"
            raise ExpressionError(f"`{_source(node)}` gives {both}; both sides need one type", "F403")
        return kind

    def _collection(self, node: ast.List | ast.Tuple) -> Type:
        item: Type | None = None
        for part in node.elts:
            kind = self.present(part)
            item = kind if item is None else join(item, kind)
        return Type("list", item=item)

    def _compare(self, node: ast.Compare) -> Type:
        operands = [node.left, *node.comparators]
        for at, op in enumerate(node.ops):
            self._link(node, operands[at], op, operands[at + 1])
        return BOOLEAN

    def _link(self, whole: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        nulls = [part for part in (left, right) if isinstance(part, ast.Constant) and part.value is None]
        if nulls:
            if not isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
                raise ExpressionError(f"`{_source(whole)}`: null is tested with `is None`", "F403")
            self.type_of(left)
            self.type_of(right)
            return
        one, other = self.present(left), self.present(right)
        if isinstance(op, ast.In | ast.NotIn):
            for part in right.elts if isinstance(right, ast.List | ast.Tuple) else ():
                self._same_kind(whole, one, self.present(part))
            self._membership(whole, one, other)
            return
        self._same_kind(whole, one, other)
        ordered = isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        if ordered and one.name not in _ORDERED:
            raise ExpressionError(f"`{_source(whole)}`: {type_text(one)} has no order", "F403")

    def _membership(self, whole: ast.Compare, one: Type, other: Type) -> None:
        if other.name in _TEXTUAL and one.name in _TEXTUAL:
            return
        if other.name != "list":
            raise ExpressionError(f"`{_source(whole)}`: `in` looks into a list or a text", "F403")
        if other.item is not None:
            self._same_kind(whole, one, other.item)

    def _same_kind(self, whole: ast.Compare, one: Type, other: Type) -> None:
        if "secret" in {one.name, other.name}:
            raise ExpressionError(f"`{_source(whole)}`: a secret is checked by a service only", "F403")
        self._known_words(whole, one, other)
        money_and_number = {one.name, other.name} & {"money"} and {one.name, other.name} & _NUMERIC
        groups = (_NUMERIC, _TEXTUAL)
        alike = one.name == other.name and one.name not in {"record", "list"}
        if not (alike or money_and_number or any({one.name, other.name} <= group for group in groups)):
            both = f"{type_text(one)} with {type_text(other)}"
            raise ExpressionError(f"`{_source(whole)}` compares {both}, which are never equal", "F403")

    @staticmethod
    def _known_words(whole: ast.Compare, one: Type, other: Type) -> None:
        """Two codes with known words must have one in common, or they are never equal."""
        if one.words and other.words and not set(one.words) & set(other.words):
            value, holder = (one, other) if len(one.words) == 1 else (other, one)
            hint = suggest(value.words[0], holder.words)
            raise ExpressionError(f"`{_source(whole)}`: {value.words[0]!r} is never its value{hint}", "F403")

    def _arithmetic(self, node: ast.BinOp) -> Type:
        one, other = self.present(node.left), self.present(node.right)
        kind = _arithmetic_type(node.op, one, other)
        if kind is None:
            both = f"{type_text(one)} and {type_text(other)}"
            raise ExpressionError(f"`{_source(node)}`: {both} cannot be reckoned together so", "F403")
        return kind

    def _call(self, node: ast.Call) -> Type:
        name = node.func.id  # type: ignore[attr-defined]
        signature = SIGNATURES.get(name)
        if signature is None:
            raise ExpressionError(f"there is no function {name!r}{suggest(name, SIGNATURES)}", "F401")
        kinds = [self.present(argument) for argument in node.args]
        result = signature.result(kinds)
        if result is None:
            raise ExpressionError(f"`{_source(node)}`: write {signature.usage}", "F403")
        if signature.takes_call and "call" not in self._scope:
            raise ExpressionError(f"`{name}` needs the day of the call, which is not known here", "F401")
        return result


def literal_type(text: str) -> Type:
    """A text in quotes stands for any textual type: digits where it is digits, a code with one word."""
    if text.isascii() and text.isdigit():
        return Type("digits", words=(text,))
    return Type("code", words=(text,))


def _arithmetic_type(op: ast.operator, one: Type, other: Type) -> Type | None:
    names = (one.name, other.name)
    if one.name in _NUMERIC and other.name in _NUMERIC:
        return INTEGER if names == ("integer", "integer") and not isinstance(op, ast.Div) else DECIMAL
    if isinstance(op, ast.Add) and set(names) <= _TEXTUAL:
        return ANY_TEXT
    left, right = ("number" if name in _NUMERIC else name for name in names)
    return _ARITHMETIC.get((type(op), left, right))


_MONEY: Final = Type("money")
_ARITHMETIC: Final[Mapping[tuple[type, str, str], Type]] = {
    (ast.Add, "money", "money"): _MONEY,
    (ast.Sub, "money", "money"): _MONEY,
    (ast.Mult, "money", "number"): _MONEY,
    (ast.Mult, "number", "money"): _MONEY,
    (ast.Div, "money", "number"): _MONEY,
    (ast.Div, "money", "money"): DECIMAL,
    (ast.Sub, "date", "date"): DURATION,
    (ast.Sub, "datetime", "datetime"): DURATION,
    (ast.Add, "date", "duration"): DATE,
    (ast.Sub, "date", "duration"): DATE,
    (ast.Add, "datetime", "duration"): Type("datetime"),
    (ast.Sub, "datetime", "duration"): Type("datetime"),
    (ast.Add, "duration", "duration"): DURATION,
    (ast.Sub, "duration", "duration"): DURATION,
}


class Signature:
    """A function of the language: how it is written and what it gives for which types."""

    __slots__ = ("_give", "takes_call", "usage")

    def __init__(
        self, usage: str, give: Callable[[Sequence[Type]], Type | None], takes_call: bool = False
    ) -> None:
        self.usage = usage
        self._give = give
        self.takes_call = takes_call

    def result(self, kinds: Sequence[Type]) -> Type | None:
        """The type of the result, or None where the arguments do not fit."""
        return self._give(kinds)


def _takes(result: Type, *groups: frozenset[str]) -> Callable[[Sequence[Type]], Type | None]:
    def give(kinds: Sequence[Type]) -> Type | None:
        fits = len(kinds) == len(groups)
        return result if fits and all(k.name in g for k, g in zip(kinds, groups, strict=True)) else None

    return give


def _first_of_two(kinds: Sequence[Type]) -> Type | None:
    if len(kinds) != 2 or kinds[0].name not in _ORDERED:
        return None
    both = join(kinds[0], kinds[1])
    return None if both == MIXED else both


def _same(names: frozenset[str]) -> Callable[[Sequence[Type]], Type | None]:
    return lambda kinds: kinds[0] if len(kinds) == 1 and kinds[0].name in names else None


def _one_of(kinds: Sequence[Type]) -> Type | None:
    alike = all(
        join(replace(kinds[0], words=()), replace(kind, words=())).name != "mixed" for kind in kinds[1:]
    )
    texts = all(kind.name in _TEXTUAL for kind in kinds)
    return BOOLEAN if len(kinds) > 1 and (alike or texts) and kinds[0].name != "secret" else None


def _money(kinds: Sequence[Type]) -> Type | None:
    numbers = frozenset({*_NUMERIC, "digits"})
    return _MONEY if [kind.name in numbers for kind in kinds] == [True] else None


def _slice(kinds: Sequence[Type]) -> Type | None:
    if len(kinds) != 2 or kinds[0].name not in _TEXTUAL or kinds[1].name != "integer":
        return None
    return Type("digits") if kinds[0].name == "digits" else ANY_TEXT


_TEXT_OF: Final = frozenset({*_TEXTUAL, *_ORDERED, "boolean"})
_DAYS: Final = frozenset({"date", "datetime"})
SIGNATURES: Final[Mapping[str, Signature]] = {
    "len": Signature("len(a text or a list)", _takes(INTEGER, _TEXTUAL | {"list"})),
    "text": Signature("text(a value)", _takes(ANY_TEXT, _TEXT_OF)),
    "integer": Signature("integer(digits or a number)", _takes(INTEGER, frozenset({*_NUMERIC, "digits"}))),
    "money": Signature("money(a number)", _money),
    "abs": Signature("abs(a number or an amount)", _same(frozenset({*_NUMERIC, "money"}))),
    "min": Signature("min(one, other) of one kind", _first_of_two),
    "max": Signature("max(one, other) of one kind", _first_of_two),
    "first": Signature("first(a text, how many)", _slice),
    "last": Signature("last(a text, how many)", _slice),
    "starts_with": Signature("starts_with(a text, its beginning)", _takes(BOOLEAN, _TEXTUAL, _TEXTUAL)),
    "ends_with": Signature("ends_with(a text, its end)", _takes(BOOLEAN, _TEXTUAL, _TEXTUAL)),
    "one_of": Signature("one_of(a value, one, other, ...)", _one_of),
    "today": Signature("today()", _takes(DATE), takes_call=True),
    "now": Signature("now()", _takes(Type("datetime")), takes_call=True),
    "days_until": Signature("days_until(a date)", _takes(INTEGER, _DAYS), takes_call=True),
    "days_since": Signature("days_since(a date)", _takes(INTEGER, _DAYS), takes_call=True),
}
_CHECKS: Final[Mapping[type, Callable[[Checker, Any], Type]]] = {
    ast.Constant: Checker._constant,
    ast.Name: Checker._name,
    ast.Attribute: Checker._attribute,
    ast.BoolOp: Checker._boolean,
    ast.UnaryOp: Checker._unary,
    ast.IfExp: Checker._choice,
    ast.List: Checker._collection,
    ast.Tuple: Checker._collection,
    ast.Compare: Checker._compare,
    ast.BinOp: Checker._arithmetic,
    ast.Call: Checker._call,
}


def narrow(node: ast.expr, scope: Scope, truth: bool) -> dict[str, Type]:
    """The scope where `node` came out as `truth`: what was tested for null is known then."""
    narrowed = dict(scope)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return narrow(node.operand, scope, not truth)
    if isinstance(node, ast.BoolOp):
        if isinstance(node.op, ast.And) is truth:
            for part in node.values:
                narrowed = narrow(part, narrowed, truth)
        return narrowed
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        path, equal = _null_test(node)
        if path is not None:
            _set_path(narrowed, path, null=equal is truth)
    return narrowed


def known_level(node: ast.expr, truth: bool) -> str:
    """The least level of a caller where the condition, by what it says of `call.level`, came out so."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return known_level(node.operand, not truth)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) is truth:
        return max((known_level(part, truth) for part in node.values), key=_LEVEL_ORDER.index)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and path_of(node.left) == ("call", "level"):
        holds = isinstance(node.ops[0], ast.Eq | ast.In) is truth
        known = isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn)
        words = [part.value for part in ast.walk(node.comparators[0]) if isinstance(part, ast.Constant)]
        if holds and known and words and all(word in _LEVEL_ORDER for word in words):
            return min((str(word) for word in words), key=_LEVEL_ORDER.index)
        if not holds and known:
            return _LEVEL_ORDER[0] if "anonymous" not in words else _above(words)
    return _LEVEL_ORDER[0]


def _above(words: Sequence[object]) -> str:
    """The least level that is none of `words`."""
    return next((level for level in _LEVEL_ORDER if level not in words), _LEVEL_ORDER[0])


def _null_test(node: ast.Compare) -> tuple[tuple[str, ...] | None, bool]:
    left, right, op = node.left, node.comparators[0], node.ops[0]
    tested = right if isinstance(left, ast.Constant) and left.value is None else left
    other = left if tested is right else right
    if not (isinstance(other, ast.Constant) and other.value is None):
        return None, False
    return path_of(tested), isinstance(op, ast.Eq | ast.Is)


def _set_path(scope: dict[str, Type], path: tuple[str, ...], null: bool) -> None:
    if path[0] in scope and not null:
        scope[path[0]] = _with_value(scope[path[0]], path[1:])


def _with_value(kind: Type, path: Sequence[str]) -> Type:
    if not path:
        return replace(kind, optional=False)
    if path[0] not in kind.fields:
        return kind
    return replace(kind, fields={**kind.fields, path[0]: _with_value(kind.fields[path[0]], path[1:])})
