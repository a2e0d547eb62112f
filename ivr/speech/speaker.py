"""What a call says: phrases in, clips and the written sentence out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from ivr.flow.instructions import Phrase
from ivr.media.clip import Clip
from ivr.media.errors import AudioFileError
from ivr.speech.build import wanted_pieces
from ivr.speech.catalogue import Fault, PromptCatalogue
from ivr.speech.clips import ClipStore
from ivr.speech.errors import ClipError
from ivr.speech.offering import Coverage, Offering
from ivr.speech.own import take_path
from ivr.speech.pieces import Piece, clauses_around
from ivr.speech.saying import FreeText, Says, SaysNothing
from ivr.speech.telling import pieces_named

log = structlog.get_logger(__name__)

#: What a recording's name begins with that is no caller's: what is heard for a prompt now, and a take of a call.
NOW: Final = "prompt:"
TAKE: Final = "take:"
#: Finds the file of a caller's own recording by its id; None if there is none.
Recordings = Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is played and what it says. `missing` lists the pieces that have no sound and were left out.

    `wanted` are texts among them that a voice could say, if it is waited for (`Speaker.saying.prepare`).
    """

    clips: tuple[Clip, ...]
    text: str
    missing: tuple[str, ...] = ()
    wanted: tuple[FreeText, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return sum(clip.seconds for clip in self.clips)


def no_recordings(recording: str) -> None:
    """The resolver where no call keeps recordings."""


def _into(faults: list[tuple[str, str]]) -> Fault:
    """Gathers faults, until it is known which language is heard."""

    def note(code: str, message: str) -> None:
        faults.append((code, message))

    return note


def _log_fault(code: str, message: str) -> None:
    log.warning("prompt.fault", code=code, message=message)


class Speaker:
    """Speaks the phrases of a catalogue with the clips of its folder. Total: it never raises in a call."""

    def __init__(
        self,
        catalogue: PromptCatalogue,
        folder: Path,
        fault: Fault = _log_fault,
        *,
        own: Path | None = None,
        placeholder: Collection[str] = (),
    ) -> None:
        self.catalogue = catalogue
        self._clips = ClipStore(folder, own, placeholder)
        self._offering = Offering(catalogue, self._clips)
        self._own = own
        self._fault = fault
        #: What says names and other free text, where a voice is installed.
        self.saying: Says = SaysNothing()

    def render(self, phrases: Sequence[Phrase], recordings: Recordings = no_recordings) -> Rendered:
        """The clips of the phrases in order. Free text without sound is left out with its clause.

        A phrase is heard in the first language of its order (`PromptCatalogue.order`) that has a text and sounds for
        all of it, values too; where none has, in the first with a text, and what has no sound is left out.
        """
        clips: list[Clip] = []
        missing: list[str] = []
        wanted: list[FreeText] = []
        heard = [self._heard_in(phrase) for phrase in phrases]
        for phrase, pieces in heard:
            whole = self._whole(phrase)
            if whole is not None:
                clips.append(whole)
                continue
            sounds = [self._sound(piece, recordings) for piece in pieces]
            silent = [place for place, found in enumerate(sounds) if not found]
            missing += [pieces[place].text for place in silent]
            mute = [place for place in silent if pieces[place].kind == "free"]
            texts = [FreeText(pieces[place].language, pieces[place].text) for place in mute]
            wanted += [text for text in texts if self.saying.can(text)]
            gone = clauses_around(pieces, mute)
            clips += [clip for place, found in enumerate(sounds) if place not in gone for clip in found]
        return Rendered(
            tuple(clips), self._text([phrase for phrase, _ in heard]), tuple(missing), tuple(wanted)
        )

    def offered(self, languages: Sequence[str]) -> list[str]:
        """Those of the languages that a caller can be served in now; the first where there are sounds of none."""
        heard = [language for language in languages if self._offering.coverage(language).enough]
        return heard or list(languages[:1])

    def coverage(self, language: str) -> Coverage:
        """How much of a language can be heard."""
        return self._offering.coverage(language)

    def look_again(self) -> int:
        """Take recordings that were put in place meanwhile, for what is said from now on; how many changed."""
        changed = self._clips.look_again()
        if changed:
            self._offering.look_again()
        return changed

    def _heard_in(self, phrase: Phrase) -> tuple[Phrase, list[Piece]]:
        """The phrase in the language that it is heard in, with its pieces."""
        first: tuple[Phrase, list[Piece], list[tuple[str, str]]] | None = None
        for language in self.catalogue.tellable(phrase):
            told = phrase if language == phrase.language else replace(phrase, language=language)
            faults: list[tuple[str, str]] = []
            pieces = self.catalogue.pieces(told, _into(faults))
            first = first or (told, pieces, faults)
            if self._has_sounds(told, pieces):
                if language != phrase.language:
                    why = f"{phrase.prompt} cannot be heard in {phrase.language}; it is heard in {language}"
                    faults.append(("P505", why))
                first = (told, pieces, faults)
                break
        told, pieces, faults = first or (phrase, self.catalogue.pieces(phrase, self._fault), [])
        for code, why in faults:
            self._fault(code, why)
        return told, pieces

    def _has_sounds(self, phrase: Phrase, pieces: list[Piece]) -> bool:
        if self._clips.has_whole(phrase.prompt, phrase.language):
            return True
        return all(self._clips.has(piece) for piece in pieces if piece.kind in {"fixed", "value"})

    def _whole(self, phrase: Phrase) -> Clip | None:
        """A recording of the whole prompt, if it has no slots to be filled."""
        prompt = self.catalogue.find(phrase.prompt, phrase.language)
        if prompt is None or prompt.template.slots:
            return None
        try:
            return self._clips.whole(prompt.name, prompt.language)
        except ClipError as error:
            self._fault(error.code, str(error))
            return None

    def _text(self, phrases: Sequence[Phrase]) -> str:
        texts = [self.catalogue.text(phrase) for phrase in phrases]
        joint = self.catalogue.about(phrases[0].language).apart if phrases else ""
        return joint.join(text for text in texts if text)

    def _sound(self, piece: Piece, recordings: Recordings) -> tuple[Clip, ...]:
        try:
            if piece.kind == "recording":
                return self._recording(piece.text, recordings)
            clip = self._clips.find(piece)
            if clip is None and piece.kind == "free":
                clip = self.saying.find(FreeText(piece.language, piece.text))
        except ClipError as error:
            self._fault(error.code, str(error))
            return ()
        if clip is None and piece.kind in {"fixed", "value"}:
            self._fault(
                "P504", f"no clip says {piece.text!r} in {piece.language}; run `hotline prompts build`"
            )
        return () if clip is None else (clip,)

    def _recording(self, name: str, recordings: Recordings) -> tuple[Clip, ...]:
        """What a caller said; or `prompt:LANGUAGE/NAME` as it is heard now, or `take:CALL`, which is to replace it."""
        if name.startswith(NOW):
            language, _, own = name.removeprefix(NOW).partition("/")
            return self.heard_now(language, own)
        take = name.removeprefix(TAKE)
        clip = _caller_recording(recordings(name) if take == name else self._take(take))
        return () if clip is None else (clip,)

    def _take(self, call: str) -> Path | None:
        path = None if self._own is None else take_path(self._own, call)
        return path if path is not None and path.is_file() else None

    def heard_now(self, language: str, name: str) -> tuple[Clip, ...]:
        """What callers hear for a recording's name now: a prompt, a part of one, or a piece of spoken values."""
        whole = self._clips.whole(name, language)
        if whole is not None:
            return (whole,)
        clips = [self._clips.find(piece) for piece in pieces_named(self.catalogue, language, name)]
        return tuple(clip for clip in clips if clip is not None)

    def preload(self) -> int:
        """Read every clip of every language into memory, so that no call waits for a disk; how many there are."""
        pieces = [
            piece
            for language in self.catalogue.languages
            for piece in wanted_pieces(self.catalogue, language)
        ]
        for language in self.catalogue.languages:
            self._offering.coverage(language)
        return self._clips.preload(pieces)


def _caller_recording(path: Path | None) -> Clip | None:
    if path is None:
        return None
    try:
        return Clip.from_wav(path)
    except (OSError, AudioFileError) as error:
        raise ClipError(f"the caller's recording {path.name} cannot be played back", code="P303") from error
