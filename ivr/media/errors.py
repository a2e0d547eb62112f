"""What can go wrong with audio files.

HotlineError
└── AudioFileError      a file is not the audio it should be                           H320
"""

from __future__ import annotations

from ivr.errors import HotlineError


class AudioFileError(HotlineError):
    """A file is not the audio it should be: write it anew as a WAV file."""

    code = "H320"
