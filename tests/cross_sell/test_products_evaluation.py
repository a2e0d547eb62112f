"""The evaluations of many products: on tables made here, in the shape of the public ones."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cross_sell.errors import DataError
from cross_sell.evaluation import tryg, zimnat
from tests.cross_sell.test_products import PRODUCTS, customers, purchases


@pytest.fixture(autouse=True)
def without_challenger(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (tryg, zimnat):
        monkeypatch.setattr(module, "find_spec", lambda _name: None)


def write(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def masked_table(path: Path, size: int, seed: int) -> None:
    holdings, attributes = customers(size, seed)
    head = ["ID", "join_date", "branch_code", "birth_year", *PRODUCTS]
    rows = []
    for row in range(size):
        held = [holdings[name][row] for name in PRODUCTS]
        year = 2020 - attributes["age"][row]
        rows.append([f"c{row}", f"01-{row % 12 + 1:02d}-2019", attributes["region"][row], year, *held])
    write(path, head, rows)


def test_the_masked_product_is_found_more_often_than_by_popularity(tmp_path: Path) -> None:
    masked_table(tmp_path / "zimnat_dev.csv", 1200, 1)
    table = zimnat.evaluate(tmp_path, 0)
    assert tuple(table.columns) == zimnat.COLUMNS
    ours, popular = (dict(table.rows)[name] for name in ("cross_sell.fit_products", "popularity"))
    assert ours["rarer recall@1"] > popular["rarer recall@1"]
    assert ours["log loss"] < popular["log loss"]
    assert ours["calibration error"] < 0.1


def test_a_second_table_of_customers_is_judged_by_the_first(tmp_path: Path) -> None:
    masked_table(tmp_path / "zimnat_dev.csv", 400, 1)
    masked_table(tmp_path / "zimnat_held_out.csv", 150, 2)
    assert "150 customers of zimnat_held_out.csv" in zimnat.evaluate(tmp_path, 0).notes[0]


def purchase_rows(size: int) -> list[list[Any]]:
    rows = sorted(purchases(size), key=lambda one: one["at"])
    return [
        [place, one["customer"], f"{one['at']} 10:00:00", 0, one["product"]] for place, one in enumerate(rows)
    ]


HEAD = ["event_id", "user_id", "event_time", "valid", "item_id"]


def test_the_next_purchase_is_never_an_item_that_could_not_be_bought(tmp_path: Path) -> None:
    write(tmp_path / "purchase_events_train.csv", HEAD, purchase_rows(600))
    table = tryg.evaluate(tmp_path, 0)
    ours, popular = (dict(table.rows)[name] for name in ("cross_sell.fit_products", "popularity"))
    assert ours["ineligible suggestions"] == 0.0 < popular["ineligible suggestions"]
    assert ours["HR@1"] > popular["HR@1"]


def test_later_purchases_are_judged_with_the_filter_that_goes_with_them(tmp_path: Path) -> None:
    rows = purchase_rows(500)
    cut = len(rows) * 9 // 10
    write(tmp_path / "purchase_events_train.csv", HEAD, rows[:cut])
    write(tmp_path / "purchase_events_test.csv", HEAD, rows[cut:])
    free = [
        [row[0], name] for row in rows[cut:] for name in PRODUCTS if name == row[4] or name in PRODUCTS[:4]
    ]
    write(tmp_path / "filter_test.csv", ["event_id", "item_id"], free)
    table = tryg.evaluate(tmp_path, 0)
    assert dict(table.rows)["cross_sell.fit_products"]["ineligible suggestions"] == 0.0
    assert "what may be bought is given" in table.notes[0]


@pytest.mark.parametrize("module", [tryg, zimnat])
def test_a_folder_without_the_table_is_refused(tmp_path: Path, module: Any) -> None:
    with pytest.raises(DataError):
        module.evaluate(tmp_path, 0)


def test_calibration_error_weighs_cases() -> None:
    said, weight = np.full(100, 0.5), np.ones(100)
    right = np.arange(100) % 2 == 0
    assert zimnat.weighted_calibration_error(said, right, weight) < 1e-9
    assert zimnat.weighted_calibration_error(said, right, np.where(right, 3.0, 1.0)) == pytest.approx(0.25)
