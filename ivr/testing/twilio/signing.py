"""Twilio's signature of a request, from its description alone.

https://www.twilio.com/docs/usage/security#validating-requests: HMAC-SHA1 with the account's token over the address,
followed by the form's fields, sorted by name, each as its name and its value.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(token: str, url: str, form: Mapping[str, str] | None = None) -> str:
    """What `X-Twilio-Signature` says of a request to `url` with this form."""
    fields = "".join(name + value for name, value in sorted((form or {}).items()))
    digest = hmac.new(
        token.encode(), (url + fields).encode(), hashlib.sha1
    ).digest()  # Twilio's choice of hash
    return base64.b64encode(digest).decode("ascii")
