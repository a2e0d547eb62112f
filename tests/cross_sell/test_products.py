"""The learner of many products: what it finds, and what it makes of bad input."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cross_sell
from cross_sell.errors import FrameError, ModelError
from cross_sell.learning import Progress
from cross_sell.model_file import LARGEST
from cross_sell.products_model import ProductModel

PRODUCTS = ("motor", "home", "life", "travel", "legal", "pet")


def customers(size: int, seed: int = 1) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Holdings and attributes: home goes with motor, life with the north, travel with the young, legal with home."""
    chance = np.random.default_rng(seed)
    region = chance.choice(["north", "south", "west"], size)
    age = chance.integers(18, 80, size)
    motor = chance.random(size) < 0.7
    home = chance.random(size) < np.where(motor, 0.6, 0.15)
    life = chance.random(size) < np.where(region == "north", 0.6, 0.05)
    travel = chance.random(size) < np.where(age < 35, 0.5, 0.05)
    legal = chance.random(size) < np.where(home, 0.25, 0.01)
    pet = chance.random(size) < 0.05
    held = np.column_stack([motor, home, life, travel, legal, pet]).astype(int)
    held[held.sum(axis=1) == 0, 0] = 1
    holdings = {name: held[:, place].tolist() for place, name in enumerate(PRODUCTS)}
    return holdings, {"region": region.tolist(), "age": age.tolist()}


@pytest.fixture(scope="module")
def model() -> ProductModel:
    holdings, attributes = customers(1500)
    return cross_sell.fit_products(holdings, attributes, seed=3)


def chance_of(model: ProductModel, row: object, product: str) -> float:
    return {one.product: one.probability for one in model.score(row)}.get(product, 0.0)


def test_the_chances_of_what_is_not_held_sum_to_one_and_are_ranked(model: ProductModel) -> None:
    scores = model.score({"owned": ["motor"], "region": "north", "age": 50})
    assert {one.product for one in scores} == set(PRODUCTS) - {"motor"}
    assert math.isclose(sum(one.probability for one in scores), 1.0, abs_tol=1e-9)
    assert [one.probability for one in scores] == sorted((one.probability for one in scores), reverse=True)


def test_what_is_held_and_who_the_customer_is_both_count(model: ProductModel) -> None:
    north, south = ({"owned": ["motor"], "region": region, "age": 50} for region in ("north", "south"))
    assert chance_of(model, north, "life") > 3 * chance_of(model, south, "life")
    assert chance_of(model, ["motor", "home"], "legal") > chance_of(model, ["motor"], "legal")


def test_chances_are_calibrated_on_customers_never_seen(model: ProductModel) -> None:
    holdings, attributes = customers(1500, seed=9)
    said, true = [], []
    for row in range(1500):
        owned = [name for name in PRODUCTS if holdings[name][row]]
        masked = owned[row % len(owned)]
        rest = [name for name in owned if name != masked]
        first = model.recommend(
            {"owned": rest, "region": attributes["region"][row], "age": attributes["age"][row]}, 1
        )[0]
        said.append(first.probability)
        true.append(first.product == masked)
    assert abs(np.mean(said) - np.mean(true)) < 0.03


def test_shuffled_holdings_teach_nothing_but_popularity() -> None:
    holdings, attributes = customers(1500)
    chance = np.random.default_rng(0)
    shuffled = {name: chance.permutation(column).tolist() for name, column in holdings.items()}
    order = chance.permutation(1500)
    attributes = {name: [column[place] for place in order] for name, column in attributes.items()}
    model = cross_sell.fit_products(shuffled, attributes, seed=3)
    assert model.figures["log_loss"] > 0.97 * model.figures["popularity_log_loss"]
    rows = [{"owned": ["travel"], "region": region, "age": 40} for region in ("north", "south", "west")]
    chances = [chance_of(model, row, "life") for row in rows]
    assert max(chances) - min(chances) < 0.08


def test_reasons_are_exact_told_in_both_languages_and_silent_of_age(model: ProductModel) -> None:
    best = next(
        one
        for one in model.score({"owned": ["motor"], "region": "north", "age": 25})
        if one.product == "life"
    )
    assert best.reasons[0].feature == "region"
    assert best.reasons[0].contribution > 0
    assert all("age" not in one.feature for one in best.reasons)
    told = {one.feature: one.text for one in best.reasons_in("zh-CN")}
    assert told["held:motor"] == "已持有motor"


