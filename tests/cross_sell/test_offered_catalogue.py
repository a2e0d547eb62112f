"""The catalogue: complete in both languages, honest, and checked before it is used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cross_sell.catalogue import check, load_catalogue, read_catalogue, talk_of, write_catalogue
from cross_sell.errors import CatalogueError
from cross_sell.features import FEATURES, row_of, told_features
from cross_sell.phrases import entry_for, is_like
from cross_sell.schema import Schema, Use
from policy_db import PolicyDatabase
from policy_db.demo import data
from policy_db.errors import NotFoundError
from policy_db.selling_facts import OfferedProduct
from tests.cross_sell.selling_kit import CALL, STANDING, on_sale

OFFERED = [one.offered for one in on_sale()]
FILE = Path(str(data.__file__)).with_name("offered.yaml")
#: Features that a reason must never name, whatever the table says of them.
PRIVATE = {
    "age", "province", "occupation", "language", "yearly_premium", "largest_sum", "lapsed", "things_claims",
    "calls_30", "wants_person", "waited", "repeats", "offers_year",
}  # fmt: skip
TRAITS = re.compile(
    r"岁|年纪|老|年轻|男|女|收入|有钱|穷|民族|宗教|病|孕|婚|职业|欠|逾期|失效|理赔|"
    r"\b(age|old|young|sex|male|female|income|rich|poor|religio|ill\b|illness|pregnan|married|occupation|lapsed|arrears|"
    r"overdue|claim)",
    re.IGNORECASE,
)
#: Ordinary words in which such a sign stands.
HARMLESS = ("老客户", "照顾")


def test_the_catalogue_of_the_demonstration_holds_seven_products_and_is_sound() -> None:
    assert [one.product for one in read_catalogue(FILE)] == ["101", "102", "201", "202", "301", "401", "501"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("offered", OFFERED, ids=lambda one: one.product)
def test_every_product_has_a_whole_talk_track(offered: OfferedProduct, language: str) -> None:
    talk = talk_of(offered, language)
    assert talk is not None
    assert len(talk.needs) >= 3
    assert len(talk.objections) >= 3
    assert len(talk.never_say) >= 3
    chinese = re.search(r"[\u4e00-\u9fff]", talk.opening + talk.proposal + talk.commitment) is not None
    assert chinese == (language == "zh-CN")


def test_no_reason_names_or_suggests_a_sensitive_or_inferred_trait() -> None:
    for offered in OFFERED:
        for feature, table in offered.reasons.items():
            assert feature in told_features()
            assert feature not in PRIVATE
            for texts in table.values():
                for text in texts.values():
                    plain = text
                    for word in HARMLESS:
                        plain = plain.replace(word, "")
                    assert not TRAITS.search(plain), (offered.product, text)


def test_the_scorers_schema_agrees_about_what_may_be_told() -> None:
    schema = Schema.of(FEATURES)
    assert {name for name, column in schema.items() if column.use is Use.FEATURE} == told_features()
    assert not any(column.use is Use.FORBIDDEN for column in schema.values())
    assert told_features().isdisjoint(PRIVATE)
    assert set(FEATURES) >= PRIVATE


def test_a_row_has_every_feature_and_nothing_that_is_known_only_afterwards() -> None:
    row = row_of(STANDING, CALL)
    assert set(row) == set(FEATURES)
    assert not {"duration", "disposition", "sex", "health", "call_seconds"} & set(row)
    assert (row["has_motor"], row["policies"], row["asked_policy"], row["age"]) == (True, 1, True, 39)


def test_most_people_of_the_demonstration_fit_some_phrase() -> None:
    """A product's phrases speak of what its prior counts, so that a caller who is proposed one has a reason."""
    for offered in OFFERED:
        assert set(offered.limits["prior"]["points"]) & told_features() <= {*offered.reasons}


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("*", 0, True), ("*", None, False), ("-", None, True), ("yes", True, True), ("no", True, False),
        ("3+", 3, True), ("3+", 2.9, False), ("<3", 2, True), ("2-5", 5, True), ("2-5", 5.1, False),
        ("yes", 1, False), ("女", "女", True), ("1+", True, False),
    ],
)  # fmt: skip
def test_a_key_says_what_a_value_is_like(key: str, value: Any, fits: bool) -> None:
    assert is_like(key, value) is fits


def test_the_general_phrase_comes_last() -> None:
    assert entry_for({"*": "any", "3+": "many"}, 4) == "many"
    assert entry_for({"*": "any", "3+": "many"}, 1) == "any"
    assert entry_for({"3+": "many"}, None) is None


def _changed(part: str, **changes: Any) -> OfferedProduct:
    return replace(OFFERED[0], **{part: {**getattr(OFFERED[0], part), **changes}})


TALK = OFFERED[0].talk["en"]


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        (replace(OFFERED[0], selling="by post"), "selling"),
        (replace(OFFERED[0], line="motor"), "line"),
        (replace(OFFERED[0], queue=" "), "queue"),
        (replace(OFFERED[0], margin=-OFFERED[0].margin), "margin"),
        (_changed("limits", least_age=61), "least_age"),
        (_changed("limits", most_age="old"), "most_age"),
        (_changed("limits", needs=["cars"]), "needs"),
        (_changed("limits", most_premium=3), "most_premium is not known"),
        (_changed("limits", closes=1.5), "closes"),
        (_changed("limits", prior={"accepts": 0}), "accepts"),
        (_changed("limits", prior={"points": {"shoe_size": {"*": 1}}}), "shoe_size"),
        (_changed("limits", prior={"points": {"has_life": {"3+": 1}}}), "has_life"),
        (_changed("talk", en={}), "talk en"),
        (_changed("talk", en={**TALK, "needs": []}), "needs"),
        (_changed("talk", en={**TALK, "objections": [{"says": "No"}]}), "objections"),
        (_changed("reasons", age={"*": {"zh-CN": "甲", "en": "a"}}), "must not be told"),
        (_changed("reasons", policies={"2+": {"zh-CN": "甲"}}), "policies"),
        (_changed("reasons", policies={"2+": {"zh-CN": "收入高", "en": "Several"}}), "trait"),
        (_changed("reasons", policies={"2+": {"zh-CN": "多份", "en": "They are old"}}), "trait"),
        (_changed("reasons", has_life={"maybe": {"zh-CN": "有", "en": "Some"}}), "has_life"),
    ],
)
def test_a_bad_entry_is_refused_with_what_is_wrong(offered: OfferedProduct, why: str) -> None:
    with pytest.raises(CatalogueError, match=why):
        check(offered)


@pytest.mark.parametrize("text", ["- product: '101'\n", "nonsense", "- [1, 2\n", "3"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalogue.yaml").write_text(text)
    with pytest.raises(CatalogueError):
        read_catalogue(tmp_path / "catalogue.yaml")


async def test_a_catalogue_is_written_read_and_loaded_as_it_was(
    people: PolicyDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "catalogue.yaml"
    write_catalogue(file, [one.offered for one in await people.offered.all()])
    with pytest.raises(CatalogueError, match="new file"):
        write_catalogue(file, [])
    read = read_catalogue(file)
    assert [(one.product, one.limits, one.talk) for one in read] == [
        (one.product, one.limits, one.talk) for one in OFFERED
    ]
    assert await load_catalogue(people, read, by="mei") == 7
    after = await people.offered.all()
    assert {(one.offered.version, one.offered.changed_by) for one in after} == {(2, "mei")}
    with pytest.raises(NotFoundError):
        await load_catalogue(people, [replace(read[0], product="999")], by="mei")
