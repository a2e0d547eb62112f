"""Each code of the checks with a good flow and the one line that spoils it."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from flow_folder import FILES, MANIFEST, problems_of, write_folder

from ivr.flow import CODES, FlowErrors, check_flows, load_flows
from ivr.flow.yaml_source import LARGEST_FILE


class Spoilt(NamedTuple):
    """In `file` the text `old` becomes `new`; the problem stands in the line that holds `at`."""

    code: str
    file: str
    old: str
    new: str
    at: str
    says: str = ""


BAD = [
    Spoilt("F102", "main", "title: {en: Main}", "title: {en: Main", "entry"),
    Spoilt("F104", "main", "  bye: {say: bye", "  bye: {hangup: x}\n  bye: {say: bye", "  bye: {say: bye", "first in"),
    Spoilt("F105", "main", "{count: count + 1}", "!!python/object:os.system x", "!!python"),
    Spoilt("F105", "trouble", "  sorry: {say", "  a: &x {say: sorry, hangup: error}\n  <<: *x\n  sorry: {say", "<<", "`<<`"),
    Spoilt("F106", "main", 'policy: {number: "86001234"}', "policy: {number: 086001234}", "086001234", "quote"),
    Spoilt("F106", "main", '      "1": {go: who', "      1: {go: who", "1: {go: who", '"1"'),
    Spoilt("F111", "person", "flow: person", "flow: trouble", "flow: trouble", "another name"),
    Spoilt("F201", "main", "next: menu}", "nxt: menu}", "nxt", "did you mean 'next'?"),
    Spoilt("F201", "main", "entry: greet", "entry: greet\ndefaults: {on_error: bye}", "defaults", "beside"),
    Spoilt("F202", "main", "flow: main\n", "", "title", "'flow'"),
    Spoilt("F202", "main", "{say: bye, hangup: normal}\ntests", "{menu: menu, choices: {}}\ntests", "  bye:", "choice"),
    Spoilt("F203", "trouble", "say: sorry, hangup: error", "sya: sorry", "sorry"),
    Spoilt("F204", "main", "length: 8", "length: eight", "length"),
    Spoilt("F204", "main", "input: [keys, speech]", "input: [keys, speech]\n    first_digit: 6", "first_digit", "6s"),
    Spoilt("F204", "main", '"2": {go: ask', '"x": {go: ask', '"x"', "telephone"),
    Spoilt("F205", "main", "next: menu}\n  ask:", "next: menu, on: {done: bye}}\n  ask:", "  amount:", "next"),
    Spoilt("F301", "main", "steps:\n", "steps:\n  island: {say: bye, hangup: normal}\n", "island"),
    Spoilt("F302", "main", "{say: due, next: menu}", "{say: due}", "  amount:", "hear nothing more"),
    Spoilt("F303", "main", "      - {else: amount}\n", "      - {if: due.days_overdue > 0, go: amount}\n", "> 0"),
    Spoilt("F303", "main", "      - {else: bye}\n", "      - {else: bye}\n      - {if: count > 9, go: bye}\n", "else: bye"),
    Spoilt("F304", "main", "on: {verified: premium, refused: lost}", "on: {verified: premium}", "  who:", "'refused'"),
    Spoilt("F305", "main", "{set: {count: count + 1}, next: again_or_not}", "{say: bye, when: [{if: count > 3, go: again_or_not}, {else: lost}]}", "  lost:", "lost → lost"),
    Spoilt("F306", "main", "next: opening", "next: openning", "openning", "did you mean 'opening'?"),
    Spoilt("F306", "main", "entry: greet", "entry: great", "entry", "greet"),
    Spoilt("F307", "main", "refused: lost}", "refused: lost, rejected: lost}", "rejected", "there is refused"),
    Spoilt("F307", "main", "entry: greet", "entry: greet\non: {canceled: bye}", "canceled", "did you mean 'cancelled'?"),
    Spoilt("F307", "hotline", "busy: trouble", "bussy: trouble, busy: trouble", "bussy", "did you mean 'busy'?"),
    Spoilt("F308", "trouble", "sorry: {say: sorry, hangup: error}", "sorry: {call: trouble, next: end}", "sorry: {call"),
    Spoilt("F309", "identify", "{return: refused}", "{return: refusd}", "refusd", "did you mean 'refused'?"),
    Spoilt("F310", "main", "entry: greet", "entry: greet\noutcomes: {lost: {}}", "lost"),
    Spoilt("F311", "hotline", "on_no_match: [reprompt, person]", "on_no_match: [person, reprompt]", "on_no_match"),
    Spoilt("F312", "main", "entry: greet", "entry: greet\nafter_hangup: bye", "  bye:", "hung up"),
    Spoilt("F313", "extra", "", "flow: extra\nentry: a\nsteps:\n  a: {hangup: normal}\n", "flow: extra"),
    Spoilt("F401", "main", "count < 3", "cuont < 3", "cuont", "did you mean 'count'?"),
    Spoilt("F401", "main", "starts_with(value", "startswith(value", "startswith", "starts_with"),
    Spoilt("F401", "main", "policy_no: policy.number", "policy_no: polcy", "polcy", "did you mean 'policy'?"),
    Spoilt("F402", "main", "due.days_overdue > 30", "due.days_overdew > 30", "overdew", "days_overdue"),
    Spoilt("F402", "main", "out: {policy: result.policy}", "out: {policy: result.policies}", "policies", "'policy'"),
    Spoilt("F403", "main", "count < 3", "count < 'three'", "three"),
    Spoilt("F403", "main", "count < 3", "count", "{if: count,", "true or false"),
    Spoilt("F403", "main", "set: {reason: asked}", "set: {reason: aksed}", "aksed", "did you mean 'asked'?"),
    Spoilt("F404", "main", "due.last_paid is not None and due", "due", "last_paid > 0", "may have no value"),
    Spoilt("F405", "main", "count < 3", "count ** 3 < 3", "**"),
    Spoilt("F405", "main", "count < 3", "count = 3", "count = 3", "`==`"),
    Spoilt("F407", "main", "type: integer, initial", "type: intger, initial", "intger", "did you mean 'integer'?"),
    Spoilt("F408", "main", "{say: hello, next: menu}", "{say: overdue, with: {days: due.days_overdue}, next: menu}", "days: due", "greet"),
    Spoilt("F409", "main", "do: policy.premium", "do: policy.premum", "premum", "did you mean 'policy.premium'?"),
    Spoilt("F410", "main", "{policy_no: policy.number}", "{policy_no: policy.number, years: 3}", "years: 3"),
    Spoilt("F411", "main", "    with: {policy_no: policy.number}\n", "", "  premium:", "'policy_no'"),
    Spoilt("F412", "main", "policy_no: policy.number", "policy_no: policy", "policy_no: policy"),
    Spoilt("F413", "trouble", "sorry: {say: sorry, hangup: error}", "sorry: {do: claim.open, into: x, next: end}", "into"),
    Spoilt("F414", "trouble", "sorry: {say: sorry, hangup: error}", "sorry: {do: claim.open, retry: {times: 2}, next: end}", "retry"),
    Spoilt("F415", "main", "call: identify", "call: identity", "identity", "did you mean 'identify'?"),
    Spoilt("F415", "hotline", "on_error: trouble", "on_error: truoble", "truoble", "did you mean 'trouble'?"),
    Spoilt("F416", "main", "queue: service", "queue: servise", "servise", "did you mean 'service'?"),
    Spoilt("F417", "main", "voicemail: service", "voicemail: servise", "servise", "did you mean 'service'?"),
    Spoilt("F418", "main", "hours: people\n    on", "hours: peeple\n    on", "peeple", "did you mean 'people'?"),
    Spoilt("F501", "main", "greet: {say: hello, next", "greet: {do: policy.premium, with: {policy_no: \"'86001234'\"}, next", "greet:", "verified"),
    Spoilt("F502", "identify", "entry: number", "entry: number\nlevel: identified", "call: identify", "identified"),
    Spoilt("F601", "main", "say: hello", "say: helo", "helo", "did you mean 'hello'?"),
    Spoilt("F602", "main", "say: hello", "say: only_chinese", "only_chinese", "en"),
    Spoilt("F603", "main", "{say: overdue, with: {days: due.days_overdue}", "{say: overdue", "say: overdue", "'days'"),
    Spoilt("F604", "main", "{say: due, next", "{say: due, with: {amount: due.amount}, next", "with: {amount", "'amount'"),
    Spoilt("F605", "main", "days: due.days_overdue", "days: due.amount", "days: due.amount", "money"),
    Spoilt("F606", "main", "hear: {zh-CN: [留言], en: [message]}", "hear: {zh-CN: [留言], en: [message], fr: [facture]}", "fr:"),
    Spoilt("F607", "main", "hear: {zh-CN: [留言], en: [message]}", "hear: {zh-CN: [留言]}", '"2"', "en"),
    Spoilt("F608", "main", "en: [message]}", "en: [Premium]}", "Premium", "heard"),
    Spoilt("F608", "hotline", '"0": {go: person}', '"0": {go: person, hear: {en: [message]}}', '"2"', "'0'"),
    Spoilt("F609", "main", "zh-CN: [留言]", "zh-CN: [报废]", "报废", "sounds like '保费'"),
    Spoilt("F609", "main", "zh-CN: [留言]", "zh-CN: [留]", "[留]", "too short"),
    Spoilt("F610", "main", "hear: {zh-CN: [留言], en: [message]}", "hear: messages", "hear: messages", "declare it"),
    Spoilt("F610", "hotline", '"0": {go: person}', '"0": {go: person, hear: help}', '"0"', "'help'"),
    Spoilt("F611", "main", "    choices:\n", "    route: [person]\n    choices:\n", "route:", "by choices alone"),
    Spoilt("F701", "main", '      "2": {go: ask, hear', "".join(f'      "{k}": {{go: bye, hear: {{zh-CN: [选择{k}], en: [choice {k}]}}}}\n' for k in "345") + '      "2": {go: ask, hear', "choices:"),
    Spoilt("F702", "main", '"9": {go: again', '"0": {go: again', '"0"', "hotkey"),
    Spoilt("F703", "main", "length: 8", "least: 9\n    most: 8", "  ask:"),
    Spoilt("F703", "main", "type: digits\n    length: 8\n    valid: starts_with(value, '86')\n    confirm: {say: right}", "type: date\n    length: 3", "  ask:", "date"),
    Spoilt("F704", "main", "length: 8", "length: 8\n    end_key: '*'", "end_key"),
    Spoilt("F705", "main", '"9": {go: again', '"19": {go: again', '"1": {go: who', "19"),
    Spoilt("F706", "identify", "say: ask_number, type: secret", "say: ask_number, input: [keys, speech], type: secret", "  pin:", "length"),
    Spoilt("F706", "identify", "entry: number", "defaults: {collect: {input: [keys, speech]}}\nentry: number", "  pin:", "inherits"),
    Spoilt("F801", "main", "{silence: 7s}", "{silnce: 7s}", "silnce", "did you mean 'silence'?"),
    Spoilt("F802", "main", "{said: due}", "{said: dew}", "dew", "did you mean 'due'?"),
    Spoilt("F803", "main", "{step: menu}", "{step: manu}", "manu", "did you mean 'menu'?"),
    Spoilt("F804", "main", "{outcome: verified, policy", "{outcome: verifed, policy", "verifed", "did you mean 'verified'?"),
    Spoilt("F805", "main", "{amount: 80, days_overdue: 0}", "{amount: eighty, days_overdue: 0}", "eighty", "money"),
    Spoilt("F901", "hotline", '"09:00-17:30"', '"9-17"', '"9-17"', "09:00-17:30"),
]  # fmt: skip


def spoil(case: Spoilt) -> str:
    """The file with its line spoilt; fails where the text to replace is not there exactly once."""
    good = FILES.get(f"{case.file}.yaml", "")
    if not case.old:
        return case.new
    assert good.count(case.old) >= 1, f"{case.old!r} is not in {case.file}"
    return good.replace(case.old, case.new, 1)


def test_the_good_hotline_has_no_problem_at_all(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == []
    assert load_flows(tmp_path, MANIFEST).hotline.hotline == "demo"


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case.code}-{case.at.strip()[:20]}")
def test_one_spoilt_line_gives_its_code_and_no_other_at_that_line(case: Spoilt, tmp_path: Path) -> None:
    text = spoil(case)
    found = problems_of(tmp_path, **{case.file: text})
    assert {problem.code for problem in found} == {case.code}, "\n".join(map(str, found))
    if case.code == "F102":
        return
    whole = {**FILES, f"{case.file}.yaml": text}
    lines = {whole[problem.file].splitlines()[problem.line - 1] for problem in found}
    assert any(case.at in line for line in lines), f"{lines}\n" + "\n".join(map(str, found))
    assert all(case.says in problem.message for problem in found), "\n".join(map(str, found))


def test_every_code_has_a_spoilt_line_or_a_test_of_its_own() -> None:
    own = {"F101", "F103", "F110", "F406", "F612", "F902"}
    assert {case.code for case in BAD} | own == set(CODES)


def test_f101_a_file_that_is_not_utf8_names_the_place(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "main.yaml").write_bytes("flow: main\ntitle: {zh: 保费}\n".encode("gb18030"))
    (problem,) = check_flows(folder, MANIFEST)
    assert (problem.code, problem.line) == ("F101", 2)
    assert "UTF-8" in problem.message


def test_f101_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "main.yaml").write_bytes(b"#" * (LARGEST_FILE + 1))
    assert [problem.code for problem in check_flows(folder, MANIFEST)] == ["F101"]


def test_f101_aliases_that_multiply_are_stopped(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    assert [problem.code for problem in problems_of(tmp_path, main=bomb)] == ["F101"]


def test_f103_a_list_is_no_flow(tmp_path: Path) -> None:
    assert [problem.code for problem in problems_of(tmp_path, main="- a\n")] == ["F103"]


def test_f110_a_folder_without_a_hotline_says_what_to_write(tmp_path: Path) -> None:
    (problem,) = check_flows(tmp_path, MANIFEST)
    assert str(problem).startswith("hotline.yaml:1:1: F110")


def test_f612_words_that_the_recogniser_does_not_know_are_told_where_its_vocabulary_is_at_hand(
    tmp_path: Path,
) -> None:
    folder = write_folder(tmp_path)
    deaf = replace(MANIFEST, unheard=lambda language, phrase: (phrase,) if phrase == "premium" else ())
    (problem,) = check_flows(folder, deaf)
    assert (problem.code, problem.severity) == ("F612", "warning")
    assert "premium" in problem.message


def test_f902_a_calendar_that_ends_soon_is_told_when_today_is_given(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (problem,) = check_flows(folder, MANIFEST, today=date(2090, 11, 1))
    assert (problem.code, problem.severity) == ("F902", "warning")
    assert check_flows(folder, MANIFEST, today=date(2026, 3, 1)) == []


def test_twenty_faults_in_one_folder_are_all_told_at_once(tmp_path: Path) -> None:
    text = FILES["main.yaml"]
    wanted = [case for case in BAD if case.file == "main" and case.code >= "F306" and case.old in text]
    used: list[Spoilt] = []
    for case in wanted:
        if text.count(case.old) == 1 and not any(case.code == other.code for other in used):
            text = text.replace(case.old, case.new, 1)
            used.append(case)
    codes = {problem.code for problem in problems_of(tmp_path, main=text)}
    assert len(used) >= 10
    assert len(codes) >= 10


def test_loading_bad_flows_raises_every_error_and_no_warning(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, main=FILES["main.yaml"].replace("say: hello", "say: helo"))
    with pytest.raises(FlowErrors) as caught:
        load_flows(folder, MANIFEST)
    assert str(caught.value) == "main.yaml:8:16: F601 there is no prompt 'helo'; did you mean 'hello'?"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("days: due.days_overdue", "days: 9 +/ 9"),
        ("set: {reason: asked}", "set: {reason: 9 +/ 9}"),
        ("policy: result.policy", "policy: 9 +/ 9"),
        ("count: count + 1", "count: 9 +/ 9"),
        ("valid: starts_with(value, '86')", "valid: 9 +/ 9"),
        ("if: count < 3", "if: 9 +/ 9"),
        ("transfer: {queue: service}", "transfer: {queue: service, with: {note: 9 +/ 9}}"),
        ("type: integer, initial: 0", "type: integer, initial: 9 +/ 9"),
    ],
)
def test_a_bad_expression_is_shown_at_its_own_line_and_column(old: str, new: str, tmp_path: Path) -> None:
    text = FILES["main.yaml"].replace(old, new, 1)
    before = text[: text.index("9 +/ 9")]
    (problem, *_) = [one for one in problems_of(tmp_path, main=text) if one.code == "F405"]
    assert problem.line == before.count("\n") + 1
    assert problem.column == len(before) - before.rfind("\n")
