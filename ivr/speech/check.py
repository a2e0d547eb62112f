"""Whether texts, clips and flows agree: `hotline prompts check`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from ivr.flow.errors import Problem
from ivr.media.clip import Clip
from ivr.speech.build import fixed_by_prompt, wanted_pieces
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.clips import CLIPS, INDEX, ClipKey, ClipStore, own_recordings, read_index, read_own
from ivr.speech.errors import ClipError
from ivr.speech.offering import Coverage, coverage
from ivr.speech.sound import LEVEL, active_level

#: A clip may be this many dB from `LEVEL` before it is heard as too loud or too quiet.
LOUDNESS_SPAN: Final = 6.0


def check(
    folder: Path,
    catalogue: PromptCatalogue,
    *,
    used: Collection[str],
    languages: Sequence[str] = (),
    own: Path | None = None,
    placeholder: Collection[str] = (),
) -> list[Problem]:
    """Every disagreement, sorted by file.

    `used` are the prompts that the flows name. Words of a group count as used where a prompt speaks the group,
    and all groups do where a prompt speaks whichever prompt a value names (`{product:prompt}`). `languages` are
    those the hotline offers (empty: all of the catalogue), `own` is the folder of the company's recordings, and
    `placeholder` the languages that are heard with the placeholder voice. Slots that differ between languages are
    refused by `PromptCatalogue.load` already (P109).
    """
    problems: list[Problem] = []
    offered = tuple(languages) or catalogue.languages
    problems += _missing_texts(catalogue, offered)
    sounds = ClipStore(folder, own, placeholder)
    problems += _unused_prompts(catalogue, offered, used)
    for language in offered:
        found = coverage(catalogue, language, sounds.has, sounds.has_whole)
        if language in placeholder:
            problems.append(_placeholder(folder / language, found))
        elif not found.enough and not (folder / language / CLIPS / INDEX).exists():
            problems.append(_not_offered(folder / language, language, found))
        else:
            problems += _clip_problems(folder / language, catalogue, language)
    return sorted(set(problems))


def _not_offered(folder: Path, language: str, found: Coverage) -> Problem:
    message = (
        f"{language} is not offered to callers: {found.prompts} of {found.all_prompts} prompts and {found.pieces} of"
        f" {found.all_pieces} pieces of values have a sound; record them, or run `hotline prompts build`"
    )
    return Problem(str(folder), 1, 1, "P207", message, "warning")


def _placeholder(folder: Path, found: Coverage) -> Problem:
    message = (
        f"callers hear the placeholder voice where nothing was recorded: {found.prompts} of {found.all_prompts} prompts"
        f" and {found.pieces} of {found.all_pieces} pieces have a sound, its own or that"
    )
    return Problem(str(folder), 1, 1, "P208", message, "warning")


def _missing_texts(catalogue: PromptCatalogue, languages: Sequence[str]) -> Iterator[Problem]:
    for name in catalogue.signatures():
        held = [language for language in languages if name in catalogue.prompts(language)]
        for language in languages:
            if held and language not in held:
                there = catalogue.prompts(held[0])[name]
                yield there.problem(
                    "P201", f"{name} has no text in {language}; write one, or {held[0]} is spoken"
                )


def _unused_prompts(
    catalogue: PromptCatalogue, languages: Sequence[str], used: Collection[str]
) -> Iterator[Problem]:
    for language in languages:
        prompts = catalogue.prompts(language)
        slots = [slot for prompt in prompts.values() for slot in prompt.template.slots.values()]
        groups = {slot.group for slot in slots if slot.kind == "code"}
        used = {*used, *(slot.group for slot in slots if slot.kind == "each")}
        by_value = any(slot.kind == "prompt" for slot in slots)
        for name, prompt in prompts.items():
            group = name.rpartition(".")[0]
            if name not in used and not (group and (by_value or group in groups)):
                yield prompt.problem(
                    "P203", f"no flow speaks {name}; delete it, or name it in a flow", "warning"
                )


def _clip_problems(folder: Path, catalogue: PromptCatalogue, language: str) -> Iterator[Problem]:
    own = own_recordings(folder)
    index_file = str(folder / CLIPS / "index.tsv")
    try:
        index = read_index(folder)
    except ClipError as error:
        yield Problem(index_file, 1, 1, error.code, str(error))
        return
    wanted = {
        ClipKey.of(piece): piece for piece in wanted_pieces(catalogue, language) if piece.own not in own
    }
    yield from _missing_clips(folder, catalogue, language, index, set(own))
    for key in wanted.keys() - index.keys():
        if wanted[key].kind == "value":
            yield Problem(index_file, 1, 1, "P202", f"no clip says {key.text!r}; run `hotline prompts build`")
    for key in index.keys() - wanted.keys():
        message = f"the clip of {key.text!r} is not used any more; run `hotline prompts build`"
        yield Problem(index_file, 1, 1, "P204", message, "warning")
    yield from _loudness(folder, index, own)
    yield from _strange_recordings(catalogue, language, own)


def _missing_clips(
    folder: Path, catalogue: PromptCatalogue, language: str, index: dict[ClipKey, str], own: set[str]
) -> Iterator[Problem]:
    for name, piece in fixed_by_prompt(catalogue, language):
        clip = index.get(ClipKey.of(piece))
        if piece.own not in own and (clip is None or not (folder / CLIPS / f"{clip}.wav").is_file()):
            prompt = catalogue.prompts(language)[name]
            message = f"{name}: no clip says {piece.text!r}; run `hotline prompts build`"
            yield prompt.problem("P202", message)


def _loudness(folder: Path, index: dict[ClipKey, str], own: dict[str, Path]) -> Iterator[Problem]:
    rendered = [(folder / CLIPS / f"{name}.wav", "build it again") for name in index.values()]
    for path, remedy in [*rendered, *((path, "record it again, or level it") for path in own.values())]:
        if not path.is_file():
            continue
        try:
            clip = read_own(path) if path in own.values() else Clip.from_wav(path)
        except ClipError as error:
            yield Problem(str(path), 1, 1, error.code, str(error))
            continue
        level = active_level((clip.samples() / 32768).astype("float32"), 8000)
        if abs(level - LEVEL) > LOUDNESS_SPAN:
            message = f"its speech is at {level:.0f} dBFS, not near {LEVEL:.0f}; {remedy}"
            yield Problem(str(path), 1, 1, "P205", message, "warning")


def _strange_recordings(catalogue: PromptCatalogue, language: str, own: dict[str, Path]) -> Iterator[Problem]:
    known = {piece.own for piece in wanted_pieces(catalogue, language)}
    for name, path in own.items():
        if name not in known:
            message = (
                f"{name} is no prompt, part of a prompt or piece of {language}; see docs/prompts.md for names"
            )
            yield Problem(str(path), 1, 1, "P206", message, "warning")
