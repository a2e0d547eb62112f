"""What goes wrong between a flow and a service.

ServiceError (ivr.errors)
├── UnknownServiceError      H401   the flow names a service that is not registered
├── WrongArgumentsError      H402   an argument is missing or not known to the service
├── UndeclaredOutcomeError   H403   a service gave an outcome that its signature does not have
├── ServiceFailedError       H404   the service itself broke off; the database may be away
└── LevelRefusedError        LEVEL  the caller is not sure enough for this service
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.errors import ServiceError
from ivr.flow.values import Level


class UnknownServiceError(ServiceError):
    """No service has this name."""

    code = "H401"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no service {name!r}; the hotline has {', '.join(sorted(known))}")


class WrongArgumentsError(ServiceError):
    """An argument is missing or not known to the service. Values are never shown."""

    code = "H402"

    def __init__(self, name: str, missing: Iterable[str], unknown: Iterable[str]) -> None:
        parts = [f"lacks {word!r}" for word in sorted(missing)]
        parts += [f"does not take {word!r}" for word in sorted(unknown)]
        super().__init__(f"service {name!r} {' and '.join(parts)}; correct the step's `with:`")


class UndeclaredOutcomeError(ServiceError):
    """A service answered in a way that its signature does not have."""

    code = "H403"

    def __init__(self, name: str, outcome: str, declared: Iterable[str]) -> None:
        super().__init__(
            f"service {name!r} gave {outcome!r}; add it to the outcomes it declares: {', '.join(sorted(declared))}"
        )


class ServiceFailedError(ServiceError):
    """The service broke off; only the kind of failure is told, because details may hold personal data."""

    code = "H404"

    def __init__(self, name: str, error: BaseException) -> None:
        super().__init__(
            f"service {name!r} failed with {type(error).__name__}; see that the database is reachable"
        )


class LevelRefusedError(ServiceError):
    """The caller has not proved enough for this service, or for the policy it was asked about."""

    code = "LEVEL"

    def __init__(self, name: str, needed: Level) -> None:
        super().__init__(
            f"service {name!r} needs a caller who is {needed.name.lower()}; let the flow identify the caller first"
        )
