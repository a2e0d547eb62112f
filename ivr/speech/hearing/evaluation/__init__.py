"""How well callers are understood, measured on a folder of recordings with what they say: `hotline speech evaluate`.

What is measured is what callers meet: the same voice activity, recogniser, understanding and bands of confidence, fed
with frames of G.711 as a line brings them.
"""

from ivr.speech.hearing.evaluation.figures import Figures, as_json, as_markdown
from ivr.speech.hearing.evaluation.recordings import read_folder
from ivr.speech.hearing.evaluation.run import Evaluation, evaluate

__all__ = ["Evaluation", "Figures", "as_json", "as_markdown", "evaluate", "read_folder"]
