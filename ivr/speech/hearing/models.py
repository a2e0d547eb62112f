"""The recognisers' models: where they are, and whether they can be used.

A model is a folder as Vosk unpacks it (https://alphacephei.com/vosk/models). Nothing here loads one: that is for the
processes that recognise (`load_model`).
"""

from __future__ import annotations

import json
import mmap
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ivr.speech.errors import ModelError

#: Without these, and with them empty, nothing can be recognised.
REQUIRED: Final = (
    "am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/phones/word_boundary.int",
    "ivector/final.dubm", "ivector/final.ie", "ivector/final.mat", "ivector/global_cmvn.stats", "ivector/splice.conf",
)  # fmt: skip
#: One of these sets is the graph: small models are put together while they run.
GRAPHS: Final = (("graph/Gr.fst", "graph/HCLr.fst"), ("graph/HCLG.fst",))
#: What `models get` writes beside a model: its origin, and the size of every file.
SEAL: Final = "hotline.json"
#: Words that every model of a language knows, by which it is told from one of another language.
_COMMON: Final[Mapping[str, tuple[str, ...]]] = {"zh": ("保险", "什么"), "en": ("insurance", "something")}
#: Languages that can be recognised.
HEARD: Final = ("zh-CN", "en")

#: How far recognition searches where a step's own words are expected. The small models come with a narrow search: on
#: digits with noise it loses whole words (docs/speech-understanding.md has what was measured). For free speech it would
#: only cost twice as much.
SEARCH: Final = {"--beam": "13.0", "--lattice-beam": "6.0"}


def find_models(folder: Path) -> dict[str, Path]:
    """The models in a folder (`Settings.speech_models_dir`) by language; the folder `zh` will do for `zh-CN`.

    What is missing is left out, what is there is not looked into.
    """
    found: dict[str, Path] = {}
    for language in HEARD:
        for name in (language, language.partition("-")[0]):
            if (folder / name).is_dir():
                found.setdefault(language, folder / name)
    return found


def usable_models(folder: Path) -> tuple[dict[str, Path], list[ModelError]]:
    """The models that can be used, and what is wrong with each of the others (ModelError P501, P502, P503)."""
    usable, wrong = {}, []
    for language, model in find_models(folder).items():
        try:
            check_model(model, language)
            usable[language] = model
        except ModelError as error:
            wrong.append(error)
    return usable, wrong


def check_model(model: Path, language: str) -> None:
    """Raises ModelError when files are missing (P501) or damaged (P502), or it is of another language (P503)."""
    graph = next((names for names in GRAPHS if (model / names[0]).is_file()), GRAPHS[0])
    _check_files(model, language, (*REQUIRED, *graph))
    _check_sizes(model, language)
    _check_language(model, language, graph[0])


def load_model(model: Path, language: str, search: Mapping[str, str] | None = None) -> Any:
    """The model in memory (0.5 s, 120 MB), for a process that recognises; `search` replaces settings of its own.

    Raises ModelError as `check_model`.
    """
    import vosk

    check_model(model, language)
    vosk.SetLogLevel(-1)
    try:
        with _searching(model, search or {}) as set_up:
            return vosk.Model(str(set_up))
    except Exception:
        raise _damaged(model, language, "it cannot be loaded") from None


@contextmanager
def _searching(model: Path, search: Mapping[str, str]) -> Iterator[Path]:
    """The same model with its own settings but for these, in a folder that is needed while it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        wider = Path(folder)
        for path in model.iterdir():
            if path.name != "conf":
                (wider / path.name).symlink_to(path.resolve())
        shutil.copytree(model / "conf", wider / "conf")
        conf = wider / "conf" / "model.conf"
        kept = [line for line in conf.read_text("utf-8").splitlines() if line.partition("=")[0] not in search]
        conf.write_text(
            "\n".join([*kept, *(f"{name}={value}" for name, value in search.items()), ""]), "utf-8"
        )
        yield wider


def seal(model: Path, origin: str) -> None:
    """Note the size of every file of a model that is known to be whole, and where it came from."""
    sizes = {
        path.relative_to(model).as_posix(): path.stat().st_size
        for path in sorted(model.rglob("*"))
        if path.is_file()
    }
    (model / SEAL).write_text(json.dumps({"origin": origin, "sizes": sizes}, indent=1), encoding="utf-8")


def allow_telephone_audio(model: Path) -> None:
    """Let a model that was trained at 16 kHz take 8 kHz as well: it refuses them unless its `mfcc.conf` says so."""
    conf = model / "conf" / "mfcc.conf"
    said = conf.read_text(encoding="utf-8")
    if "--allow-upsample" not in said:
        conf.write_text(f"{said.rstrip()}\n--allow-upsample=true\n", encoding="utf-8")


def _check_files(model: Path, language: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (model / name).is_file()]
    if missing:
        raise ModelError(
            f"the model of {language} in {model} is not whole: {missing[0]} is missing; {_again(language)}",
            code="P501",
        )
    empty = [name for name in names if not (model / name).stat().st_size]
    if empty:
        raise _damaged(model, language, f"{empty[0]} is empty")


def _check_sizes(model: Path, language: str) -> None:
    try:
        sizes = json.loads((model / SEAL).read_text(encoding="utf-8"))["sizes"]
    except FileNotFoundError:
        return  # put there by hand
    except (OSError, ValueError, KeyError, TypeError):
        raise _damaged(model, language, f"{SEAL} cannot be read") from None
    for name, size in sizes.items():
        path = model / name
        if not path.is_file() or path.stat().st_size != size:
            raise _damaged(model, language, f"{name} is not as it was")


def _check_language(model: Path, language: str, graph: str) -> None:
    """Looks for words of the language in the table of words, which is part of the graph or a file beside it."""
    table = model / "graph" / "words.txt"
    path = table if table.is_file() else model / graph
    for spoken, words in _COMMON.items():
        if _knows(path, words):
            if spoken == language.partition("-")[0]:
                return
            raise ModelError(
                f"the model in {model} is of {spoken}, not of {language}; put that of {language} there, or"
                f" {_again(language)}",
                code="P503",
            )
    raise _damaged(model, language, f"{path.name} has none of its words")


def _knows(path: Path, words: tuple[str, ...]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(word.encode()) >= 0 for word in words)


def _damaged(model: Path, language: str, how: str) -> ModelError:
    return ModelError(
        f"the model of {language} in {model} is damaged: {how}; {_again(language)}", code="P502"
    )


def _again(language: str) -> str:
    return f"fetch it again with `hotline models get {language}`"
