"""TLS as a site set it: our certificate, and whose we believe."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ivr.errors import LineError

if TYPE_CHECKING:
    from ivr.lines.sip.transport_settings import TransportSettings


def server_context(settings: TransportSettings) -> ssl.SSLContext:
    """For those who call us. Raises LineError (H205) for a certificate or key that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show_certificate(context, settings)
    if settings.tls_callers_too:
        _believe(context, settings)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(settings: TransportSettings) -> ssl.SSLContext:
    """For those whom we call. Raises LineError (H205) likewise."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_certificate is not None and settings.tls_key is not None:
        _show_certificate(context, settings)
    if settings.tls_check:
        _believe(context, settings)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _show_certificate(context: ssl.SSLContext, settings: TransportSettings) -> None:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        raise LineError("TLS needs a certificate and its key; name both PEM files", code="H205")
    try:
        # A key with a password would ask for it at the terminal, which a service does not have.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except FileNotFoundError:
        missing = next((path for path in (certificate, key) if not path.exists()), certificate)
        raise LineError(f"{missing} does not exist; name the PEM file of TLS", code="H205") from None
    except (OSError, ValueError) as error:
        raise LineError(
            f"the TLS certificate {certificate} and key {key} cannot be used ({_reason(error)}); "
            "both must be PEM, readable, without a password, and belong together",
            code="H205",
        ) from None


def _believe(context: ssl.SSLContext, settings: TransportSettings) -> None:
    if settings.tls_authorities is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(settings.tls_authorities)
    except (OSError, ValueError) as error:
        raise LineError(
            f"the TLS authorities {settings.tls_authorities} cannot be used ({_reason(error)}); "
            "name a readable PEM file of certificates",
            code="H205",
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or type(error).__name__
