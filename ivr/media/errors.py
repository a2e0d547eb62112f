"""What can go wrong with audio files and faxes.

HotlineError
├── AudioFileError      a file is not the audio it should be                           H320
└── FaxError            no fax can be sent here (H810), or not of this document (H811)  H8xx
"""

from __future__ import annotations

from ivr.errors import HotlineError


class AudioFileError(HotlineError):
    """A file is not the audio it should be: write it anew as a WAV file."""

    code = "H320"


class FaxError(HotlineError):
    """No fax can be sent on this machine, or no pages made of a document."""

    code = "H810"
