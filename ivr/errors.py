"""The hotline's errors. Each has a stable code and says what to do.

HotlineError
├── SettingError        a setting is missing or wrong                                  H1xx
├── LineError           a telephone line cannot start or dial                          H2xx
│   └── RefusedError    whom we called has refused, with a SIP status                 H210
├── StorageError        a recording or the data folder cannot be written               H3xx
├── ServiceError        a service failed or was refused                                H4xx
├── WorkerError         a worker process cannot be started or stopped                  H5xx
├── SeatError           what is asked of a seat cannot be done                         H6xx
└── OutreachError       a campaign cannot be made or a call not placed                 H7xx
"""

from __future__ import annotations


class HotlineError(Exception):
    """Something a person must put right: `code` is stable, the message says what is wrong and what to do."""

    code = "H000"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code} {super().__str__()}"


class SettingError(HotlineError):
    """A setting is missing or wrong."""

    code = "H100"


class LineError(HotlineError):
    """A telephone line cannot start or dial."""

    code = "H200"


class RefusedError(LineError):
    """Whom we called has refused, or could not be reached; `status` is the SIP status of it."""

    code = "H210"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class StorageError(HotlineError):
    """A recording or the data folder cannot be written."""

    code = "H300"


class ServiceError(HotlineError):
    """A service failed or was refused."""

    code = "H400"


class WorkerError(HotlineError):
    """A worker process cannot be started or stopped."""

    code = "H500"


class SeatError(HotlineError):
    """What is asked of a seat cannot be done."""

    code = "H600"


class OutreachError(HotlineError):
    """A campaign cannot be made, or a call of it not placed."""

    code = "H700"
