"""Policy numbers that are said: how many are right within two turns, as `identify_caller` and `policy_in_groups` ask.

Turn one: eight digits in one breath, read back where they are likely. Turn two: four and four, put together with what
was heard before as `identity.likeliest` does, and read back. The digits are recordings of real people, each number of
one person's, with 50 to 200 ms between them, through a telephone. The caller says yes to the right number alone.

    python -m tests.bench.policy_number_bench [numbers] [dB over noise …]
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "e2e")]

import numpy as np
from listener import MODELS

from ivr.flow.hearing import LIKELY
from ivr.media.g711 import FRAME
from ivr.services.identity import MOST_READINGS, best_agreed
from ivr.speech.hearing.evaluation import read_folder
from ivr.speech.hearing.evaluation.recordings import WIDE, Recording, Wave
from ivr.speech.hearing.evaluation.slots import GAPS, LEAD, TAIL
from ivr.speech.hearing.evaluation.telephone import LAW, through_telephone
from ivr.speech.hearing.listening import Listening
from ivr.speech.hearing.loaded import LoadedModel
from ivr.speech.hearing.reports import Heard
from ivr.speech.hearing.types import Expectation, Understood

PEOPLE = Path(__file__).parents[3] / "shared" / "speech" / "human"


class Caller:
    """One person's digits on one line."""

    def __init__(self, model: LoadedModel, digits: Sequence[Recording], snr: float | None, seed: int) -> None:
        self._model = model
        self._digits = digits
        self._snr = snr
        self._chance = random.Random(seed)
        self.number = "".join(self._chance.choice(digits).digit for _ in range(8))

    def other(self) -> str:
        """Another policy of theirs, one digit away."""
        at = self._chance.randrange(8)
        return f"{self.number[:at]}{(int(self.number[at]) + self._chance.randint(1, 9)) % 10}{self.number[at + 1 :]}"

    def said(self, digits: str, likely: tuple[str, ...] = ()) -> Understood:
        """What is understood of these, said now."""
        wanted = Expectation(
            self._model.language, expect="digits", least=len(digits), most=len(digits), likely=likely
        )
        listening = Listening(self._model, wanted, LAW)
        audio = through_telephone(
            self._voice(digits), snr=self._snr, lead=LEAD, tail=TAIL, seed=self._chance.randrange(2**31)
        )
        for start in range(0, len(audio) - FRAME + 1, FRAME):
            for report in listening.feed(audio[start : start + FRAME]):
                if isinstance(report, Heard):
                    return report.understood
        heard = [one for one in listening.finish() if isinstance(one, Heard)]
        return heard[0].understood if heard else Understood("", "", 0.0)

    def _voice(self, digits: str) -> Wave:
        parts: list[Wave] = []
        for digit in digits:
            sound = self._chance.choice([one for one in self._digits if one.digit == digit]).sound()
            loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max())
            edge = round(0.03 * WIDE)
            parts += [sound[max(0, loud[0] - edge) : loud[-1] + edge]]
            parts += [np.zeros(round(self._chance.uniform(*GAPS) * WIDE), np.float32)]
        return np.concatenate(parts)


def turns(caller: Caller, own: tuple[str, ...] = ()) -> str:
    """`one` or `two` where the number was right by then, `keys` where the caller has to type it."""
    whole = caller.said(caller.number, own)
    readings = [one for one in (whole.meaning, *whole.others) if one]
    if whole.confidence >= LIKELY and whole.meaning:
        if whole.meaning == caller.number:
            return "one"
        readings = readings[1:]
    groups = [caller.said(caller.number[:4]), caller.said(caller.number[4:])]
    if not all(one.meaning for one in groups):
        return "keys"
    first, second = ([one.meaning, *one.others][:MOST_READINGS] for one in groups)
    heard = best_agreed(readings[:MOST_READINGS], first, second)
    known = set(own) & {*heard, *readings[:MOST_READINGS]}
    return "two" if (known.pop() if len(known) == 1 else heard[0]) == caller.number else "keys"


def measured(language: str, numbers: int, snr: float | None) -> Iterator[tuple[str, Counter[str]]]:
    """What became of so many numbers, without and with policies of the number that calls."""
    recordings = [
        one for one in read_folder(PEOPLE, language) if one.language == language and one.kind == "digit"
    ]
    people = sorted({one.speaker for one in recordings})
    model = LoadedModel.load(language, MODELS / language.partition("-")[0])
    for known in (False, True):
        found: Counter[str] = Counter()
        for number in range(numbers):
            person = people[number % len(people)]
            caller = Caller(model, [one for one in recordings if one.speaker == person], snr, number)
            found[turns(caller, (caller.number, caller.other()) if known else ())] += 1
        yield "two policies of the caller's are known" if known else "nothing is known", found


def main(numbers: int, levels: Sequence[str]) -> None:
    """Print a line for each language, line and knowledge."""
    for level in levels:
        for language in ("zh-CN", "en"):
            for known, found in measured(language, numbers, None if level == "clean" else float(level)):
                right = found["one"] + found["two"]
                print(
                    f"{language}, {level}, {known}: {right} of {numbers} right within two turns, {found['one']} of them"
                    f" in one breath",
                    flush=True,
                )


if __name__ == "__main__":
    main(int((*sys.argv[1:], "12")[0]), sys.argv[2:] or ["clean"])