def test_the_same_input_and_seed_give_the_same_model(model: ProductModel) -> None:
    holdings, attributes = customers(1500)
    again = cross_sell.fit_products(holdings, attributes, seed=3).as_dict()
    once = model.as_dict()
    for one in (once, again):
        one["figures"] = {name: value for name, value in one["figures"].items() if name != "seconds"}
    assert json.dumps(once) == json.dumps(again)


def test_a_saved_model_says_the_same(model: ProductModel, tmp_path: Path) -> None:
    path = model.save(tmp_path / "products.json")
    loaded = ProductModel.load(path)
    rows = [["motor"], {"owned": ["home", "pet"], "region": "west", "age": 33}, {}]
    assert np.array_equal(model.probabilities(rows), loaded.probabilities(rows))
    assert path.stat().st_size <= LARGEST


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "cross-sell-products", "format_version": 1}'])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ModelError):
        ProductModel.load(path)


@pytest.mark.parametrize(
    "row",
    [
        [], (), None, "motor", 7, {}, {"owned": None}, {"owned": ["spaceship"]}, {"region": "the moon", "age": "old"},
        {"region": float("nan"), "age": None}, {"motor": 1, "home": "yes", "life": "?"}, {"owned": {"motor": 2}},
        {"history": [("2020-01-01", "motor"), "home", ("never", None)], "at": "x"}, {"age": 10**400}, {"age": [1]},
    ],
)  # fmt: skip
def test_nothing_in_a_row_is_an_error(model: ProductModel, row: object) -> None:
    scores = model.score(row)
    assert math.isclose(sum(one.probability for one in scores), 1.0, abs_tol=1e-9)
    assert all(isinstance(one.reasons, tuple) for one in scores)


def test_only_candidates_are_suggested_and_never_what_is_held(model: ProductModel) -> None:
    scores = model.score(["motor"], candidates=["motor", "pet", "legal", "yacht"])
    assert [one.product for one in scores if one.probability > 0] in (["pet", "legal"], ["legal", "pet"])
    assert scores[-1].product == "yacht"
    assert scores[-1].probability == 0.0
    assert model.score(PRODUCTS) == []
    assert model.recommend(["motor"], 3, candidates=[]) == []


def test_outcomes_move_the_level_of_a_product_and_a_few_move_it_little(model: ProductModel) -> None:
    copy = ProductModel.from_dict(json.loads(json.dumps(model.as_dict())))
    before = chance_of(copy, ["motor"], "pet")
    copy.observe([(["motor"], "pet")] * 3)
    little = chance_of(copy, ["motor"], "pet")
    copy.observe([(["motor"], "pet")] * 300 + [(["home"], "unheard of")])
    assert before < little < 2 * before
    assert chance_of(copy, ["motor"], "pet") > 3 * before
    assert copy.observed == 303


def test_holdings_come_in_any_shape() -> None:
    holdings, attributes = customers(300)
    lists = [[name for name in PRODUCTS if holdings[name][row]] for row in range(300)]
    long = [{"customer": row, "product": name} for row, names in enumerate(lists) for name in names]
    wide = {**holdings, **attributes}
    shapes: list[tuple[object, object]] = [
        (holdings, attributes), (wide, None), (lists, attributes), (dict(enumerate(lists)), attributes),
        (long, {"customer": list(range(300)), **attributes}),
    ]  # fmt: skip
    models = [cross_sell.fit_products(one, two, products=PRODUCTS) for one, two in shapes]
    row = {"owned": ["motor"], "region": "north", "age": 25}
    first = models[0].probabilities([row])
    assert all(np.allclose(first, one.probabilities([row]), atol=2e-3) for one in models[1:])


def test_a_product_of_five_buyers_or_none_has_a_small_chance() -> None:
    holdings, attributes = customers(400)
    holdings["yacht"] = [1] * 5 + [0] * 395
    holdings["zeppelin"] = [0] * 400
    model = cross_sell.fit_products(holdings, attributes, products=[*PRODUCTS, "yacht", "zeppelin"])
    assert 0 < chance_of(model, ["motor"], "zeppelin") < chance_of(model, ["motor"], "yacht") < 0.1


def test_columns_that_say_nothing_do_no_harm() -> None:
    holdings, attributes = customers(300)
    attributes |= {"empty": [None] * 300, "same": ["x"] * 300, "number": [math.nan] * 300}
    assert cross_sell.fit_products(holdings, attributes).score(["motor"])


