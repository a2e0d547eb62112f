"""The font of documents: one with Chinese and Latin letters.

It is embedded where the machine has one of those named below (Debian's `fonts-wqy-microhei`, GPL with font exception,
or Apache). Without them a PDF names STSong-Light, one of the fonts that PDF readers bring themselves (ISO 32000-1,
9.7.5.2; Adobe-GB1), and embeds none.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

#: Fonts that can be embedded (TrueType outlines), the first that is there.
FONTS: Final = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
)
_READERS_OWN: Final = "STSong-Light"


@lru_cache(maxsize=1)
def font_name() -> str:
    """The font that all is set in, registered at the first use."""
    for path in FONTS:
        if path.is_file():
            try:
                pdfmetrics.registerFont(TTFont(path.stem, str(path)))
            except (TTFError, OSError):
                continue
            return path.stem
    pdfmetrics.registerFont(UnicodeCIDFont(_READERS_OWN))
    return _READERS_OWN
