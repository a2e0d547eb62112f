"""Recordings in the browser: their sound (any part of it), their waveform, and the player that other pages use.

A page shows a player by

    {% from "player/player.html" import player, player_head with context %}
    {% block head %}{{ player_head() }}{% endblock %}
    … {{ player(recording_id) }} …

Who may listen is decided by `listening`; every listen is in the audit.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area
from ivr.console.player import api, pages

AREA = Area("player", Path(__file__).parent, pages=pages.router, api=api.router)
