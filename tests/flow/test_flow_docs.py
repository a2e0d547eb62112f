"""The pages about the language say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flow_folder import MANIFEST
from pydantic import BaseModel

from ivr.flow import check_flows, codes_page, flow_schema_text, model, script_words
from ivr.flow.expression_check import SIGNATURES
from ivr.flow.expression_run import FUNCTIONS
from ivr.flow.values import PLAIN_TYPES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "flows.md").read_text(encoding="utf-8")
WORDS = frozenset(re.findall(r"[a-z][a-z0-9_]*", PAGE))
MODELS = [value for value in vars(model).values() if isinstance(value, type) and issubclass(value, BaseModel)]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_every_key_of_the_language_is_on_the_page(kind: type[BaseModel]) -> None:
    keys = {info.alias or name for name, info in kind.model_fields.items()}
    assert keys - WORDS == set()


def test_every_type_function_and_test_word_is_on_the_page() -> None:
    test_words = script_words.GIVEN | script_words.DOES | script_words.HOW | script_words.EXPECTED
    assert (PLAIN_TYPES | SIGNATURES.keys() | test_words | model.RESERVED_TARGETS) - WORDS == set()


def test_every_function_that_is_checked_can_be_run() -> None:
    assert SIGNATURES.keys() == FUNCTIONS.keys()


def test_the_page_of_codes_is_the_one_the_code_makes() -> None:
    assert (DOCS / "flow-codes.md").read_text(encoding="utf-8") == codes_page()


def test_the_committed_schema_is_the_one_the_models_make() -> None:
    assert (DOCS / "flow.schema.json").read_text(encoding="utf-8") == flow_schema_text()


def test_the_schema_takes_durations_as_they_are_written() -> None:
    schema = json.loads(flow_schema_text())
    first_digit = schema["$defs"]["InputSettings"]["properties"]["first_digit"]
    assert {"type": "null"} in first_digit["anyOf"]
    assert re.match(first_digit["anyOf"][0]["pattern"], "800ms")


def test_the_examples_of_the_page_have_the_right_shape(tmp_path: Path) -> None:
    flow, hotline = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[:2]
    (tmp_path / "premium_enquiry.yaml").write_text(flow, encoding="utf-8")
    (tmp_path / "hotline.yaml").write_text(hotline, encoding="utf-8")
    shape = {problem.code for problem in check_flows(tmp_path, MANIFEST)} & {
        "F102",
        "F201",
        "F202",
        "F204",
        "F405",
    }
    assert shape == set()
