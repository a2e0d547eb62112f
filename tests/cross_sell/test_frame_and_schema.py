"""Tables of any shape, and what is known of their columns."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cross_sell.errors import FrameError, SchemaError, TargetError
from cross_sell.frame import read_frame
from cross_sell.schema import Kind, Schema, Use, trait_of
from cross_sell.values import flag, level, number

ROWS = [{"age": 30, "region": "north", "bought": "yes"}, {"age": None, "region": "south", "bought": "no"}]


@pytest.mark.parametrize(
    "shape",
    [
        ROWS,
        iter(ROWS),
        {"age": [30, None], "region": ["north", "south"], "bought": ["yes", "no"]},
        {"age": np.array([30.0, np.nan]), "region": ("north", "south"), "bought": [True, False]},
        pd.DataFrame(ROWS),
    ],
    ids=["rows", "iterator", "columns", "arrays", "pandas"],
)
def test_a_table_of_any_shape_reads_the_same(shape):
    frame = read_frame(shape)
    assert frame.rows == 2
    np.testing.assert_array_equal(frame.numbers("age"), [30.0, np.nan])
    assert frame.levels("region") == ["north", "south"]
    assert frame.labels("bought").tolist() == [True, False]


@pytest.mark.parametrize("shape", [7, "text", [1, 2], {"a": [1], "b": [1, 2]}, np.zeros(3), {"a": 3}])
def test_what_is_no_table_is_refused_with_advice(shape):
    with pytest.raises(FrameError, match=r"Give|Rename"):
        read_frame(shape)


def test_columns_called_by_numbers_keep_their_keys():
    frame = read_frame(pd.DataFrame([[1, 2], [3, 4]]))
    assert frame.row(1) == {0: 3, 1: 4}


@pytest.mark.parametrize(
    "values",
    [
        ["yes", "no"],
        ["Y", "n"],
        [1, 0],
        [1.0, 0.0],
        ["是", "否"],
        [True, False],
        ["TRUE", "false"],
        ["1", "0"],
    ],
)
def test_a_target_may_be_written_in_the_ways_people_write_it(values):
    assert read_frame({"y": values}).labels("y").tolist() == [True, False]


@pytest.mark.parametrize("values", [["yes", None], ["yes", "maybe"], [1, 2], [1.0, math.nan]])
def test_a_target_that_is_neither_yes_nor_no_names_the_row(values):
    with pytest.raises(TargetError, match="Row 1 of 'y'"):
        read_frame({"y": values}).labels("y")


@pytest.mark.parametrize("value", [None, "", "nan", math.inf, "word", object(), [1], 10**400, np.nan])
def test_what_is_not_a_number_is_missing(value):
    assert math.isnan(number(value))


def test_one_level_however_it_is_written():
    assert {level(one) for one in (11, 11.0, "11", " 11.0 ", Decimal(11), np.int64(11))} == {"11"}
    assert level(True) == "1"
    assert level(date(2026, 1, 2)) == "2026-01-02"
    assert flag("Yes") is True
    assert flag("perhaps") is None


def test_kinds_are_told_from_values_and_uses_from_names():
    schema = Schema.infer(
        {
            "customer_id": [f"C{number}" for number in range(100)],
            "premium": [number * 1.5 for number in range(100)],
            "policies": [number % 4 for number in range(100)],
            "Region_Code": [float(number % 30) for number in range(100)],
            "garage": ["yes", "no"] * 50,
            "age": list(range(100)),
            "Vehicle_Age": ["new", "old"] * 50,
            "religion": ["a", "b"] * 50,
            "duration": list(range(100)),
            "bought": [0, 1] * 50,
        },
        "bought",
    )
    assert {name: column.kind for name, column in schema.items()} == {
        "customer_id": Kind.CATEGORY,
        "premium": Kind.NUMBER,
        "policies": Kind.ORDINAL,
        "Region_Code": Kind.CATEGORY,
        "garage": Kind.FLAG,
        "age": Kind.NUMBER,
        "Vehicle_Age": Kind.CATEGORY,
        "religion": Kind.CATEGORY,
        "duration": Kind.NUMBER,
    }
    assert {name for name, column in schema.items() if column.use is Use.FORBIDDEN} == {
        "customer_id",
        "religion",
        "duration",
    }
    assert schema["age"].use is Use.SILENT
    assert schema["Vehicle_Age"].use is Use.FEATURE


@pytest.mark.parametrize(
    "name",
    [
        "duration",
        "call_seconds",
        "callDuration",
        "ethnicity",
        "race",
        "religion",
        "MGODRK",
        "disposition",
        "seat_code",
    ],
)
def test_no_schema_makes_a_feature_of_what_must_not_be_one(name):
    schema = Schema.of({name: {"kind": "number", "use": "feature", "consent": True}})
    assert schema[name].use is Use.FORBIDDEN


def test_health_counts_with_consent_of_its_own_and_even_then_is_not_told():
    assert Schema.of({"diagnosis": "category"})["diagnosis"].use is Use.FORBIDDEN
    assert Schema.of({"diagnosis": {"kind": "category", "consent": True}})["diagnosis"].use is Use.SILENT


@pytest.mark.parametrize("name", ["age_of_car", "premium", "region", "cars", "trace", "grace_period", "page"])
def test_ordinary_names_are_ordinary(name):
    assert trait_of(name) is None or name == "age_of_car"


def test_plain_data_becomes_a_schema_and_goes_back():
    schema = Schema.of(
        {
            "columns": {
                "cars": {"kind": "ordinal", "monotone": "increasing", "text": {"zh-CN": "车辆数"}},
                "size": int,
            },
            "forbidden": ["cars_owned_later"],
            "sensitive": ["size"],
        }
    )
    assert schema["cars"].monotone == 1
    assert schema["cars"].said("zh-CN") == "车辆数"
    assert schema["size"].use is Use.SILENT
    assert schema["cars_owned_later"].use is Use.FORBIDDEN
    assert dict(Schema.of(schema.as_dict())) == dict(schema)


@pytest.mark.parametrize(
    "said", [{"a": "colour"}, {"a": {"kind": "number", "weight": 3}}, {"a": {"monotone": 2}}, {"a": 3}, 7,
             {"a": {"kind": "category", "monotone": 1}}, {"a": {"use": "sometimes"}}, {"a": {"trait": "odd"}}]
)  # fmt: skip
def test_what_a_schema_cannot_say_is_refused_with_advice(said):
    with pytest.raises(SchemaError):
        Schema.of(said)
