"""What we ask of Twilio, and what the fake one answers, against Twilio's published description of its interface."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from twilio_house import twilio_house

from ivr.outreach.carrier import DialOrder
from ivr.outreach.twilio import TwilioCarrier, TwilioSms

SPEC = json.loads((Path(__file__).parent / "twilio_openapi.json").read_text())
#: Formats of Twilio's own, and what they look like.
FORMATS = {"phone-number": None, "date-time-rfc-2822": r"^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000$"}


def schema_of(part: Any) -> Any:
    """A schema of OpenAPI 3.0 as one of JSON Schema."""
    if isinstance(part, list):
        return [schema_of(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return schema_of(SPEC["components"]["schemas"][part["$ref"].rpartition("/")[2]])
    plain = {name: schema_of(value) for name, value in part.items() if name not in ("nullable", "format")}
    pattern = FORMATS.get(part.get("format", "")) if isinstance(part.get("format"), str) else None
    if pattern:
        plain["pattern"] = pattern
    return {"anyOf": [plain, {"type": "null"}]} if part.get("nullable") is True else plain


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    for template, methods in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in methods:
            return template, methods[method.lower()]
    raise AssertionError(f"Twilio describes no {method} {path}")


def parameters(method: str, told: dict[str, Any]) -> dict[str, Any]:
    """What may be told in an operation, by name: a schema each, and the names that must be."""
    if method == "POST":
        (body,) = told["requestBody"]["content"].values()
        return {"type": "object", "additionalProperties": False, **schema_of(body["schema"])}
    query = [one for one in told["parameters"] if one["in"] == "query"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {one["name"]: schema_of(one["schema"]) for one in query},
    }


def typed(form: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The texts of a form as what their schemas say that they are."""

    def one(name: str, value: Any) -> Any:
        wanted = schema["properties"].get(name, {}).get("type")
        if wanted == "array":
            return [value] if isinstance(value, str) else value
        if wanted in ("integer", "boolean"):
            return json.loads(value)
        return value

    return {name: one(name, value) for name, value in form.items()}


def complaints(schema: dict[str, Any], value: Any) -> Iterator[str]:
    for error in jsonschema_rs.validator_for(schema).iter_errors(value):
        yield f"{error.instance_path}: {error.message}"


async def test_our_requests_and_the_fakes_answers_are_as_twilio_describes_them(tmp_path: Path) -> None:
    async with twilio_house(tmp_path) as house:
        rest = house.worker.line.rest
        carrier = TwilioCarrier(house.worker.line)
        told: Any = type("T", (), {"submitted": print, "ringing": lambda _: None, "answered_by": print})()
        order = DialOrder("a-1", "+8613900000001", "", 20.0, True, "call-1", datetime.now(UTC))
        leg = await carrier.place(order, told)
        await carrier.ask(order)
        await leg.send_away("+8613900000002")  # type: ignore[attr-defined]
        await (await house.twilio.called("+8613900000001")).finished()
        sms = TwilioSms(rest)
        began = datetime.now(UTC)
        await sms.send_sms("+8613900000001", "…", reference="1")
        await sms.send_sms("+8613900000001", "另一条", reference="2", since=began)
        recording = house.twilio.keep_recording(leg.info.remote_id, b"\xff" * 8000)
        assert [one.sid for one in await rest.recordings(began)] == [recording]
        await rest.delete_recording(recording)
        assert await rest.account_status() == "active"
        number = await rest.number()
        assert number is not None
        await rest.connect_number(number["sid"], fallback_url="https://example.com/fallback.xml")
        wrong = []
        for method, path, form in house.twilio.rest.asked:
            schema = parameters(method, operation(method, path)[1]) if method != "DELETE" else {}
            if schema:
                wrong += [f"{method} {path} {one}" for one in complaints(schema, typed(dict(form), schema))]
        for method, path, status, body in house.twilio.rest.answers:
            answers = operation(method, path)[1]["responses"]
            assert str(status) in answers, (method, path, status, list(answers))
            if status != 204:
                schema = schema_of(answers[str(status)]["content"]["application/json"]["schema"])
                wrong += [f"{method} {path} -> {one}" for one in complaints(schema, body)]
        assert not wrong
        assert len({operation(method, path)[0] for method, path, _ in house.twilio.rest.asked}) >= 7


@pytest.mark.parametrize(
    ("form", "wrong"), [({"To": "+1"}, True), ({"To": "+1", "From": "+2", "Sound": "x"}, True)]
)
def test_what_twilio_does_not_know_would_be_noticed(form: dict[str, str], wrong: bool) -> None:
    schema = parameters("POST", operation("POST", f"/2010-04-01/Accounts/AC{'0' * 32}/Calls.json")[1])
    assert bool(list(complaints(schema, form))) == wrong
