"""baresip, an independent SIP telephone, for tests: dials or is called, presses keys, speaks and records a WAV.

async with BaresipPhone(folder, say=pcm) as phone:
    await phone.dial("sip:4001@127.0.0.1:5060")
    await phone.press("1")
    await phone.hang_up()
heard = phone.heard()

`phone.output` is its own trace of every SIP message, after its end. With `tls` (its certificate, key and CA in one
folder, see `tls_files`) it speaks TLS too, and trusts that CA alone; with `srtp` it insists on SRTP by SDES keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import shutil
import wave
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from free_ports import free_port
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

INSTALLED = shutil.which("baresip") is not None

_CONFIG = """\
sip_listen 127.0.0.1:{sip_port}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{port}
audio_source aufile,{say}
audio_player aubridge,ear
audio_alert aubridge,alert
snd_path {folder}
"""
_TLS = """\
module srtp.so
sip_certificate {certificate}
sip_cafile {authority}
sip_verify_server yes
"""
_ACCOUNT = "<sip:{user}@127.0.0.1{transport}>;regint=0;audio_codecs=PCMA/8000/1,PCMU/8000/1;answermode={mode}{srtp}\n"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate for 127.0.0.1 and localhost, its key, both in one file, and who signed it. PEM files."""

    certificate: Path
    key: Path
    both: Path
    authority: Path


def tls_files(folder: Path) -> TlsFiles:
    """Make a certificate authority of our own and a certificate signed by it, good for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of these tests")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]

    def signed(name: x509.Name, public: ec.EllipticCurvePublicKey, *, root: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        )
        if not root:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(root_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    authority = signed(root_name, root_key.public_key(), root=True).public_bytes(pem)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = signed(subject, key.public_key(), root=False).public_bytes(pem)
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = TlsFiles(*(folder / name for name in ("own.pem", "own.key", "both.pem", "authority.pem")))
    for path, content in zip(
        (files.certificate, files.key, files.both, files.authority),
        (certificate, secret, certificate + secret, authority),
        strict=True,
    ):
        path.write_bytes(content)
    return files


class BaresipPhone:
    """One telephone, in a process of its own. `say` is what it speaks from the answer on, 16-bit at 8 kHz."""

    def __init__(
        self,
        folder: Path,
        *,
        say: Pcm | None = None,
        user: str = "13700001111",
        answers: bool = False,
        transport: str = "",
        tls: TlsFiles | None = None,
        srtp: bool = False,
    ) -> None:
        self._folder = folder
        self._answers = answers
        self._transport = transport
        self._tls = tls
        self._srtp = srtp
        self._say = np.zeros(8000 * 30, np.int16) if say is None else say
        self._user = user
        self.output = ""

    async def __aenter__(self) -> BaresipPhone:
        port, self.sip_port = free_port(), free_port()
        said = self._folder / "say.wav"
        with wave.open(str(said), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(self._say.tobytes())
        (self._folder / "config").write_text(self._config(port, said))
        account = _ACCOUNT.format(
            user=self._user,
            transport=f";transport={self._transport}" if self._transport else "",
            mode="auto" if self._answers else "manual",
            srtp=";mediaenc=srtp-mand" if self._srtp else "",
        )
        (self._folder / "accounts").write_text(account)
        (self._folder / "contacts").write_text("")
        with (self._folder / "trace").open("wb") as trace:
            self._process = await asyncio.create_subprocess_exec(
                "baresip",
                "-4",
                "-s",
                "-f",
                str(self._folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=trace,
                stderr=asyncio.subprocess.STDOUT,
            )
        try:
            await self._connect(port)
        except OSError:
            await self._end()
            raise
        return self

    @property
    def uri(self) -> str:
        """Where it can be called. Its TLS port is the one after its SIP port."""
        secure = self._transport == "tls"
        way = f";transport={self._transport}" if self._transport else ""
        return f"sip:{self._user}@127.0.0.1:{self.sip_port + secure}{way}"

    def _config(self, port: int, said: Path) -> str:
        text = _CONFIG.format(port=port, sip_port=self.sip_port, say=said, folder=self._folder)
        if self._tls is not None:
            text += _TLS.format(certificate=self._tls.both, authority=self._tls.authority)
        return text

    async def _connect(self, port: int) -> None:
        for attempt in range(600):
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if attempt == 599 or self._process.returncode is not None:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._command("quit")
        self._writer.close()
        await self._end()

    async def _end(self) -> None:
        """Wait for its end; it sometimes waits for connections of its own, and then is ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 3)
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self.output = (self._folder / "trace").read_text("utf-8", "replace")

    async def _command(self, command: str, parameters: str = "") -> None:
        """A command of baresip's menu, as a netstring of JSON."""
        octets = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(f"{len(octets)}:".encode() + octets + b",")
        await self._writer.drain()

    async def dial(self, address: str) -> None:
        """Call; returns at once."""
        await self._command("dial", address)

    async def press(self, keys: str, gap: float = 0.25) -> None:
        """Press keys by RFC 4733, one after another."""
        for key in keys:
            await self._command("sndcode", key)
            await asyncio.sleep(gap)

    async def hang_up(self) -> None:
        """End the call."""
        await self._command("hangup")

    async def hold(self, on: bool) -> None:
        """Put the other side on hold, or take it back."""
        await self._command("hold" if on else "resume")

    def heard(self) -> Pcm:
        """What it heard in its last call, 16-bit at 8 kHz; written when the call has ended."""
        last = max(self._folder.glob("dump-*-dec.wav"))
        with wave.open(str(last), "rb") as file:
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)
