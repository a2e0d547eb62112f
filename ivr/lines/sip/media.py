"""One leg's sound as its signalling sees it: offers, answers, and the stream that carries what was agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Protocol

from ivr.errors import LineError
from ivr.lines.sip import srtp
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.room import MediaRoom
from ivr.lines.sip.rtp_stream import RtpStream
from ivr.lines.sip.rtp_terms import RtpTerms, SrtpKey
from ivr.media.g711 import Law
from ivr.media.port import AudioPort
from ivr.media.quality import MediaQuality
from ivr.sip.network import Flow
from ivr.sip.sdp import (
    Agreed,
    Crypto,
    LocalMedia,
    SdpError,
    SessionDescription,
    make_answer,
    make_offer,
    parse_session,
    take_answer,
)

_LAWS = {"PCMA": Law.A, "PCMU": Law.MU}
#: The largest session id: some telephones read it as a signed 32-bit number.
_MOST_ID = 2**31 - 1


class SoundUser(Protocol):
    """Who is told what the stream notices."""

    def key_arrived(self, key: str) -> None:
        """A key in RTP."""

    def sound_arrived(self) -> None:
        """The first packet, once."""

    def sound_died(self) -> None:
        """No packet for too long, once."""

    def sound_failed(self, error: Exception) -> None:
        """A fault of ours has stopped the stream."""


class LegMedia:
    """The media of one leg, over all its offers and answers. Ports are taken when first needed."""

    __slots__ = (
        "_address",
        "_final",
        "_local",
        "_port",
        "_prepared",
        "_random",
        "_room",
        "_said",
        "_settings",
        "_signalling",
        "_stream",
        "_terms",
        "_user",
        "agreed",
        "changed",
        "on_hold",
    )

    def __init__(
        self,
        port: AudioPort,
        settings: SipSettings,
        *,
        room: MediaRoom,
        address: Callable[[], str],
        random: Random,
    ) -> None:
        """`address` gives the numeric address that the other side shall send to."""
        self._port = port
        self._settings = settings
        self._room = room
        self._address = address
        self._random = random
        self._user: SoundUser | None = None
        self._stream: RtpStream | None = None
        self._final: MediaQuality | None = None
        self._local: LocalMedia | None = None
        self._prepared: tuple[bytes, Agreed] | None = None
        #: Our latest description, and its version-bearing text.
        self._said = b""
        self._signalling = ""
        self._terms: RtpTerms | None = None
        #: What was agreed on last.
        self.agreed: Agreed | None = None
        #: Whether the last agreement changed the law, or where the other side's sound comes from.
        self.changed = False
        #: Whether we hold the other side: it hears us, and we do not hear it.
        self.on_hold = False

    @property
    def law(self) -> Law:
        """The law agreed on; A before."""
        return Law.A if self.agreed is None else _LAWS[self.agreed.law]

    @property
    def held(self) -> bool:
        """Whether the other side does not want to hear us."""
        return self.agreed is not None and not self.agreed.sends

    def tell(self, user: SoundUser) -> None:
        """Who is told what the stream notices; to be said before anything is offered or answered."""
        self._user = user

    def signalled_from(self, flow: Flow) -> None:
        """Where the other side's signalling comes from; its sound may come from there too, by the settings."""
        self._signalling = flow.host

    # Offers and answers.

    def consider(self, sdp: bytes) -> None:
        """Whether an offer can be answered; nothing for a call that wants our offer.

        Raises SdpError (400, 488), and LineError (H230) when no port is free.
        """
        if sdp:
            self._prepared = self._answer_to(parse_session(sdp))

    def answer(self, sdp: bytes) -> bytes:
        """Our answer to an offer, and what follows from it. Raises as `consider`; then nothing has changed."""
        if self._prepared is None:
            self.consider(sdp)
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            raise SdpError("No Offer", 400)
        said, agreed = prepared
        self._agree(agreed)
        self._said = said
        return said

    def offer(self, *, hold: bool | None = None) -> bytes:
        """A description of ours; `hold` changes whether we want to hear the other side.

        Raises LineError (H230) when no port is free.
        """
        self.on_hold = self.on_hold if hold is None else hold
        self._local = self._described(keyed=self._settings.srtp != "off")
        said = make_offer(self._local)
        if self._said and said != self._said:
            self._local = replace(self._local, version=self._local.version + 1)
            said = make_offer(self._local)
        self._said = said
        return said

    def take_answer(self, sdp: bytes) -> None:
        """The other side's answer to our last offer. Raises SdpError, and LineError (H231, H232: SRTP)."""
        if self._local is None:
            raise SdpError("No Offer", 400)
        self._agree(take_answer(self._local, parse_session(sdp)))

    # The stream.

    def press(self, keys: str, milliseconds: int) -> bool:
        """Send keys by RTP; False if that was not agreed on."""
        return self._stream is not None and self._stream.press(keys, milliseconds)

    def report(self) -> MediaQuality | None:
        """How it is heard, or was until `close`; None if there was never sound."""
        return self._final if self._stream is None or self.agreed is None else self._stream.report()

    def close(self) -> None:
        """Give the ports back. Harmless if repeated."""
        stream = self._stream
        if stream is not None:
            stream.close()
            self._final = self.report()
            self._stream = self._user = None

    # Inside.

    def _answer_to(self, offered: SessionDescription) -> tuple[bytes, Agreed]:
        media = offered.media
        local = self._described(keyed=bool(media and media.cryptos))
        said, agreed = make_answer(local, offered)
        if self._said and said != self._said:
            local = replace(local, version=local.version + 1)
            said, agreed = make_answer(local, offered)
        self._local = local
        return said, agreed

    def _described(self, *, keyed: bool) -> LocalMedia:
        """Our side as it is now, in the version it had."""
        before = self._local
        direction = "sendonly" if self.on_hold else "sendrecv"
        if before is None:
            return LocalMedia(
                address=self._address(),
                port=self._opened().local_port,
                session_id=self._random.randint(1, _MOST_ID),
                laws=self._settings.laws,
                secure=self._settings.srtp,
                direction=direction,  # type: ignore[arg-type]
                cryptos=self._keys() if keyed else (),
            )
        after = before.changed(direction=direction, agreed=self.agreed)  # type: ignore[arg-type]
        return replace(
            after, version=before.version, cryptos=before.cryptos or (self._keys() if keyed else ())
        )

    def _keys(self) -> tuple[Crypto, ...]:
        """A key of ours for each suite; one pair for the whole call."""
        return tuple(
            Crypto(tag, suite, self._random.randbytes(srtp.KEY_SIZE))
            for tag, suite in enumerate(srtp.SUITES, start=1)
        )

    def _opened(self) -> RtpStream:
        if self._stream is None:
            user = self._user
            assert user is not None  # noqa: S101 - `tell` comes first
            self._stream = self._room.open(
                self._port,
                on_key=user.key_arrived,
                on_media=user.sound_arrived,
                on_dead=user.sound_died,
                on_failed=user.sound_failed,
            )
        return self._stream

    def _agree(self, agreed: Agreed) -> None:
        terms = self._terms_of(agreed)
        try:
            self._opened().agree(terms)
        except LineError as error:
            raise SdpError(f"Media Cannot Be Done ({error.code})") from error
        before, self._terms = self._terms, terms
        self.agreed = agreed
        self.changed = before is None or _source(before) != _source(terms)

    def _terms_of(self, agreed: Agreed) -> RtpTerms:
        """What was agreed, as the stream wants it. A held side may give no address: then it keeps its last."""
        address, port, rtcp_port = agreed.address, agreed.port, agreed.rtcp_port
        if not address:
            last = self._terms
            address = self._signalling if last is None else last.address
            port, rtcp_port = (0, 0) if last is None else (last.port, last.rtcp_port)
        return RtpTerms(
            address=address,
            port=port,
            rtcp_port=rtcp_port,
            law=_LAWS[agreed.law],
            payload_type=agreed.payload_type,
            events=agreed.events,
            rtcp_mux=agreed.rtcp_mux,
            ptime=agreed.ptime,
            sends=agreed.sends,
            receives=agreed.receives,
            signalling=self._signalling,
            local_key=_key(agreed.local_crypto),
            remote_key=_key(agreed.remote_crypto),
            either=True,  # our offers and answers list both wherever the other side has both
        )


def _key(crypto: Crypto | None) -> SrtpKey | None:
    return None if crypto is None else SrtpKey(crypto.suite, crypto.key)


def _source(terms: RtpTerms) -> tuple[object, ...]:
    """What tells one sounding device from another."""
    return terms.law, terms.address, terms.port, terms.events
