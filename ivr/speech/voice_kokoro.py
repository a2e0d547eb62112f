"""Kokoro-82M (Apache-2.0 weights, int8 ONNX) as a voice. Needs the `voice` extra and `hotline models get voice`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from ivr.speech.errors import VoiceError
from ivr.speech.models import voice_folder, voice_installed
from ivr.speech.phonemes import Lexicon, Phonemiser, phonemiser
from ivr.speech.sound import Samples, faded, levelled, quietest
from ivr.speech.values import Carrier

MODEL_FILE: Final = "kokoro-quantized.onnx"
SYMBOLS_FILE: Final = "config.json"
#: The voice used for each language; that of another stands in its `language.yaml` (`voice: {kokoro: …, espeak: …}`).
VOICES: Final[Mapping[str, str]] = {"zh-CN": "zf_xiaoyi", "en": "af_heart"}

#: The model's inner tensor of how many 25 ms frames each symbol lasts; asked for as a second output, so that
#: a piece can be cut out of its sentence to the symbol.
_DURATIONS: Final = "/encoder/Clip_output_0"
_FRAME: Final = 600
_LONGEST: Final = 500


class KokoroVoices:
    """The Kokoro voices in a data folder, each loaded when first needed, speaking by the catalogue's lexicons.

    They share one model.
    """

    def __init__(
        self,
        data_dir: Path,
        lexicon: Callable[[str], Lexicon],
        threads: int = 1,
        told: Callable[[str], Mapping[str, str]] = lambda language: {},
    ) -> None:
        self._told = told
        self._data_dir = data_dir
        self._lexicon = lexicon
        self._threads = threads
        self._loaded: dict[str, KokoroVoice] = {}
        self._session: Any = None

    def name(self, language: str) -> str:
        """See `Voices.name`."""
        name = VOICES.get(language) or self._told(language).get("kokoro")
        if name is None:
            raise VoiceError(
                f"no voice speaks {language}; record its prompts yourself (docs/prompts.md)", code="P402"
            )
        return name

    def load(self, language: str) -> KokoroVoice:
        """See `Voices.load`. P401: the model is not there; P400: the Python packages are not."""
        if language not in self._loaded:
            name = self.name(language)
            if not voice_installed(self._data_dir):
                raise VoiceError("the voice is not installed; run `hotline models get voice`", code="P401")
            if find_spec("onnxruntime") is None:
                raise VoiceError(
                    "the voice needs more packages: pip install 'insurance-hotline[voice]'", code="P400"
                )
            folder = voice_folder(self._data_dir)
            if not (folder / f"{name}.bin").is_file():
                message = f"the voice {name} is not there; remove {folder} and run `hotline models get voice`"
                raise VoiceError(message, code="P401")
            if self._session is None:
                self._session = _session(folder / MODEL_FILE, self._threads)
            self._loaded[language] = KokoroVoice(folder, name, self._phonemes(language), self._session)
        return self._loaded[language]

    def _phonemes(self, language: str) -> Phonemiser:
        return phonemiser(language, self._lexicon(language), self._told(language).get("espeak", ""))


class KokoroVoice:
    """One voice, over a loaded model (92 MB)."""

    rate = 24_000

    def __init__(self, folder: Path, name: str, phonemes: Phonemiser, session: Any) -> None:
        self.name = name
        self._phonemes = phonemes
        self._symbols: dict[str, int] = json.loads((folder / SYMBOLS_FILE).read_text("utf-8"))["vocab"]
        self._styles = np.fromfile(folder / f"{self.name}.bin", dtype="<f4").reshape(-1, 256)
        self._session = session

    def speak(self, text: str, carrier: Carrier) -> Samples:
        """See `Voice.speak`; 24 kHz."""
        parts = [self._tokens(part) for part in (carrier.before, text, carrier.after)]
        if not parts[1]:
            raise VoiceError(f"nothing in {text!r} can be said; spell it in lexicon.yaml", code="P404")
        if sum(map(len, parts)) > _LONGEST:
            raise VoiceError(
                f"{text!r} is too long to be said in one breath; split the prompt in two", code="P405"
            )
        sound, frames = self._run([token for part in parts for token in part])
        sound = levelled(sound, self.rate)
        ends = np.cumsum(frames) * _FRAME
        start = int(ends[len(parts[0])]) if parts[0] else 0
        end = int(ends[len(parts[0]) + len(parts[1])]) if parts[2] else len(sound)
        return self._cut(sound, start, end)

    def _cut(self, sound: Samples, start: int, end: int) -> Samples:
        start = quietest(sound, self.rate, start, 0.04) if start else 0
        end = quietest(sound, self.rate, end, 0.04) if end < len(sound) else end
        return faded(sound[start:end], self.rate)

    def _tokens(self, text: str) -> list[int]:
        if not text:
            return []
        return [self._symbols[symbol] for symbol in self._phonemes(text) if symbol in self._symbols]

    def _run(self, tokens: list[int]) -> tuple[Samples, np.ndarray[Any, np.dtype[np.float32]]]:
        style = self._styles[min(len(tokens), len(self._styles) - 1)][None]
        feeds = {"input_ids": np.array([[0, *tokens, 0]]), "style": style, "speed": np.ones(1, np.float32)}
        sound, frames = self._session.run(None, feeds)
        return np.asarray(sound, np.float32).ravel(), np.asarray(frames, np.float32).ravel()


def _session(model: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    graph = model.read_bytes() + _extra_output(_DURATIONS)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _extra_output(tensor: str) -> bytes:
    """Bytes that add a float output to a serialised ONNX model: protobuf merges what is appended.

    ModelProto.graph is field 7, GraphProto.output 12, ValueInfoProto.name 1 and .type 2, TypeProto.tensor_type 1,
    its elem_type 1 (onnx.proto3).
    """
    float_tensor = _field(1, b"\x08\x01")
    return _field(7, _field(12, _field(1, tensor.encode()) + _field(2, float_tensor)))


def _field(number: int, payload: bytes) -> bytes:
    if len(payload) > 127:
        raise ValueError("only short fields are written here")
    return bytes([number << 3 | 2, len(payload)]) + payload
