"""Checks of what callers may say: words for every choice, told apart, in the languages that are recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from ivr.flow.errors import suggest
from ivr.flow.library import FlowLibrary
from ivr.flow.model import CollectStep, Flow, Hear, MenuStep, step_kind
from ivr.flow.report import Report
from ivr.flow.routes import reach
from ivr.flow.words import folded, hear_of, live_hotkeys, sets_in
from ivr.flow.yaml_source import Path

#: A spoken choice of fewer syllables (Chinese) or letters (others) is a noise on a telephone as often as not.
LEAST_SYLLABLES: Final = 2
LEAST_LETTERS: Final = 3
#: By language and folded phrase: the choice or hotkey it is for.
Taken = dict[tuple[str, str], str]


def hears_speech(library: FlowLibrary, flow: Flow, step: MenuStep | CollectStep) -> bool:
    """Whether the caller may speak here: by the step, else the flow's defaults, else the hotline's."""
    kind = step_kind(step) or ""
    holders = (step, getattr(flow.defaults, kind), getattr(library.hotline.defaults, kind))
    modes = next((holder.input for holder in holders if holder.input is not None), ["keys"])
    return "speech" in modes


def check_menu_words(library: FlowLibrary, flow: Flow, at: Path, step: MenuStep, report: Report) -> None:
    """The words of a menu's choices, and the menus that it routes to."""
    speech = hears_speech(library, flow, step)
    taken = _taken(library, flow, step) if speech else {}
    for key, choice in step.choices.items():
        path: Path = (*at, "choices", key)
        check_hear(library, (*path, "hear"), choice.hear, report)
        heard = hear_of(library.hotline, choice.hear)
        for language, phrase in _phrases(heard):
            same = taken.setdefault((language, folded(phrase)), key)
            if same != key:
                message = f"{phrase!r} is heard for the choice {same!r} already; choose another word"
                report.error(_place(path, choice.hear, language), "F608", message)
        lacking = [code for code in _recognised(library) if not heard.get(code)]
        if speech and lacking and all(name in library.hotline.words for name in sets_in(choice.hear)):
            message = f"the choice {key!r} has no words to hear in {', '.join(lacking)}; add them to `hear`"
            report.error(path, "F607", message, at_key=True)
    if speech and library.manifest.by_sound:
        _check_alike(at, step, report)
    _check_route(library, flow, at, step, report)


def check_collect_words(
    library: FlowLibrary, flow: Flow, at: Path, step: CollectStep, report: Report
) -> None:
    """The words of an entry, and that a secret is spoken only where the step itself says so."""
    check_hear(library, (*at, "cancel_hear"), step.cancel_hear, report)
    if not (step.type == "secret" or step.sensitive) or not hears_speech(library, flow, step):
        return
    if step.input is None:
        message = "a secret may be spoken here only because of what the step inherits; write `input` in it"
        report.error(at, "F706", message, at_key=True)
    elif step.length is None:
        message = "a secret that may be spoken needs a `length`; write it, or `input: [keys]`"
        report.error(at, "F706", message, at_key=True)


def check_hear(library: FlowLibrary, path: Path, hear: Hear, report: Report) -> None:
    """The languages and the sets of words that a `hear` names."""
    for name in sets_in(hear):
        if name not in library.hotline.words:
            hint = suggest(name, library.hotline.words) or "; declare it under `words` in hotline.yaml"
            report.error(path, "F610", f"there is no set of words {name!r}{hint}")
    for part in hear if isinstance(hear, list) else [hear]:
        for language, phrases in part.items() if isinstance(part, dict) else ():
            place: Path = (*path, language) if isinstance(hear, dict) else path
            if language not in library.hotline.languages:
                hint = suggest(language, library.hotline.languages)
                message = f"the hotline does not offer the language {language!r}{hint}"
                report.error(place, "F606", message)
            _check_vocabulary(library, place, language, phrases, report)


def _check_vocabulary(
    library: FlowLibrary, path: Path, language: str, phrases: list[str], report: Report
) -> None:
    """A recogniser drops words that it does not know without a sound of complaint."""
    for phrase in phrases:
        for word in library.manifest.unheard(language, phrase):
            message = f"{word!r} of {phrase!r} is no word that the recogniser knows; say it in other words"
            report.warn(path, "F612", message)


def _recognised(library: FlowLibrary) -> list[str]:
    return [code for code in library.hotline.languages if code in library.manifest.heard]


def _phrases(heard: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for language, phrases in heard.items():
        for phrase in phrases:
            yield language, phrase


def _place(path: Path, hear: Any, language: str) -> Path:
    return (*path, "hear", language) if isinstance(hear, dict) else (*path, "hear")


def _taken(library: FlowLibrary, flow: Flow, step: MenuStep) -> Taken:
    """The words of the hotkeys that are live in a step, and of what is understood everywhere."""
    taken: Taken = {}
    for key, hotkey in live_hotkeys(library.hotline, flow, step).items():
        for language, phrase in _phrases(hear_of(library.hotline, hotkey.hear)):
            taken[language, folded(phrase)] = key
    return taken


def _check_alike(at: Path, step: MenuStep, report: Report) -> None:
    """Only words written in the step itself: what is said for yes and no is short, and must be."""
    sounds: dict[tuple[str, str], tuple[str, str]] = {}
    for key, choice in step.choices.items():
        path: Path = (*at, "choices", key, "hear")
        if not isinstance(choice.hear, dict):
            continue
        for language, phrase in _phrases(choice.hear):
            sound = sound_of(language, phrase)
            if len(sound) < (LEAST_SYLLABLES if language.startswith("zh") else LEAST_LETTERS):
                message = f"{phrase!r} is too short to be heard for sure; offer a longer phrase beside it"
                report.warn((*path, language), "F609", message)
            other = sounds.setdefault((language, " ".join(sound)), (key, phrase))
            if other[0] != key and folded(other[1]) != folded(phrase):
                message = f"{phrase!r} sounds like {other[1]!r} of the choice {other[0]!r}; use other words"
                report.warn((*path, language), "F609", message)


@lru_cache(maxsize=4096)
def sound_of(language: str, phrase: str) -> tuple[str, ...]:
    """How a phrase sounds: its syllables in pinyin without tones, or its letters."""
    if not language.startswith("zh"):
        return tuple(folded(phrase))
    from pypinyin import lazy_pinyin

    return tuple(lazy_pinyin(folded(phrase)))


def _check_route(library: FlowLibrary, flow: Flow, at: Path, step: MenuStep, report: Report) -> None:
    if not step.route:
        return
    flows = {name: loaded.flow for name, loaded in library.flows.items()}
    places = reach(flows, flow.flow, step)
    known = {*(place[0] for place in places), *(".".join(place) for place in places)}
    for number, wanted in enumerate(step.route):
        if wanted not in known:
            message = f"no menu of {wanted!r} is reached by choices alone{suggest(wanted, known)}"
            report.error((*at, "route", number), "F611", message)