def test_a_forbidden_column_is_never_read() -> None:
    holdings, attributes = customers(300)
    model = cross_sell.fit_products(holdings, attributes | {"religion": attributes["region"]})
    assert all(reader.column != "religion" for reader in model.features.readers)


@pytest.mark.parametrize(
    ("ownership", "attributes"),
    [
        (None, None), ([], None), ([[], []], None), ({"p": [0, 1]}, {"age": [1, 2, 3]}), (7, None),
        ({"name": ["Ann", "Bob"], "age": [40, 50], "product": ["x", "y"]}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_a_clear_error(ownership: object, attributes: object) -> None:
    with pytest.raises(FrameError) as caught:
        cross_sell.fit_products(ownership, attributes)
    assert caught.value.remedy


def test_progress_is_told_to_the_end() -> None:
    told: list[Progress] = []
    holdings, attributes = customers(300)
    cross_sell.fit_products(holdings, attributes, progress=told.append)
    assert told[-1].share == 1.0
    assert all(0 <= one.share <= 1 for one in told)


def purchases(size: int, seed: int = 2) -> list[dict[str, Any]]:
    """Dated purchases: home follows motor, motor is bought again and again, travel is the fashion of the last weeks."""
    chance = np.random.default_rng(seed)
    rows, start = [], date(2024, 1, 1)
    for customer in range(size):
        day = int(chance.integers(0, 600))
        had: set[str] = set()
        for _ in range(int(chance.integers(1, 4))):
            late = day > 540
            if "motor" in had and "home" not in had and chance.random() < 0.7:
                product = "home"
            else:
                likely = [0.45, 0.05, 0.2, 0.6 if late else 0.02, 0.1, 0.05]
                product = str(chance.choice(PRODUCTS, p=np.asarray(likely) / sum(likely)))
            if product in had and product != "motor":
                continue
            had.add(product)
            rows.append(
                {"customer": customer, "product": product, "at": (start + timedelta(days=day)).isoformat()}
            )
            day += int(chance.integers(10, 120))
    return rows


@pytest.fixture(scope="module")
def dated() -> ProductModel:
    return cross_sell.fit_products(events=purchases(1500))


def test_a_dated_model_learns_what_follows_what(dated: ProductModel) -> None:
    row = {"history": [("2025-05-01", "motor")], "at": "2025-06-01"}
    assert dated.recommend(row, 1)[0].product == "home"
    assert dated.recommend({"history": [], "at": "2025-06-01"}, 1)[0].product != "home"


def test_what_is_bought_again_may_be_suggested_again_and_nothing_else(dated: ProductModel) -> None:
    assert dated.repeatable == {"motor"}
    scores = dated.score({"history": [("2025-05-01", "motor"), ("2025-05-20", "life")], "at": "2025-06-01"})
    assert {one.product for one in scores} == set(PRODUCTS) - {"life"}


def test_levels_follow_the_last_weeks(dated: ProductModel) -> None:
    share = sum(one["product"] == "travel" for one in purchases(1500)) / len(purchases(1500))
    assert chance_of(dated, [], "travel") > 2 * share


def test_rows_with_a_time_are_purchases_whichever_way_they_are_given() -> None:
    rows = purchases(200)
    one, two = cross_sell.fit_products(rows), cross_sell.fit_products(events=rows)
    assert one.features.dated
    assert np.array_equal(one.probabilities([["motor"]]), two.probabilities([["motor"]]))


def test_what_could_not_be_bought_is_no_evidence_against_it() -> None:
    rows = purchases(600)
    never = {
        str(customer): [name for name in PRODUCTS if name != "pet" or customer < 60]
        for customer in range(600)
    }
    with_filter = cross_sell.fit_products(events=rows, eligible=never)
    without = cross_sell.fit_products(events=rows)
    assert chance_of(with_filter, [], "pet") > 1.5 * chance_of(without, [], "pet") or not any(
        one["product"] == "pet" and one["customer"] < 60 for one in rows
    )
    scores = with_filter.score({"history": []}, candidates=["life", "travel"])
    assert {one.product for one in scores} == {"life", "travel"}


def test_a_rule_of_attributes_says_what_could_be_bought() -> None:
    holdings, attributes = customers(400)
    model = cross_sell.fit_products(
        holdings,
        attributes,
        eligible=lambda row: [name for name in PRODUCTS if name != "life" or row["region"] == "north"],
    )
    assert model.score(["motor"])
