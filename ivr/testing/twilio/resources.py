"""What the fake Twilio's interface answers with, field by field as Twilio's description has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivr.testing.twilio.calls import FakeCall


@dataclass(slots=True)
class FakeMessage:
    """A short message."""

    sid: str
    to: str
    caller: str
    body: str
    status: str = "queued"
    error_code: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(slots=True)
class FakeRecording:
    """A recording: `sound` is µ-law."""

    sid: str
    call: str
    sound: bytes
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def call_resource(call: FakeCall, account: str) -> dict[str, Any]:
    """A call."""
    path = f"/2010-04-01/Accounts/{account}/Calls/{call.sid}"
    parts = (
        "notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions",
        "user_defined_message_subscriptions", "user_defined_messages",
    )  # fmt: skip
    return {
        "sid": call.sid,
        "account_sid": account,
        "api_version": "2010-04-01",
        "annotation": None,
        "answered_by": call.answered_by or None,
        "caller_name": None,
        "date_created": when(call.created_at),
        "date_updated": when(call.ended_at or call.created_at),
        "direction": call.direction,
        "duration": "1" if call.over and call.answered_at else None,
        "end_time": when(call.ended_at),
        "forwarded_from": None,
        "from": call.caller,
        "from_formatted": call.caller,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "start_time": when(call.answered_at),
        "status": call.status if call.status != "initiated" else "queued",
        "subresource_uris": {name: f"{path}/{name.title().replace('_', '')}.json" for name in parts},
        "to": call.to,
        "to_formatted": call.to,
        "trunk_sid": None,
        "uri": f"{path}.json",
    }


def message_resource(message: FakeMessage, account: str) -> dict[str, Any]:
    """A short message."""
    path = f"/2010-04-01/Accounts/{account}/Messages/{message.sid}"
    sent = message.status in ("sent", "delivered", "undelivered")
    return {
        "sid": message.sid,
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": when(message.created_at),
        "date_sent": when(message.created_at) if sent else None,
        "date_updated": when(message.created_at),
        "direction": "outbound-api",
        "error_code": message.error_code,
        "error_message": None,
        "from": message.caller,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "status": message.status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": message.to,
        "uri": f"{path}.json",
    }


def recording_resource(recording: FakeRecording, account: str) -> dict[str, Any]:
    """A recording."""
    path = f"/2010-04-01/Accounts/{account}/Recordings/{recording.sid}"
    return {
        "sid": recording.sid,
        "account_sid": account,
        "api_version": "2010-04-01",
        "call_sid": recording.call,
        "channels": 1,
        "conference_sid": None,
        "date_created": when(recording.created_at),
        "date_updated": when(recording.created_at),
        "duration": str(len(recording.sound) // 8000),
        "encryption_details": None,
        "error_code": None,
        "media_url": f"https://api.twilio.com{path}",
        "price": None,
        "price_unit": "USD",
        "source": "RecordVerb",
        "start_time": when(recording.created_at),
        "status": "completed",
        "subresource_uris": {},
        "uri": f"{path}.json",
    }


def listed(name: str, found: list[dict[str, Any]], path: str) -> dict[str, Any]:
    """A page with all of them."""
    return {
        name: found,
        "end": max(0, len(found) - 1),
        "first_page_uri": f"{path}?PageSize=50&Page=0",
        "next_page_uri": None,
        "page": 0,
        "page_size": 50,
        "previous_page_uri": None,
        "start": 0,
        "uri": f"{path}?PageSize=50&Page=0",
    }


def when(moment: datetime | None) -> str | None:
    """A moment as RFC 2822 has it, to the second."""
    return None if moment is None else format_datetime(moment)
