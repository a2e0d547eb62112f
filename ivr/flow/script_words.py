"""The words in which a flow's `tests:` are written; `docs/flows.md` explains them."""

from __future__ import annotations

from typing import Final

#: What stands under `given`: the world in which the call happens.
GIVEN: Final = frozenset(
    {"clock", "caller", "called", "channel", "language", "languages", "level", "inputs", "services", "flows",
     "hours", "speech", "late", "transfer"}
)  # fmt: skip
#: What a caller does; each line of `caller` has one of these words.
DOES: Final = frozenset({"keys", "silence", "say", "cough", "not_heard", "record", "hang_up"})
#: What may stand beside it: when it is done (at a prompt's name, or `at` so long after the answer), how sure
#: the recogniser is and what it makes of the words, and `disk_full: true` beside `record` where no more can be kept.
HOW: Final = frozenset({"during", "after", "at", "confidence", "means", "others", "disk_full"})
#: What is expected; each line of `expect` has one of these words.
EXPECTED: Final = frozenset(
    {"said", "not_said", "step", "did", "transfer", "voicemail", "outcome", "hangup", "variable", "kept"}
)
