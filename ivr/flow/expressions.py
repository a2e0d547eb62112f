"""Conditions and expressions of flows: a small whitelisted grammar over Python's `ast`.

`Expression.compile` reads the text once into closures, `check` finds its type or what is wrong with it, and
`evaluate` computes it. Nothing is guessed: an unknown name, a value that is not there or a comparison of two
kinds of things is an `ExpressionError`, never false. There is no call on attributes, no `**`, no
comprehension, no format; text and the number of its parts are bounded, so an evaluation takes bounded time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Final

from ivr.flow.errors import ExpressionError
from ivr.flow.expression_check import Checker, known_level, narrow
from ivr.flow.expression_run import build
from ivr.flow.values import Type, Value

LONGEST: Final = 400
MOST_PARTS: Final = 120
#: YAML's words beside Python's.
CONSTANTS: Final[Mapping[str, Value]] = {"true": True, "false": False, "null": None}

_NODES: Final = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In,
    ast.NotIn, ast.Is, ast.IsNot, ast.IfExp, ast.Call, ast.Name, ast.Load, ast.Attribute, ast.Constant,
    ast.List, ast.Tuple,
)  # fmt: skip
_NO_MORE: Final = {
    ast.Pow: "`**` is not allowed; multiply instead",
    ast.Lambda: "a lambda is not allowed",
    ast.ListComp: "a comprehension is not allowed",
    ast.GeneratorExp: "a comprehension is not allowed",
    ast.JoinedStr: "an f-string is not allowed; give the parts to a prompt's slots",
    ast.Subscript: "`[...]` is not allowed; name the field: `policy.number`",
    ast.Dict: "a mapping is not allowed here; fill one field a line",
}


class Expression:
    """One compiled expression. Immutable; make it with `Expression.compile`."""

    __slots__ = ("_run", "_tree", "names", "source")

    def __init__(self, source: str, tree: ast.expr) -> None:
        self.source = source
        self._tree = tree
        self._run: Callable[[Mapping[str, Value]], Value] = build(tree)
        #: The variables it reads.
        self.names: frozenset[str] = frozenset(_names(tree))

    @classmethod
    def compile(cls, source: str) -> Expression:
        """Read an expression; raises `ExpressionError` (F405) with what is not allowed. Cached."""
        return _compile(source)

    @classmethod
    def word(cls, word: str) -> Expression:
        """An expression that is the given word itself (a bare word where a code is wanted)."""
        return cls(word, ast.Constant(word))

    @property
    def bare_name(self) -> str | None:
        """The name, when the expression is nothing but one name."""
        return self._tree.id if isinstance(self._tree, ast.Name) else None

    def fields_of(self, name: str) -> frozenset[str]:
        """The fields it reads of the record `name`: `result.policy.number` reads `policy` of `result`."""
        return frozenset(
            node.attr
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
        )

    def check(self, scope: Mapping[str, Type]) -> Type:
        """Its type, given the types of the variables; raises `ExpressionError` with code and remedy."""
        return Checker(scope).type_of(self._tree)

    def check_condition(self, scope: Mapping[str, Type]) -> None:
        """Like `check`, and it must be true or false."""
        Checker(scope).condition(self._tree)

    def narrowed(self, scope: Mapping[str, Type], truth: bool) -> dict[str, Type]:
        """The types where the condition came out as `truth`: after `x is not None`, `x` has no `?`."""
        return narrow(self._tree, scope, truth)

    def known_level(self, truth: bool) -> str:
        """The level a caller has at least where the condition came out as `truth`: anonymous, if none."""
        return known_level(self._tree, truth)

    def evaluate(self, scope: Mapping[str, Value]) -> Value:
        """Its value; raises `ExpressionError` (F406) for anything that cannot be computed.

        `scope` holds the flow's variables and the records `call` and `company`.
        """
        try:
            return self._run(scope)
        except ExpressionError:
            raise
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            # The message of the cause could hold a value; its kind is enough.
            reason = type(error).__name__
            raise ExpressionError(f"`{self.source}` could not be computed ({reason})") from None

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and ast.dump(self._tree) == ast.dump(other._tree)

    def __hash__(self) -> int:
        return hash(ast.dump(self._tree))


@lru_cache(maxsize=4096)
def _compile(source: str) -> Expression:
    if len(source) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters; split it with `set`", "F405")
    try:
        body = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = "; compare with `==`" if "=" in source and "==" not in source else ""
        raise ExpressionError(f"`{source}` cannot be read as an expression{hint}", "F405") from None
    _refuse_foreign(source, body)
    return Expression(source, _Constants().visit(body))


def _refuse_foreign(source: str, body: ast.expr) -> None:
    for count, node in enumerate(ast.walk(body), start=1):
        if count > MOST_PARTS:
            raise ExpressionError(f"`{source[:40]}…` has too many parts; split it with `set`", "F405")
        if not isinstance(node, _NODES):
            why = _NO_MORE.get(
                type(node), "only comparison, and/or/not, arithmetic, `in`, `if else` and fields"
            )
            raise ExpressionError(f"`{source}`: {why}", "F405")
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | None):
            raise ExpressionError(
                f"`{source}`: write a number, a text in quotes, true, false or null", "F405"
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and not isfinite(node.value):
            raise ExpressionError(f"`{source}`: this number is too large", "F405")
        if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.keywords):
            raise ExpressionError(f"`{source}`: only the named functions may be called", "F405")
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise ExpressionError(f"`{source}`: a field's name begins with a letter", "F405")


class _Constants(ast.NodeTransformer):
    """`true`, `false`, `null` as YAML writes them; decimals exact."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in CONSTANTS:
            return ast.copy_location(ast.Constant(CONSTANTS[node.id]), node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, float):
            return ast.copy_location(ast.Constant(Decimal(str(node.value))), node)  # type: ignore[arg-type]
        return node


def _names(tree: ast.expr) -> Iterator[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in functions:
            yield node.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # Dates are counted from the day of the call.
            yield from ("call",) if node.func.id in {"days_until", "days_since", "today", "now"} else ()
