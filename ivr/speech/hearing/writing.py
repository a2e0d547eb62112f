"""The process that writes recordings down: `python -m ivr.speech.hearing.writing`.

It reads a line of JSON for each recording (`{"file", "language", "model"}`) and answers with one (`{"segments"}` or
`{"error", "code"}`), until its input ends. A segment is what was said between two pauses: a list of words as `[text,
confidence, start, end]`. Free recognition does not give its memory back, and a damaged model may take its process with
it: so it is one of its own, which the next takes the place of.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import soxr

from ivr.media.errors import AudioFileError
from ivr.media.g711 import RATE, decode
from ivr.media.wav import HEADER_SIZE, own_format
from ivr.speech.errors import ModelError
from ivr.speech.hearing.loaded import UNKNOWN, LoadedModel, Pcm
from ivr.speech.hearing.noise import HOP, NoiseReducer

#: Less important than calls, by so much.
NICE: Final = 10
#: Seconds that are recognised in one go.
_PIECE: Final = 0.2
#: Seconds of silence at the end, so that the last word is heard to its end.
_AFTER: Final = 0.5

Words = list[tuple[str, float, float, float]]


def sound_of(path: Path) -> Pcm:
    """What the caller says on a recording of ours, at 8 kHz. Raises AudioFileError, OSError."""
    kind = own_format(path)
    with path.open("rb") as file:
        file.seek(HEADER_SIZE)
        audio = file.read()
    return decode(audio[:: kind.channels], kind.law)  # the caller is the first of two channels


def transcribe(sound: Pcm, model: LoadedModel, *, rate: int = RATE) -> list[Words]:
    """The words of sound of so many samples a second, by what lies between pauses."""
    recogniser = model.recogniser(())
    recogniser.SetWords(True)
    if rate == RATE:  # what came by telephone
        sound = quieter(sound)
    results = [
        json.loads(recogniser.Result())
        for piece in _pieces(sound, rate, model.rate)
        if recogniser.AcceptWaveform(piece.tobytes())
    ]
    results.append(json.loads(recogniser.FinalResult()))
    segments = [_words(result) for result in results]
    return [words for words in segments if words]


def quieter(sound: Pcm) -> Pcm:
    """The sound of a whole call without its noise; as long as it was."""
    steps = -(-len(sound) // HOP) + 1  # one more, for what comes out is a step late
    padded = np.concatenate((sound, np.zeros(steps * HOP - len(sound), np.int16)))
    return NoiseReducer().feed(padded)[HOP : HOP + len(sound)]


def _pieces(sound: Pcm, rate: int, wanted: int) -> Iterator[Pcm]:
    whole = np.concatenate((sound, np.zeros(round(_AFTER * rate), np.int16)))
    resample = soxr.ResampleStream(rate, wanted, 1, dtype="int16") if wanted != rate else None
    size = round(_PIECE * rate)
    for start in range(0, len(whole), size):
        piece = whole[start : start + size]
        yield piece if resample is None else resample.resample_chunk(piece)


def _words(result: Any) -> Words:
    return [
        (one["word"], round(one["conf"], 3), round(one["start"], 2), round(one["end"], 2))
        for one in result.get("result", ())
        if one["word"] != UNKNOWN
    ]


def serve(asked: TextIO, answers: TextIO) -> None:
    """Write down what is asked for, until `asked` ends."""
    models: dict[tuple[str, str], LoadedModel] = {}
    for line in asked:
        answers.write(json.dumps(_answer(json.loads(line), models), ensure_ascii=False) + "\n")
        answers.flush()


def _answer(asked: Mapping[str, str], models: dict[tuple[str, str], LoadedModel]) -> dict[str, Any]:
    key = asked["language"], asked["model"]
    try:
        sound = sound_of(Path(asked["file"]))
        if key not in models:
            models[key] = LoadedModel.load(asked["language"], Path(asked["model"]), only_free=True)
        return {"segments": transcribe(sound, models[key])}
    except (AudioFileError, OSError) as error:
        return {"error": type(error).__name__, "code": "sound"}
    except ModelError as error:
        return {"error": str(error), "code": "model"}


if __name__ == "__main__":
    os.nice(NICE)
    serve(sys.stdin, sys.stdout)
