"""Speech: the recognisers, the voice of free text, and what writes down what callers left."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from ivr.app.content import load_content, load_manifest
from ivr.app.ids import installation_id
from ivr.app.storage import open_storage
from ivr.call.hearing import Hears, HearsNothing, HearsSpeech
from ivr.call.voicing import voiced_languages
from ivr.settings import Settings
from ivr.speech.hearing.models import usable_models


def speech_models(settings: Settings) -> tuple[dict[str, Path], list[str]]:
    """The models that speech is recognised with, by language; and what is wrong, where there could be more."""
    if settings.speech == "off":
        return {}, []
    if importlib.util.find_spec("vosk") is None:
        return {}, ["the recogniser is not installed (pip install vosk): callers use the keys alone"]
    usable, wrong = usable_models(settings.speech_models_dir)
    told = [str(error) for error in wrong]
    if not usable and not told:
        told = ["no recogniser's model is here (hotline models get zh-CN en): callers use the keys alone"]
    return usable, told


@asynccontextmanager
async def hearing_speech(settings: Settings) -> AsyncIterator[Hears]:
    """What hears the callers of a worker: the recognisers of this machine, if there are any."""
    languages = frozenset(speech_models(settings)[0])
    if not languages:
        yield HearsNothing()
        return
    from ivr.speech.hearing.metrics import SpeechMetrics
    from ivr.speech.hearing.pool import RecogniserPool

    metrics = SpeechMetrics(CollectorRegistry())
    async with RecogniserPool(settings.ears_dir, languages, metrics).kept() as pool:
        yield HearsSpeech(pool, metrics)


def run_recognisers(settings: Settings) -> None:
    """The parent of the recogniser processes, until SIGTERM."""
    from ivr.speech.hearing.process import Limits
    from ivr.worker.ears import RecogniserParent, listen_by, load_models

    models = load_models(speech_models(settings)[0], settings.ears_dir)
    cores = os.cpu_count() or 1
    RecogniserParent(
        settings.ears_dir,
        listen_by(models),
        tuple(models),
        count=settings.speech_processes or max(2, cores // 2),
        limits=Limits(
            at_once=settings.speech_at_once,
            threads=min(4, cores),
            most_megabytes=settings.speech_megabytes,
        ),
    ).run()


async def run_voice_process(settings: Settings) -> None:
    """The process that says free text, until SIGTERM."""
    from ivr.speech.saying_process import run_voice
    from ivr.speech.voice_kokoro import KokoroVoices

    lexicon = load_manifest(settings)[1].lexicon
    languages = sorted(voiced_languages(settings))
    await run_voice(KokoroVoices(settings.data_dir, lexicon), languages, settings.voice_socket)


async def run_transcriber(settings: Settings) -> None:
    """The process that writes down what callers left, from its start to SIGTERM."""
    from ivr.call.transcribing import Surroundings, Transcriber
    from ivr.console.voicemail.due import clock_of
    from ivr.speech.hearing.models import find_models
    from ivr.speech.hearing.urgency import UrgentPhrases
    from ivr.speech.hearing.writer import Writer
    from policy_db.message_facts import Due

    flows = load_content(settings).flows
    machine = f"{installation_id(settings)}-"
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_storage(settings) as (database, bus):

        async def due() -> Due:
            flows.reload()
            return await clock_of(database, flows.current.hotline, database.clock())

        around = Surroundings(
            settings.recordings_dir,
            lambda: find_models(settings.speech_models_dir),
            UrgentPhrases.load(settings.urgent_phrases),
            due,
        )
        holder = f"{machine}{os.getpid()}"
        await Transcriber(database, bus, Writer(), around, machine=machine, holder=holder).run(stop)
