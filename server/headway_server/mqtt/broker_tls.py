"""TLS to the broker: whom the server believes, who it is itself, and what went wrong in words."""

import ssl

from headway_server.settings import ServerSettings

_VERIFICATION = {  # X509_V_ERR_... of OpenSSL
    9: ("is not valid yet", "set this machine's clock"),
    10: ("has expired", "renew it; if it was renewed, look at this machine's clock"),
    18: ("is signed by itself only", "name the file with it in broker_ca"),
    19: ("comes from an authority that this server does not know", "name the file with that authority in broker_ca"),
    20: ("comes from an authority that this server does not know", "name the file with that authority in broker_ca"),
    62: ("is for another host name", "use as broker_host the name in the certificate"),
    64: ("is for another address", "use as broker_host the name in the certificate"),
}
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
_ALERTS = (
    "certificate required",
    "bad certificate",
    "unknown ca",
    "certificate expired",
    "certificate revoked",
    "handshake failure",
)


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho would leave that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def context(settings: ServerSettings) -> ssl.SSLContext:
    """Read the files that `settings` names, at each connection anew, so that renewed ones need no restart.

    Chain, host name and validity are verified as Python's ssl does by default. Raises OSError (ssl.SSLError is one) whose
    `filename` says which file cannot be used.
    """
    files = [settings.broker_ca]
    try:
        found = ssl.create_default_context(cafile=settings.broker_ca)
        found.sslsocket_class = _Socket
        if settings.broker_cert is not None:
            files = [path for path in (settings.broker_cert, settings.broker_key) if path is not None]
            # No pass phrase is ever asked for: nobody is there to type one.
            found.load_cert_chain(settings.broker_cert, settings.broker_key, password="")
    except OSError as error:
        error.filename = " and ".join(map(str, files))
        raise
    return found


def told(error: OSError) -> str:
    """Return what went wrong before the broker could answer, with the next step where there is one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what, next_step = _VERIFICATION.get(
            error.verify_code, (f"is not valid: {error.verify_message}", "ask the broker's operator")
        )
        return f"TLS: the broker's certificate {what}: {next_step}"
    if isinstance(error, ssl.SSLError):
        if error.filename is not None:
            return f"TLS: {error.filename} is not a usable PEM file: correct broker_ca, broker_cert and broker_key"
        if error.reason in _NO_TLS:
            return "TLS: what answers does not speak it: correct broker_port, or set broker_tls = false"
        if isinstance(error, ssl.SSLEOFError):
            return "TLS: closed in the handshake: check that it is the broker's TLS port, or look for a proxy"
        return of_alert(str(error)) or f"TLS: {error}: look at the broker's TLS settings"
    if error.filename is not None:
        return f"TLS: cannot read {error.filename}: {error.strerror}: correct the path or its permissions"
    return str(error)


def of_alert(text: str) -> str | None:
    """Return what a TLS alert means that refuses our own certificate, None if `text` speaks of none.

    In TLS 1.3 it comes after the handshake, so at the first read.
    """
    text = text.lower().replace("_", " ")
    for words in _ALERTS:
        if f"alert {words}" in text:
            next_step = "give the server one that the broker accepts, in broker_cert and broker_key"
            return f"TLS: the broker refused this server's certificate ({words}): {next_step}"
    return None
