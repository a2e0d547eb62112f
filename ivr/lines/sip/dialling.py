"""Whom a call goes to and from whom it comes: what `dial` is given, as SIP addresses."""

from __future__ import annotations

from urllib.parse import quote

from ivr.errors import LineError
from ivr.lines.sip.config import SipSettings
from ivr.sip.uri import NameAddr, Uri, header_text

_SIP = ("sip:", "sips:")
#: What may stand in a user part as it is (RFC 3261, section 25.1).
_PLAIN = "+*-_.!~'()&=$,;?/"


def target_of(to: str, settings: SipSettings) -> Uri:
    """The address to call: as it is given, or a number at the registrar.

    Raises LineError (H212) for what is no address, or a number where there is no registrar.
    """
    text = to.strip()
    if text.startswith("<") or text.lower().startswith(_SIP):
        return _parsed(text, to)
    if "@" in text:
        return _parsed(text if ":" in text.partition("@")[0] else f"sip:{text}", to)
    if not settings.registrar:
        raise LineError(f"{to!r} cannot be called without a registrar; write sip:number@host", code="H212")
    return _at_registrar(text, settings)


def sender_of(caller: str, settings: SipSettings, here: str) -> NameAddr:
    """Whom the call comes from: `caller` (an address or a number), else the user of the settings.

    `here` is how the other side reaches us; a number is one of this host where there is no registrar. Raises
    LineError (H212) for what is no address.
    """
    text = caller.strip() or settings.user
    if text.startswith("<") or text.lower().startswith(_SIP):
        return NameAddr("", _parsed(text, caller))
    if "@" in text:
        return NameAddr("", _parsed(f"sip:{text}", caller))
    if settings.registrar:
        return NameAddr("", _at_registrar(text, settings))
    return NameAddr("", Uri("sip", _user(text), here))


def route_of(settings: SipSettings) -> list[Uri]:
    """The way out: the outbound proxy, if there is one. Raises LineError (H201) if that is no address."""
    if not settings.proxy:
        return []
    try:
        proxy = Uri.parse(settings.proxy)
    except ValueError:
        raise LineError(
            f"{settings.proxy!r} is no proxy; write it as sip:proxy.example;lr", code="H201"
        ) from None
    if not proxy.lr:
        proxy = Uri(proxy.scheme, proxy.user, proxy.host, proxy.port, {**proxy.params, "lr": None})
    return [proxy]


def registrar_of(settings: SipSettings) -> Uri:
    """The registrar's address. Raises LineError (H201) if it is none."""
    text = settings.registrar
    try:
        return Uri.parse(text if text.lower().startswith(_SIP) else f"sip:{text}")
    except ValueError:
        raise LineError(
            f"{settings.registrar!r} is no registrar; write it as sip:pbx.example", code="H201"
        ) from None


def _at_registrar(number: str, settings: SipSettings) -> Uri:
    registrar = registrar_of(settings)
    return Uri(registrar.scheme, _user(number), registrar.host, registrar.port, registrar.params)


def _user(text: str) -> str:
    return quote(text, safe=_PLAIN)


def _parsed(text: str, given: str) -> Uri:
    try:
        uri = NameAddr.parse(header_text(text)).uri if text.startswith("<") else Uri.parse(header_text(text))
    except ValueError:
        raise LineError(f"{given!r} is no address; write sip:number@host", code="H212") from None
    if uri.scheme not in ("sip", "sips"):
        raise LineError(f"{given!r} is no SIP address; write sip:number@host", code="H212")
    return uri
