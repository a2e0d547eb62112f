"""Where the services of the hotline are registered, described and run.

A service is an async method marked with `@service`; a class of them is a room (identity, policies, claims…).
Signatures are read from the classes, so the flow checker needs no database; the registry runs the methods of
the instances that were built over one.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from ivr.errors import ServiceError
from ivr.flow.manifest import ServiceSignature
from ivr.flow.values import Level, Type, Value
from ivr.services.errors import (
    LevelRefusedError,
    ServiceFailedError,
    UndeclaredOutcomeError,
    UnknownServiceError,
    WrongArgumentsError,
)
from ivr.services.proof import ProofBook

_MARK: Final = "service_signature"


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Who asks, and when. `now` is aware local time; numbers are as the line gave them.

    `idempotency_key` is the same for every attempt of one step of one call, so that a service which changes
    something changes it once.
    """

    call_id: str
    now: datetime
    caller: str = ""
    called: str = ""
    level: Level = Level.ANONYMOUS
    language: str = ""
    idempotency_key: str = ""
    facts: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a service ended: `ok` or a declared name, with the record that belongs to it."""

    outcome: str = "ok"
    value: Value = field(default=None, repr=False)


class ServiceMethod(Protocol):
    """A bound service: the context by position, its inputs by name."""

    def __call__(self, context: ServiceContext, /, **arguments: Value) -> Awaitable[Outcome]:
        """Run it."""


Method = TypeVar("Method", bound=Callable[..., Awaitable[Outcome]])


def service(
    name: str,
    *,
    outcomes: Mapping[str, Type | None],
    inputs: Mapping[str, Type] | None = None,
    level: Level = Level.ANONYMOUS,
    grants: Mapping[str, Level] | None = None,
    idempotent: bool = True,
) -> Callable[[Method], Method]:
    """Mark a method as the service `name`; its first docstring line becomes the summary."""

    def mark(method: Method) -> Method:
        signature = ServiceSignature(
            name=name,
            inputs=dict(inputs or {}),
            outcomes=dict(outcomes),
            level=level,
            grants=dict(grants or {}),
            idempotent=idempotent,
            summary=(inspect.getdoc(method) or "").partition("\n")[0],
        )
        setattr(method, _MARK, signature)
        return method

    return mark


def _marked(room: type) -> Iterator[tuple[str, ServiceSignature]]:
    """Every service of a class: the method's name and its signature."""
    for attribute, member in inspect.getmembers(room, inspect.isfunction):
        signature = getattr(member, _MARK, None)
        if isinstance(signature, ServiceSignature):
            yield attribute, signature


def signatures_of(rooms: Iterable[type]) -> dict[str, ServiceSignature]:
    """The signatures that classes declare, by service name; ValueError when two share a name."""
    found: dict[str, ServiceSignature] = {}
    for room in rooms:
        for _, signature in _marked(room):
            if signature.name in found:
                raise ValueError(f"two services are called {signature.name!r}; rename one")
            found[signature.name] = signature
    return found


class ServiceRegistry:
    """The services of one worker, by name. `proofs` is what they remember of a running call, if they do."""

    def __init__(self, rooms: Iterable[object], proofs: ProofBook | None = None) -> None:
        rooms = list(rooms)
        self._proofs = proofs
        self._signatures = signatures_of(type(room) for room in rooms)
        self._methods: dict[str, ServiceMethod] = {
            signature.name: getattr(room, attribute)
            for room in rooms
            for attribute, signature in _marked(type(room))
        }

    def signatures(self) -> dict[str, ServiceSignature]:
        """What a flow may `do`, by name."""
        return dict(self._signatures)

    def forget(self, call_id: str) -> None:
        """A call is over: nothing is remembered of it."""
        if self._proofs is not None:
            self._proofs.forget(call_id)

    async def run(self, name: str, arguments: Mapping[str, Value], context: ServiceContext) -> Outcome:
        """Run a service.

        Raises a `ServiceError`: UnknownServiceError, WrongArgumentsError, LevelRefusedError (code `LEVEL`),
        UndeclaredOutcomeError, or ServiceFailedError when the service itself breaks. Cancellation passes
        through, so a timeout can stop it.
        """
        signature = self._signatures.get(name)
        if signature is None:
            raise UnknownServiceError(name, self._signatures)
        if context.level < signature.level:
            raise LevelRefusedError(name, signature.level)
        outcome = await self._run(signature, _complete(signature, arguments), context)
        if outcome.outcome not in signature.outcomes:
            raise UndeclaredOutcomeError(name, outcome.outcome, signature.outcomes)
        return outcome

    async def _run(
        self, signature: ServiceSignature, arguments: dict[str, Any], context: ServiceContext
    ) -> Outcome:
        """The method's outcome; a failure loses its details, which might name the caller's secrets."""
        try:
            return await self._methods[signature.name](context, **arguments)
        except ServiceError:
            raise
        except Exception as error:
            raise ServiceFailedError(signature.name, error) from _harmless(signature, error)


def _harmless(signature: ServiceSignature, error: Exception) -> Exception | None:
    """The cause to show in a traceback: none where the service was given a secret."""
    return None if any(kind.name == "secret" for kind in signature.inputs.values()) else error


def _complete(signature: ServiceSignature, arguments: Mapping[str, Value]) -> dict[str, Value]:
    """The arguments with null for every optional input left out; raises WrongArgumentsError."""
    unknown = arguments.keys() - signature.inputs.keys()
    missing = {
        name for name, kind in signature.inputs.items() if not kind.optional and arguments.get(name) is None
    }
    if missing or unknown:
        raise WrongArgumentsError(signature.name, missing, unknown)
    return {name: arguments.get(name) for name in signature.inputs}
