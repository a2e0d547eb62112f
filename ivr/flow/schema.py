"""The JSON Schema of flow files, for editors (`# yaml-language-server: $schema=...`)."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from ivr.flow.model import Flow, Hotline

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def flow_schema() -> dict[str, Any]:
    """One schema for a flow's file and for `hotline.yaml`, made from the models."""
    references, schema = models_json_schema([(Flow, "validation"), (Hotline, "validation")])
    flow, hotline = references[(Flow, "validation")], references[(Hotline, "validation")]
    return {
        "$schema": DIALECT,
        "title": "A call flow of the insurance hotline, or its hotline.yaml",
        "if": {"required": ["hotline"]},
        "then": hotline,
        "else": flow,
        "$defs": schema["$defs"],
    }


def flow_schema_text() -> str:
    """The schema as it is committed at `docs/flow.schema.json`."""
    return json.dumps(flow_schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
