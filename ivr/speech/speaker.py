"""What a call says: phrases in, clips and the written sentence out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from ivr.speech.own import take_path
from ivr.speech.pieces import Piece
from ivr.speech.telling import pieces_named

log = structlog.get_logger(__name__)

#: What a recording's name begins with that is no caller's: what is heard for a prompt now, and a take of a call.
NOW: Final = "prompt:"
TAKE: Final = "take:"
#: Finds the file of a caller's own recording by its id; None if there is none.
Recordings = Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is played and what it says. `missing` lists the pieces that have no sound and were left out."""

    clips: tuple[Clip, ...]
    text: str
    missing: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return sum(clip.seconds for clip in self.clips)


def no_recordings(recording: str) -> None:
    """The resolver where no call keeps recordings."""


def _log_fault(code: str, message: str) -> None:
    log.warning("prompt.fault", code=code, message=message)


class Speaker:
    """Speaks the phrases of a catalogue with the clips of its folder. Total: it never raises in a call."""

    def __init__(
        self, catalogue: PromptCatalogue, folder: Path, fault: Fault = _log_fault, *, own: Path | None = None
    ) -> None:
        self.catalogue = catalogue
        self._clips = ClipStore(folder, own)
        self._own = own
        self._fault = fault

    def render(self, phrases: Sequence[Phrase], recordings: Recordings = no_recordings) -> Rendered:
        """The clips of the phrases in order. Free text that has no clip is in the text alone."""
        clips: list[Clip] = []
        missing: list[str] = []
        for phrase in phrases:
            whole = self._whole(phrase)
            if whole is not None:
                clips.append(whole)
                continue
            for piece in self.catalogue.pieces(phrase, self._fault):
                found = self._sound(piece, recordings)
                if not found:
                    missing.append(piece.text)
                clips += found
        return Rendered(tuple(clips), self._text(phrases), tuple(missing))

    def look_again(self) -> int:
        """Take recordings that were put in place meanwhile, for what is said from now on; how many changed."""
        return self._clips.look_again()

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
        joint = "" if phrases and phrases[0].language.startswith("zh") else " "
        return joint.join(text for text in texts if text)

    def _sound(self, piece: Piece, recordings: Recordings) -> tuple[Clip, ...]:
        try:
            if piece.kind == "recording":
                return self._recording(piece.text, recordings)
            clip = self._clips.find(piece)
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
        return self._clips.preload(pieces)


def _caller_recording(path: Path | None) -> Clip | None:
    if path is None:
        return None
    try:
        return Clip.from_wav(path)
    except (OSError, AudioFileError) as error:
        raise ClipError(f"the caller's recording {path.name} cannot be played back", code="P303") from error
