"""The catalogue: texts with typed slots, problems with their place, and phrases told piece by piece."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money, Type
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.errors import PromptErrors

ZH = """
welcome: 您好，欢迎致电。请按1。
due: 您的保单{policy_no:digits}，应交保费{amount:money}，到期日{on:date}。
left: 还有{days:integer}天。
owed: 您目前应交的保费是{amount:money}。
state: 您的{product:prompt}，状态为{status:code(policy_status)}。
greeting: 您好，{name:text}，
playback: '{message:recording}'
policy_status:
  in_force: 有效。
  lapsed: 效力中止
life: 终身寿险
"""
EN = """
welcome: Hello. Press 1.
due: Policy {policy_no:digits}, {amount:money} is due on {on:date}.
"""


def folder(tmp_path: Path, **texts: str) -> Path:
    for language, text in texts.items():
        path = tmp_path / language.replace("_", "-") / "texts.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    return tmp_path


def loaded(tmp_path: Path) -> PromptCatalogue:
    return PromptCatalogue.load(folder(tmp_path, zh_CN=ZH, en=EN))


def problems(tmp_path: Path, **texts: str) -> list[str]:
    with pytest.raises(PromptErrors) as caught:
        PromptCatalogue.load(folder(tmp_path, **texts))
    return str(caught.value).replace(str(tmp_path) + "/", "").splitlines()


def told(catalogue: PromptCatalogue, prompt: str, language: str = "zh-CN", **values: object) -> list[str]:
    return [piece.text for piece in catalogue.pieces(Phrase(prompt, language, values))]


def test_signatures_give_plain_types_and_languages(tmp_path: Path) -> None:
    signature = loaded(tmp_path).signatures()["due"]
    assert dict(signature.slots) == {"policy_no": Type("digits"), "amount": Type("money"), "on": Type("date")}
    assert signature.languages == {"zh-CN", "en"}
    assert loaded(tmp_path / "x").signatures()["state"].slots["status"] == Type("code")


def test_a_sentence_is_fixed_texts_and_values_with_breaths_at_its_marks(tmp_path: Path) -> None:
    values = {"policy_no": "86001234", "amount": Money(Decimal(3200)), "on": date(2026, 3, 5)}
    assert told(loaded(tmp_path), "due", **values) == [
        "您的保单", "八六", "零零", "-", "幺二", "三四", "，", "应交保费", "三千二百元", "，", "到期日",
        "二零二六年", "三月五日", "。",
    ]  # fmt: skip


def test_the_written_text_has_its_values_written_out(tmp_path: Path) -> None:
    values = {"policy_no": "86001234", "amount": Money(Decimal(3200)), "on": date(2026, 3, 5)}
    catalogue = loaded(tmp_path)
    assert (
        catalogue.text(Phrase("due", "zh-CN", values))
        == "您的保单86001234，应交保费3,200.00元，到期日2026年3月5日。"
    )
    assert (
        catalogue.text(Phrase("due", "en", values))
        == "Policy 86001234, 3,200.00 yuan is due on 5 March 2026."
    )


def test_a_code_and_a_prompt_are_spoken_from_their_own_prompts(tmp_path: Path) -> None:
    values = {"product": "life", "status": "in_force"}
    catalogue = loaded(tmp_path)
    assert told(catalogue, "state", **values) == ["您的", "终身寿险", "，", "状态为", "有效", "。"]
    assert catalogue.text(Phrase("state", "zh-CN", values)) == "您的终身寿险，状态为有效。"


def test_a_measure_word_is_said_in_one_with_its_number(tmp_path: Path) -> None:
    assert told(loaded(tmp_path), "left", days=2) == ["还有", "两天", "。"]
    assert loaded(tmp_path / "x").text(Phrase("left", "zh-CN", {"days": 2})) == "还有2天。"


def test_free_text_and_recordings_are_pieces_of_their_own(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path)
    pieces = catalogue.pieces(Phrase("greeting", "zh-CN", {"name": "王芳"}))
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("fixed", "您好"),
        ("breath", "，"),
        ("free", "王芳"),
        ("breath", "，"),
    ]
    [piece] = catalogue.pieces(Phrase("playback", "zh-CN", {"message": "rec-1"}))
    assert (piece.kind, piece.text) == ("recording", "rec-1")
    assert catalogue.text(Phrase("playback", "zh-CN", {"message": "rec-1"})) == "▶"


def test_sentences_are_clips_of_their_own_and_named_in_order(tmp_path: Path) -> None:
    pieces = loaded(tmp_path).pieces(Phrase("welcome", "zh-CN"))
    assert [(piece.text, piece.own) for piece in pieces if piece.kind == "fixed"] == [
        ("您好，欢迎致电", "welcome.1"),
        ("请按1", "welcome.2"),
    ]


def test_a_text_before_a_slot_is_rendered_as_going_on_and_a_short_one_in_a_sentence(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path)
    after = {}
    for prompt, values in (("owed", {"amount": Money(Decimal(1))}), ("left", {"days": 3}), ("welcome", {})):
        for piece in catalogue.pieces(Phrase(prompt, "zh-CN", values)):
            after[piece.text] = piece.carrier.after
    assert after["您目前应交的保费是"] == "，"
    assert after["还有"] == "，谢谢您的来电。"
    assert after["请按1"] == "。"


def test_a_missing_translation_falls_back_to_the_default_language(tmp_path: Path) -> None:
    pieces = loaded(tmp_path).pieces(Phrase("left", "en", {"days": 3}))
    assert [(piece.text, piece.language) for piece in pieces][:2] == [("还有", "zh-CN"), ("三天", "zh-CN")]


@pytest.mark.parametrize(
    ("prompt", "values", "code"),
    [
        ("nowhere", {}, "P501"),
        ("left", {}, "P502"),
        ("left", {"days": "three"}, "P503"),
        ("state", {"product": "no_such", "status": "lapsed"}, "P501"),
    ],
)
def test_what_cannot_be_said_is_left_out_and_told(
    tmp_path: Path, prompt: str, values: dict[str, object], code: str
) -> None:
    faults: list[str] = []
    catalogue = loaded(tmp_path)
    catalogue.pieces(Phrase(prompt, "zh-CN", values), lambda code, _: faults.append(code))
    assert faults == [code]
    assert isinstance(catalogue.text(Phrase(prompt, "zh-CN", values)), str)


def test_prompts_that_speak_each_other_end(tmp_path: Path) -> None:
    faults: list[str] = []
    catalogue = PromptCatalogue.load(folder(tmp_path, zh_CN="ring: 好{next:prompt}\n"))
    ring = Phrase("ring", "zh-CN", {"next": "ring"})
    assert catalogue.pieces(ring, lambda code, _: faults.append(code))
    assert faults


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: 好{n:number}\n", "zh-CN/texts.yaml:1:5: P106 there is no slot type 'number'; use one of"),
        ("a: 好{n:monye}\n", "P106 there is no slot type 'monye'; did you mean 'money'?"),
        ("a: 好{n}\n", "zh-CN/texts.yaml:1:5: P105 {n} is not a slot; write {name:type}"),
        ("a: 好}\n", "zh-CN/texts.yaml:1:5: P105 a brace stands alone"),
        ("a: 好{n:code}\n", "P105 a code is spoken from a group"),
        ("a: 好{n:money(x)}\n", "P105 a code is spoken from a group"),
        ("a: '{n:money}{n:date}'\n", "P107 the slot 'n' has two types"),
        ("s: {up: 高}\na: 好{n:code(t)}\n", "zh-CN/texts.yaml:2:4: P108 no prompts are named t.…"),
        ("a: 好\na: 坏\n", "zh-CN/texts.yaml:2:1: P104"),
        ("a.b: 好\na: {b: 坏}\n", "P104 the prompt a.b is written twice"),
        ("a: 12\n", "zh-CN/texts.yaml:1:4: P104 the prompt a needs a text"),
        ("a: ''\n", "P104 the prompt a needs a text"),
        ("Aa: 好\n", "zh-CN/texts.yaml:1:1: P103 'Aa' is not a prompt name"),
        ("- 好\n", "zh-CN/texts.yaml:1:1: P103 the file must map prompt names to texts"),
        ("a: [好\n", "P102"),
        ("a: !tag 好\n", "P105"),
    ],
)
def test_a_bad_text_is_named_by_its_place_and_what_to_write(tmp_path: Path, text: str, wanted: str) -> None:
    assert any(wanted in problem for problem in problems(tmp_path, zh_CN=text)), problems(
        tmp_path / "x", zh_CN=text
    )


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "zh-CN").mkdir()
    (tmp_path / "zh-CN" / "a.yaml").write_bytes("a: 您好".encode("gb18030"))
    with pytest.raises(PromptErrors, match=r"a\.yaml:1:4: P101 the file is not UTF-8"):
        PromptCatalogue.load(tmp_path)


def test_slots_that_differ_between_languages_are_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, en="a: Hi {n:money}\n", zh_CN="a: 好{m:money}\n")
    assert found == ["zh-CN/texts.yaml:1:4: P109 the slots of a differ from those in en: {n:money}"]


def test_a_language_that_is_missing_or_cannot_be_spoken_is_refused(tmp_path: Path) -> None:
    assert "P111" in problems(tmp_path, fr="a: bonjour\n")[0]
    with pytest.raises(PromptErrors, match="P110"):
        PromptCatalogue.load(tmp_path, ["en"])
    with pytest.raises(PromptErrors, match="P110"):
        PromptCatalogue.load(tmp_path / "nowhere")


def test_a_lexicon_is_read_apart_from_the_prompts(tmp_path: Path) -> None:
    root = folder(tmp_path, zh_CN="a: 重庆\n")
    (root / "zh-CN" / "lexicon.yaml").write_text("重庆: chong2 qing4\n", "utf-8")
    catalogue = PromptCatalogue.load(root)
    assert catalogue.lexicon("zh-CN") == {"重庆": "chong2 qing4"}
    assert catalogue.lexicon("en") == {}
    assert list(catalogue.signatures()) == ["a"]
    (root / "zh-CN" / "lexicon.yaml").write_text("重庆: 5\n", "utf-8")
    with pytest.raises(PromptErrors, match="P112"):
        PromptCatalogue.load(root)
