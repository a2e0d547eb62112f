"""Asking a worker something at its own address; `ivr.worker.control` says what may be asked."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker said: an HTTP status (0: it did not answer) and a body."""

    status: int
    body: dict[str, Any]


def ask_worker(url: str, path: str, token: str, body: Mapping[str, Any], *, within: float) -> Reply:
    """Post one request, and wait for its answer, so many seconds at the most: for a thread, not for the loop.

    Raises OSError, HTTPException, or ValueError for an answer that is not JSON.
    """
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=within)
    try:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read() or b"{}")
        return Reply(answer.status, said if isinstance(said, dict) else {"value": said})
    finally:
        connection.close()
