"""The one key of a database, what it encrypts, and the keyed hashes by which encrypted things are found.

From a master key of 32 bytes two are derived (HKDF-SHA256): one for AES-256-GCM, one for HMAC-SHA256. A
database remembers the key's fingerprint, so that a wrong key is noticed at once and not by callers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policy_db.errors import WrongKeyError

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Keys:
    """Encrypts ID numbers and makes searchable hashes. Cannot be printed."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise WrongKeyError(
                f"The key has {len(master)} bytes.", "It must be 32 bytes, written in base64."
            )
        self._cipher = AESGCM(_derive(master, b"encrypt"))
        self._hash_key = _derive(master, b"search")
        self.fingerprint = self.digest("fingerprint", "")[:8].hex()

    def __repr__(self) -> str:
        return f"Keys({self.fingerprint})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("keys cannot be pickled")

    @classmethod
    def generate(cls) -> Keys:
        """New keys that live only in memory."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def from_text(cls, text: str) -> Keys:
        """Keys from 32 bytes in base64, as a setting holds them. Raises WrongKeyError."""
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except binascii.Error:
            raise WrongKeyError("The key is not base64.", "Make one with: openssl rand -base64 32") from None

    @classmethod
    def from_file(cls, path: Path, *, create: bool = True) -> Keys:
        """Keys from a file, made (mode 0600) if there is none and `create`.

        Raises WrongKeyError when the file is missing, unreadable, readable by others, or holds no key.
        """
        if create:
            _create_once(path)
        try:
            mode = path.stat().st_mode
            text = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongKeyError(
                f"The key file {path} cannot be read ({type(error).__name__}).",
                "Put back the copy from your backup: without it no ID number can be read again.",
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise WrongKeyError(f"The key file {path} can be read by others.", f"Run: chmod 600 {path}")
        return cls.from_text(text)

    def encrypt(self, text: str, about: str) -> bytes:
        """The text encrypted and bound to what it is `about`: version, nonce (12 bytes), text and tag."""
        return self.seal(text.encode(), about)

    def decrypt(self, cipher: bytes, about: str) -> str:
        """The text again. Raises WrongKeyError if key, record or bytes are not those it was made with."""
        return self.open(cipher, about).decode()

    def seal(self, content: bytes, about: str) -> bytes:
        """Bytes encrypted and bound to what they are `about`, as `encrypt` does with text."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, content, about.encode())

    def open(self, cipher: bytes, about: str) -> bytes:
        """The bytes again. Raises WrongKeyError as `decrypt` does."""
        if cipher[:1] != _VERSION:
            raise WrongKeyError(
                "An encrypted value has an unknown form.", "Was it written by a newer version?"
            )
        nonce, body = cipher[1 : 1 + _NONCE_BYTES], cipher[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, about.encode())
        except InvalidTag:
            raise WrongKeyError(
                "An encrypted value does not open with this key.",
                "Use the key file this database was made with.",
            ) from None

    def digest(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 of the text, different for every purpose (32 bytes)."""
        return hmac.digest(self._hash_key, f"{purpose}\x00{text}".encode(), hashlib.sha256)

    def token(self, purpose: str) -> str:
        """A secret for processes that share the key, to know each other by; another one for every purpose."""
        return self.digest("token", purpose).hex()

    def id_hash(self, id_number: str) -> bytes:
        """The hash by which a whole ID number is found."""
        return self.digest("id", clean_id(id_number))

    def id_tail_hash(self, customer: str, tail: str) -> bytes:
        """The hash of the last six of a customer's ID number; equal tails of two people look different."""
        return self.digest("id-tail", f"{customer}\x00{clean_id(tail)[-6:]}")


def clean_id(text: str) -> str:
    """An ID number or its tail without blanks, in capitals; `*` stands for X, which telephones lack."""
    return "".join(text.split()).upper().replace("*", "X")


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"policy_db/" + purpose).derive(master)


def _create_once(path: Path) -> None:
    """Write a new key unless the file exists; whole or not at all, so that two processes end with one key."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        raise WrongKeyError(
            f"The key file {path} cannot be written ({error.strerror}).", "Choose a data folder you own."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
