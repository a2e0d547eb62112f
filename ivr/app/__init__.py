"""The composition root: builds the parts of a hotline from its settings, a module for each concern."""

from __future__ import annotations

from ivr.app.calls import call_parts
from ivr.app.console import open_console
from ivr.app.content import Content, flows_folder, keep_what_is_read, load_content, load_manifest
from ivr.app.documents import run_sender
from ivr.app.ids import installation_id, new_call_id
from ivr.app.lines import check_line, load_line, make_line
from ivr.app.outreach import run_dialler
from ivr.app.processes import child_environment, read_for_all
from ivr.app.selling import advising
from ivr.app.speech import run_recognisers, run_transcriber, run_voice_process, speech_models
from ivr.app.storage import open_bus, open_database, prepare_data_dir
from ivr.app.twilio import make_twilio, twilio_word
from ivr.app.worker import run_worker

__all__ = [
    "Content",
    "advising",
    "call_parts",
    "check_line",
    "child_environment",
    "flows_folder",
    "installation_id",
    "keep_what_is_read",
    "load_content",
    "load_line",
    "load_manifest",
    "make_line",
    "make_twilio",
    "new_call_id",
    "open_bus",
    "open_console",
    "open_database",
    "prepare_data_dir",
    "read_for_all",
    "run_dialler",
    "run_recognisers",
    "run_sender",
    "run_transcriber",
    "run_voice_process",
    "run_worker",
    "speech_models",
    "twilio_word",
]
