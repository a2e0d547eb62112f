"""Text to the phonetic symbols that the Kokoro model reads: Mandarin by pinyin, English by espeak-ng.

Needs the `voice` extra (jieba, pypinyin, misaki) and, for English, the espeak-ng program.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import lru_cache

from ivr.speech.errors import VoiceError

#: A language's own pronunciations: a word and its pinyin with tone numbers (`chong2 qing4`), or, in English,
#: the same word spelt as it sounds.
Lexicon = Mapping[str, str]
Phonemiser = Callable[[str], str]

_HAN = "\u4e00-\u9fff"
_MARKS = str.maketrans(
    {
        "、": ", ", "，": ", ", "。": ". ", "！": "! ", "：": ": ", "；": "; ", "？": "? ", "…": "… ",
        "《": " “", "》": "” ", "「": " “", "」": "” ", "“": " “", "”": "” ", "（": " (", "）": ") ", "—": "—",
    }
)  # fmt: skip
_DIGIT_NAMES = dict(zip("0123456789", "零幺二三四五六七八九", strict=True))

#: How espeak-ng writes English sounds, and the symbols that Kokoro was trained on; longest first.
_ENGLISH = (
    ("ʔˌn\u0329", "ʔn"), ("ʔn\u0329", "ʔn"), ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"),
    ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("ə^l", "ᵊl"), ("ʲo", "jo"), ("ʲə", "jə"), ("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"),
    ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("e", "A"), ("ʲ", ""), ("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"),
    ("ɐ", "ə"), ("ɬ", "l"), ("\u0303", ""), ("ː", ""), ("o", "ɔ"), ("ɾ", "T"), ("ʔ", "t"), ("^", ""),
)  # fmt: skip

#: The same for other languages, as the model's training did it.
_OTHERS = (
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("s^s", "S"),
    ("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("^", ""), ("-", ""),
)  # fmt: skip

#: Letters that espeak-ng would read as words.
_ENGLISH_LETTERS = {"a.m.": "eigh em", "p.m.": "pee em"}


def phonemiser(language: str, lexicon: Lexicon, espeak: str = "") -> Phonemiser:
    """The function that turns a text of this language into symbols; VoiceError P402 if there is none.

    `espeak` is the name that espeak-ng has for a language other than Mandarin and English.
    """
    if language.startswith("zh"):
        return lambda text: mandarin(text, lexicon)
    if language.startswith("en"):
        return lambda text: english(text, lexicon)
    if espeak:
        return lambda text: other(text, lexicon, espeak)
    raise VoiceError(f"no voice reads {language}; record its prompts yourself (docs/prompts.md)", code="P402")


def mandarin(text: str, lexicon: Lexicon) -> str:
    """Symbols of a Mandarin text; Latin words in it are read as English."""
    out: list[str] = []
    for segment in re.findall(f"[{_HAN}]+|[A-Za-z][A-Za-z' ]*|[^{_HAN}A-Za-z]+", spell_numbers(text)):
        if re.match(f"[{_HAN}]", segment):
            out.append(" ".join(_word(word, lexicon) for word in _words(segment, lexicon)))
        elif segment[0].isascii() and segment[0].isalpha():
            out.append(f" {english(segment, {})} ")
        else:
            out.append(segment.translate(_MARKS))
    return re.sub(r" +", " ", "".join(out)).strip()


def spell_numbers(text: str) -> str:
    """Arabic numerals as a Mandarin reader says them: up to two digits as a number, longer ones digit by digit."""
    from ivr.speech.values_zh import below_hundred

    def spoken(match: re.Match[str]) -> str:
        digits = match[0]
        if len(digits) <= 2 and not digits.startswith("0"):
            return below_hundred(int(digits))
        return "".join(_DIGIT_NAMES[digit] for digit in digits)

    text = re.sub(r"(\d+)%", lambda match: f"百分之{match[1]}", text)
    return re.sub(r"[0-9]+", spoken, text)


def _words(segment: str, lexicon: Lexicon) -> list[str]:
    import jieba  # type: ignore[import-untyped]

    jieba.setLogLevel("WARNING")
    if not lexicon:
        return list(jieba.lcut(segment))
    known = "|".join(re.escape(word) for word in sorted(lexicon, key=len, reverse=True))
    words: list[str] = []
    for part in re.split(f"({known})", segment):
        words += [part] if part in lexicon else jieba.lcut(part)
    return words


def _word(word: str, lexicon: Lexicon) -> str:
    from pypinyin import Style, lazy_pinyin

    if word in lexicon:
        syllables = lexicon[word].split()
    else:
        syllables = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)
    return "".join(_syllable(syllable) for syllable in syllables)


@lru_cache(maxsize=4096)
def _syllable(pinyin: str) -> str:
    from misaki.transcription import pinyin_to_ipa

    sounds = "".join(pinyin_to_ipa(pinyin)[0])
    for written, symbol in (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→")):
        sounds = sounds.replace(written, symbol)
    sounds = sounds.replace("ɻ\u0329", "ɨ").replace("ɹ\u0329", "ɨ")
    return sounds.replace("\u032f", "")


def english(text: str, lexicon: Lexicon) -> str:
    """Symbols of an English text, punctuation kept."""
    return _by_clauses(text, _ENGLISH_LETTERS | dict(lexicon), _english_sounds)


def other(text: str, lexicon: Lexicon, voice: str) -> str:
    """Symbols of a text in a language that espeak-ng calls `voice`."""
    return _by_clauses(text, lexicon, lambda words: _replaced(_espeak(words, voice), _OTHERS))


def _by_clauses(text: str, lexicon: Lexicon, sounds: Callable[[str], str]) -> str:
    for word, respelling in lexicon.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", respelling, text)
    parts = re.split(r"\s*([.,;:!?¿¡…—]+)(?=\s|$)\s*", text)
    out = [sounds(part) if at % 2 == 0 else f"{part} " for at, part in enumerate(parts) if part]
    return "".join(out).strip()


def _english_sounds(words: str) -> str:
    sounds = _replaced(_espeak(words, "en-us"), _ENGLISH)
    return re.sub(r"(\S)\u0329", r"ᵊ\1", sounds).replace("\u0329", "")


def _replaced(sounds: str, symbols: tuple[tuple[str, str], ...]) -> str:
    for written, symbol in symbols:
        sounds = sounds.replace(written, symbol)
    return sounds


@lru_cache(maxsize=4096)
def _espeak(words: str, voice: str) -> str:
    program = shutil.which("espeak-ng")
    if program is None:
        raise VoiceError("prompts of this language need espeak-ng: apt-get install espeak-ng", code="P403")
    done = subprocess.run(  # noqa: S603 - a fixed program, the text is one argument
        [program, "-q", "--ipa", "--tie=^", "-v", voice, "--", words],
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(done.stdout.split())
