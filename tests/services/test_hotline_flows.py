from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ivr.flow import Manifest, check_flows, load_flows
from ivr.services import hotline_signatures, words
from ivr.speech.catalogue import PromptCatalogue
from ivr.testing.flowtest import run_flow_tests
from ivr.testing.fuzz import fuzz

ROOT = Path(__file__).parents[2]
FLOWS = ROOT / "flows"
LANGUAGES = ("zh-CN", "en")
GROUPS = {
    "policy_status": words.POLICY_STATUSES,
    "pay_frequency": words.FREQUENCIES,
    "premium_per": words.FREQUENCIES,
    "claim_state": words.CLAIM_STATES,
    "claim_kind": words.CLAIM_KINDS,
    "claim_document": words.CLAIM_DOCUMENTS,
    "complaint_status": words.COMPLAINT_STATES,
    "quote_reason": ("age", "sum", "term"),
}


#: Flows that no flow calls: campaigns begin them.
BY_CAMPAIGNS = (
    "appointment_reminder", "machine_message", "premium_reminder", "satisfaction_survey", "service_notice",
)  # fmt: skip


@pytest.fixture(scope="module")
def manifest():
    catalogue = PromptCatalogue.load(ROOT / "prompts", LANGUAGES)
    return Manifest(hotline_signatures(), catalogue.signatures())


@pytest.fixture(scope="module")
def library(manifest):
    return load_flows(FLOWS, manifest)


def test_the_hotlines_own_flows_have_no_problem_but_long_menus_and_flows_that_campaigns_begin(manifest):
    catalogue = PromptCatalogue.load(ROOT / "prompts")
    problems = check_flows(FLOWS, Manifest(hotline_signatures(), catalogue.signatures()))

    assert sorted((problem.code, problem.file) for problem in problems) == [
        *(("F313", f"{name}.yaml") for name in BY_CAMPAIGNS),
        ("F701", "main.yaml"),
        ("F701", "salespeople.yaml"),
        ("F701", "satisfaction_survey.yaml"),
    ]


def test_every_test_in_the_flows_passes_and_together_they_reach_every_step_and_branch(library):
    report = run_flow_tests(library)

    assert [str(failure) for failure in report.failures] == []
    assert [str(place) for one in report.coverage for place in one.missing] == []


def test_random_callers_find_no_way_to_break_the_flows(library):
    report = fuzz(library, calls=300, seed=11)

    assert [str(failure) for failure in report.failures] == []
    assert report.far == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("group", GROUPS)
def test_every_word_a_service_answers_with_has_a_prompt(manifest, group, language):
    for word in GROUPS[group]:
        assert language in manifest.prompts[f"{group}.{word}"].languages


def test_every_product_and_benefit_of_the_demonstration_has_its_prompts(manifest):
    sold = YAML(typ="safe").load((ROOT / "policy_db/demo/data/products.yaml").read_text(encoding="utf-8"))

    assert sold
    for product in sold:
        named = [words.product_name(product["key"]), words.product_about(product["key"])]
        for prompt in [*named, *(words.coverage_name(benefit["key"]) for benefit in product["benefits"])]:
            assert manifest.prompts[prompt].languages == frozenset(LANGUAGES)


def test_a_kind_of_claim_without_a_prompt_is_told_as_another_event():
    assert words.claim_kind("collision") == "traffic"
    assert words.claim_kind("meteorite") == "other"


def test_papers_written_as_free_text_are_told_in_general_words():
    assert words.claim_document("invoice") == "claim_document.invoice"
    assert words.claim_document("请补充医院诊断证明") == "claim_document.other"
