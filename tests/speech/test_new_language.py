"""A language is a folder: one is copied, named in two files of the flows, and a call is held in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sounds import OneVoice, ToneVoice, tone

from ivr.flow import Engine, FlowLibrary, Manifest, load_flows
from ivr.flow.events import CallStarted, KeyPressed, PromptFinished, ServiceResult
from ivr.flow.instructions import RunService, Say
from ivr.services import hotline_signatures
from ivr.speech.build import build
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.check import check
from ivr.speech.sound import Samples
from ivr.speech.speaker import Speaker
from ivr.speech.values import Carrier
from ivr.testing.given import USUAL_CLOCK

HOUSE = Path(__file__).parents[2]


class ShortVoice(ToneVoice):
    """Hums a twentieth of a second, whatever is to be said."""

    def speak(self, text: str, carrier: Carrier) -> Samples:
        return tone(0.05, self.rate)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped texts, with Spanish copied as `pt`, its sounds hummed."""
    root = tmp_path_factory.mktemp("prompts")
    for language in ("zh-CN", "en"):
        shutil.copytree(HOUSE / "prompts" / language, root / language, ignore=shutil.ignore_patterns("clips"))
        (root / language / "clips").symlink_to(HOUSE / "prompts" / language / "clips")
    shutil.copytree(HOUSE / "prompts" / "es", root / "pt", ignore=shutil.ignore_patterns("clips"))
    (root / "pt" / "language.yaml").write_text("name: português\nfalls_back: [en]\n", "utf-8")
    build(root, PromptCatalogue.load(root), OneVoice(ShortVoice()), languages=["pt"])
    return root


@pytest.fixture(scope="module")
def library(prompts: Path, tmp_path_factory: pytest.TempPathFactory) -> FlowLibrary:
    """The shipped flows, with the new language in two files."""
    flows = tmp_path_factory.mktemp("company") / "flows"
    shutil.copytree(HOUSE / "flows", flows)
    for name, before, after in (
        ("hotline.yaml", "languages: [zh-CN, en, zh-HK, es]", "languages: [zh-CN, en, pt]"),
        ("choose_language.yaml", "'es' in call.languages", "'pt' in call.languages"),
        ("choose_language.yaml", "'zh-HK' in call.languages", "'en' in call.languages"),
        ("choose_language.yaml", "{language: es,", "{language: pt,"),
        ("choose_language.yaml", "{language: zh-HK,", "{language: en,"),
    ):
        text = (flows / name).read_text("utf-8")
        assert before in text
        text = text.replace(before, after)
        (flows / name).write_text(text.partition("\ntests:")[0] + "\n", "utf-8")
    signatures = PromptCatalogue.load(prompts).signatures()
    return load_flows(flows, Manifest(services=hotline_signatures(), prompts=signatures))


def test_every_text_and_sound_of_it_is_there(prompts: Path) -> None:
    catalogue = PromptCatalogue.load(prompts)
    problems = check(prompts, catalogue, used=catalogue.signatures(), languages=["pt"])
    assert [str(problem) for problem in problems if problem.severity == "error"] == []


def test_it_is_offered_chosen_and_spoken(prompts: Path, library: FlowLibrary) -> None:
    speaker = Speaker(PromptCatalogue.load(prompts), prompts)
    offered = speaker.offered(library.hotline.languages)
    assert "pt" in offered
    engine = Engine(library)
    started = CallStarted(0.0, "c1", USUAL_CLOCK, facts={"languages": offered})
    turn = engine.start(started, "choose_language")
    asked = next(one for one in turn.instructions if isinstance(one, Say))
    assert "pulse 4" in speaker.render(asked.phrases).text

    turn = engine.handle(turn.state, KeyPressed(1.0, "4"))
    assert turn.state.language == "pt"
    request = next(one for one in turn.instructions if isinstance(one, RunService))
    assert request.arguments == {"language": "pt"}
    turn = engine.handle(turn.state, ServiceResult(1.1, request.request))
    said = next(one for one in turn.instructions if isinstance(one, Say))
    assert {phrase.language for phrase in said.phrases} == {"pt"}
    rendered = speaker.render(said.phrases)
    assert "en español" in rendered.text
    assert rendered.missing == ()
    assert engine.handle(turn.state, PromptFinished(4.0, said.token)).state.finished
