"""Where the broker is, who we are there, and how the connection is secured."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Protocol = Literal["auto", "5", "3.1.1"]


@dataclass(frozen=True)
class Tls:
    """TLS with the verification that Python's ssl has by default: chain, host name, validity.

    ca: PEM file of the authorities that may vouch for the broker; None: those of the machine. Two in one file overlap
    while one takes over from the other. certificate, key: PEM files of the device's own; key None: in the same file.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files, at each connection anew, so that renewed ones need no restart.

        Raises OSError (ssl.SSLError is one) whose `filename` says which file cannot be used.
        """
        at = self.ca
        try:
            context = ssl.create_default_context(cafile=None if at is None else str(at))
            at = self.certificate
            if at is not None:
                # No pass phrase is ever asked for: nobody is there to type one.
                context.load_cert_chain(at, self.key, password="")
        except OSError as error:
            error.filename = str(at if at is not self.certificate or self.key is None else f"{at} and {self.key}")
            raise
        return context


@dataclass(frozen=True)
class Broker:
    """A broker, as one device uses it.

    protocol: the MQTT version, or "auto" for 5 with 3.1.1 for brokers that know no other. keepalive_s: after one and a half
    of it without a byte from the broker the connection is given up. back_off_*_s: bounds of the pause between attempts.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    keepalive_s: int = 60
    back_off_max_s: float = 300.0
    back_off_least_s: float = 1.0
    protocol: Protocol = "auto"
    tls: Tls | None = None
