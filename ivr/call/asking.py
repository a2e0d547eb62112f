"""Asking a service: within its time, and with every way it can fail turned into an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from ivr.errors import HotlineError
from ivr.flow.events import ServiceResult
from ivr.flow.instructions import RunService
from ivr.flow.values import Value
from ivr.services import ServiceContext, ServiceRegistry

log = structlog.get_logger(__name__)


async def ask(
    services: ServiceRegistry,
    request: RunService,
    arguments: Mapping[str, Value],
    context: ServiceContext,
    *,
    within: float,
) -> ServiceResult:
    """The service's outcome; `timeout` after `within` seconds, `error` with a code if it failed.

    No message of a failure goes any further: it may quote arguments, which may be a caller's secrets.
    """
    try:
        async with asyncio.timeout(within):
            answer = await services.run(request.service, arguments, context)
    except TimeoutError:
        return ServiceResult(0.0, request.request, "timeout")
    except Exception as error:
        code = error.code if isinstance(error, HotlineError) else type(error).__name__
        log.error("service failed", call_id=context.call_id, service=request.service, code=code)
        return ServiceResult(0.0, request.request, "error", code=code)
    return ServiceResult(0.0, request.request, answer.outcome, answer.value)
