"""Models on the console: which is in use, promoted and rolled back by administrators, and how callers have moved."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from cross_sell.learning import fit
from cross_sell.model import Model
from cross_sell.registry import Registry
from ivr.console.crosssell.watching import models_folder
from tests.console.console_kit import Console

PATH = "/crosssell/models/501"


@pytest.fixture(scope="module")
def model() -> Model:
    dice = random.Random(5)
    rows = [{"policies": dice.randint(1, 4), "has_motor": dice.random() < 0.5} for _ in range(400)]
    told = [row | {"label": dice.random() < 0.1 + 0.15 * row["policies"]} for row in rows]
    return fit(told, "label", candidates=["scorecard"])


@pytest.fixture
def versions(console: Console, model: Model) -> tuple[str, str]:
    registry = Registry(models_folder(console.parts))
    first, second = registry.add("501", model), registry.add("501", model)
    registry.promote("501", first)
    return first, second


async def test_every_product_says_which_model_speaks_for_it(
    console: Console, versions: tuple[str, str]
) -> None:
    mei = await console.signed_in("mei")
    page = (await mei.get("/crosssell/models")).text
    assert versions[0] in page
    assert page.count('badge">the catalogue') == 6
    one = (await mei.get(PATH)).text
    for told in (*versions, "scorecard", "In use", "Hash of its data"):
        assert told in one, told
    assert "/promote" not in one, "a manager looks, an administrator decides"
    anna = await console.signed_in("anna")
    assert (await anna.get(PATH)).status_code == 403
    assert (await mei.get("/crosssell/models/999")).status_code == 404
    assert (await mei.get("/crosssell/models/..")).status_code in (303, 404)


async def test_an_administrator_promotes_and_rolls_back_and_it_is_audited(
    console: Console, versions: tuple[str, str]
) -> None:
    first, second = versions
    root, mei = await console.signed_in("root"), await console.signed_in("mei")
    sent = {"version": second, "seen": first}
    assert (await mei.post(f"{PATH}/promote", data=sent)).status_code == 403
    assert (await root.post(f"{PATH}/promote", data=sent)).status_code == 303
    assert (await root.get(f"/api{PATH}")).json()["in_use"] == second
    late = await root.post(f"{PATH}/promote", data=sent)
    assert late.status_code == 409
    assert "put to use meanwhile" in late.text
    assert (await root.post(f"{PATH}/promote", data={"version": "none", "seen": second})).status_code == 404
    back = await root.post(f"/api{PATH}/roll-back", json={"seen": second})
    assert back.json()["in_use"] == first
    assert (await root.post(f"{PATH}/roll-back", data={"seen": first})).status_code == 303
    none = await root.post(f"{PATH}/roll-back", data={"seen": ""})
    assert none.status_code == 409
    trail = [(one.action, one.details["version"]) for one in await console.database.audit.about("model:501")]
    assert trail == [("rolled_back", ""), ("rolled_back", first), ("promoted", second)]
    assert "went back to" in (await root.get(PATH)).text


async def test_the_latest_callers_are_compared_with_those_it_learnt_from(
    console: Console, versions: tuple[str, str]
) -> None:
    known = await console.database.suggestions.find("demo-1")
    assert known is not None
    candidate = replace(known.candidates[0], product="501")
    for number in range(60):
        made = replace(
            known, id=f"d-{number}", call_id=f"d-{number}", decided_at=console.parts.clock(), candidates=(candidate,),
            features={"policies": 9, "has_motor": number % 2 == 0},
        )  # fmt: skip
        await console.database.suggestions.add(made)
    mei = await console.signed_in("mei")
    told = (await mei.get(f"/api{PATH}")).json()
    assert told["drift_rows"] >= 60
    worst = told["drift"][0]
    assert (worst["feature"], worst["psi"] > 0.25) == ("policies", True)
    page = (await mei.get(PATH)).text
    assert "Shifted" in page
    assert "policies in force" in page


async def test_a_damaged_folder_is_told_and_not_a_failure(
    console: Console, versions: tuple[str, str]
) -> None:
    (models_folder(console.parts) / "501" / f"{versions[1]}.json").write_text("{", encoding="utf-8")
    root = await console.signed_in("root")
    reply = await root.post(f"{PATH}/promote", data={"version": versions[1], "seen": versions[0]})
    assert reply.status_code == 409
