"""How the hotline writes its log: one line an event on standard error, digits of callers never in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

#: A run of this many digits in a message could be a policy number, an ID or a PIN; names of calls are exempt.
_DIGITS = re.compile(r"(?<![\w-])\d{4,}(?![\w-])")
_EXEMPT = frozenset(
    {
        "timestamp",
        "call_id",
        "calls",
        "recordings",
        "recording",
        "version",
        "port",
        "pid",
        "exception",
        "address",
    }
)


def mask_digits(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Replace long digit runs in every text of a log entry, but for fields that cannot hold a caller's keys."""
    return {
        name: _DIGITS.sub("•••", value) if isinstance(value, str) and name not in _EXEMPT else value
        for name, value in event.items()
    }


def configure_logs(level: str, form: Literal["text", "json"]) -> None:
    """Set structlog and the standard library's logging to one form on standard error."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
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
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(levelname)s %(name)s %(message)s")
