"""How the hotline writes its log: one line an event on standard error, digits of callers never in it."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

#: A run of this many digits could be a policy number, an ID or a PIN. The name of a call is taken first: it stays.
_DIGITS = re.compile(r"(\b\d{8}-\d{6}-\d+-[0-9a-f]{8}[\w-]*)|(?<!\w)\d{4,}(?!\w)", re.ASCII)
_EXEMPT = frozenset(
    {"timestamp", "call_id", "calls", "recordings", "recording", "version", "port", "pid", "address", "file"}
)


def mask_digits(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Replace long digit runs in every text of a log entry, but for fields that cannot hold a caller's keys."""
    return {name: value if name in _EXEMPT else _masked(value) for name, value in event.items()}


def _without_digits(text: str) -> str:
    return _DIGITS.sub(lambda found: found[1] or "•••", text)


def _masked(value: Any) -> Any:
    """The same for texts inside of lists and records."""
    if isinstance(value, str):
        return _without_digits(value)
    if isinstance(value, Mapping):
        return {name: _masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    return value


class MaskingFormatter(logging.Formatter):
    """The same for what libraries log, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """One entry as text, without long digit runs."""
        return _without_digits(super().format(record))


class JsonFormatter(MaskingFormatter):
    """The same as one JSON object a line, with the names that the hotline's own entries have."""

    def format(self, record: logging.LogRecord) -> str:
        """One entry as JSON, without long digit runs."""
        entry = {
            "logger": record.name,
            "event": super().format(record),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        return json.dumps(entry, ensure_ascii=False)


def configure_logs(level: str, form: Literal["text", "json"]) -> None:
    """Set structlog and the standard library's logging to one form on standard error."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            mask_digits,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter("%(message)s")
        if form == "json"
        else MaskingFormatter("%(levelname)s %(name)s %(message)s")
    )
    logging.basicConfig(handlers=[handler], level=level.upper())
