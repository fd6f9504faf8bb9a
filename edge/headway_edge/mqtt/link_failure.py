"""Why a connection could not be made, or ended, in words: a cause that says whose it is, and what to do next.

"Connection failed" would be true of a wrong password, a clock at 1970 and a hotel's login page. Somebody who stands beside
the vehicle needs to know which.
"""

import errno
import os
import re
import socket
import ssl
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

VERSION_REFUSED = 132  # reason codes of MQTT 5; paho gives the return codes of 3.1.1 the same numbers
TAKEN_OVER = 142
NO_MATCHING_SUBSCRIBERS = 16


@dataclass(frozen=True)
class Failure:
    """cause, next_step: for people. refused: asking again soon is of no use. code: the broker's reason code, if it gave one."""

    cause: str
    next_step: str
    refused: bool = False
    code: int | None = None


_ASK_OPERATOR = "ask the broker's operator"
# By reason code: cause, next step.
_REFUSALS = {
    133: ("client identifier not valid", "let the broker accept <group>:<device> as a client id"),
    134: ("bad user name or password", "correct broker_username and broker_password"),
    135: ("not authorized", "let the broker's access rules admit this device, or correct its user name"),
    138: ("banned", _ASK_OPERATOR),
    140: ("bad authentication method", "use user name and password, or a client certificate"),
}
_REASONS = {
    VERSION_REFUSED: ("the broker does not speak this MQTT version", 'set broker_protocol = "auto"'),
    136: ("the broker is unavailable", "wait, or look at the broker's log"),
    137: ("the broker is busy", "wait; if it lasts, look at the broker's load"),
    139: ("the broker is shutting down", "wait"),
    141: ("the broker heard nothing for its keep-alive time", "look at the network between"),
    TAKEN_OVER: (
        "another unit uses this device's identity",
        "look for a copied SD card, or a second agent with this group and device",
    ),
    144: ("the broker does not allow this topic", "compare its access rules with headway/v1/<group>/<device>/up"),
    149: ("the packet is too large for the broker", "raise its limit for packets above 1500 bytes"),
    151: ("quota exceeded at the broker", "raise the broker's limit for this device"),
    152: ("the broker's operator ended the connection", _ASK_OPERATOR),
    156: ("the broker says to use another server for now", "correct broker_host"),
    157: ("the broker has moved", "correct broker_host"),
    159: ("the broker limits how often one may connect", "wait; if it lasts, look for a second agent of this name"),
}
_CERTIFICATE = {  # X509_V_ERR_... of OpenSSL
    9: ("is not valid yet", "set the device's clock: one that stands in 1970 finds every certificate too young"),
    10: ("has expired", "renew it; if it was renewed, look at the device's clock"),
    18: ("is signed by itself only", "name the file with it in broker_ca"),
    19: ("comes from an authority that this device does not know", "name the file with that authority in broker_ca"),
    20: ("comes from an authority that this device does not know", "name the file with that authority in broker_ca"),
    23: ("was revoked", _ASK_OPERATOR),
    62: ("is for another host name", "use as broker_host the name in the certificate"),
    64: ("is for another address", "use as broker_host the name in the certificate"),
}
_NETWORK = {
    errno.ECONNREFUSED: ("refused: nothing listens there", "start the broker, or correct broker_host and broker_port"),
    errno.ENETUNREACH: ("no network", "wait for the network; if it lasts, look at the modem"),
    errno.EHOSTUNREACH: ("no route to it", "wait for the network; if it lasts, look at the modem and at broker_host"),
    errno.ETIMEDOUT: ("no answer", "look at the network, and for a firewall that drops"),
    errno.ECONNRESET: ("the connection was reset", "look for a proxy or firewall between, and at the broker's log"),
    errno.EPIPE: ("the connection was reset", "look for a proxy or firewall between, and at the broker's log"),
    errno.EMFILE: ("this process has no file descriptors left", "raise its limit (ulimit -n)"),
    errno.ENFILE: ("this machine has no file descriptors left", "look for what holds them (lsof)"),
    errno.ENOMEM: ("this machine has no memory left", "look for what uses it"),
    errno.ENOBUFS: ("this machine has no memory left for the network", "look for what uses it"),
}
CLOSED_EARLY = Failure(
    "closed before it answered",
    "check that it is the broker's MQTT port; a proxy or firewall between may have closed it",
)
SILENT = Failure("no answer to CONNECT", "check that it is the broker's MQTT port")
# Old brokers answer a version that they do not know in one of these ways.
UNANSWERED = (CLOSED_EARLY, SILENT, Failure(*_NETWORK[errno.ECONNRESET]))
CLOSED = Failure("the broker closed the connection", "look at the broker's log for the reason")
STALLED = Failure(
    "not a byte for one and a half keep-alive times",
    "look at the network: the connection was half open, or the broker hangs",
)
NOT_MQTT = Failure("the broker sent what MQTT does not allow", "look at the broker's log, and for a proxy between")
SLOW = Failure("no connection within the time allowed", "look at the network, the name server and the broker")
DIED = Failure("the connection's thread died", "report this with the log")
STUCK = Failure("earlier attempts still hang in this machine's network", "look at its name server; restart the agent")
SHARED = Failure(
    "accepted and closed soon, again and again: perhaps another unit uses this device's identity",
    _REASONS[TAKEN_OVER][1] + "; else look at the broker's log",
)


def of_exception(error: BaseException) -> Failure:
    """Return what an exception from opening or using a connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what, next_step = _CERTIFICATE.get(error.verify_code, (f"is not valid: {error.verify_message}", _ASK_OPERATOR))
        return Failure(f"TLS: the broker's certificate {what}", next_step)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, socket.gaierror):
        return Failure("its name cannot be resolved", "wait for the network; if it lasts, check broker_host and DNS")
    if isinstance(error, OSError):
        if error.filename is not None:
            return Failure(
                f"TLS: cannot read {error.filename}: {error.strerror}", "correct the path or its permissions"
            )
        number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
        if number in _NETWORK:
            return Failure(*_NETWORK[number])
        return Failure(error.strerror or str(error) or type(error).__name__, "look at the network and the broker's log")
    return Failure(f"{type(error).__name__}: {error}", "report this with the log")


def _of_tls(error: ssl.SSLError) -> Failure:
    reason = error.reason or ""
    if error.filename is not None:
        return Failure(
            f"TLS: {error.filename} is not a usable PEM file", "correct broker_ca, broker_cert and broker_key"
        )
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}:
        return Failure("TLS: what answers does not speak it", "correct broker_port, or set broker_tls = false")
    if isinstance(error, ssl.SSLEOFError):
        return Failure("TLS: closed in the handshake", "check that it is the broker's TLS port, or look for a proxy")
    refused = of_alert(str(error))
    return refused or Failure(f"TLS: {reason.lower().replace('_', ' ') or error}", "look at the broker's TLS settings")


def of_alert(text: str) -> Failure | None:
    """Return what a TLS alert about our own certificate means, None if `text` speaks of none."""
    text = text.lower().replace("_", " ")
    for words in (
        "certificate required",
        "bad certificate",
        "unknown ca",
        "certificate expired",
        "certificate revoked",
    ):
        if f"alert {words}" in text:
            next_step = "give this device a certificate that the broker accepts, in broker_cert and broker_key"
            return Failure(f"TLS: the broker refused this device's certificate ({words})", next_step, refused=True)
    if "handshake failure" in text:
        next_step = "give this device a certificate in broker_cert, or look at the broker's TLS settings"
        return Failure("TLS: the broker refused the handshake", next_step, refused=True)
    return None


def of_text(text: str) -> Failure:
    """Return what an error means of which paho gives the text only."""
    number = re.search(r"\[Errno (\d+)\]", text)
    if number is not None:
        return of_exception(OSError(int(number[1]), os.strerror(int(number[1]))))
    return of_alert(text) or Failure(text, "look at the network, and at the broker's log")


def of_reason(reason: ReasonCode) -> Failure:
    """Return what a broker's reason code of 128 or more means (CONNACK, SUBACK, PUBACK, DISCONNECT)."""
    code = reason.value
    if code in _REFUSALS:
        return Failure(*_REFUSALS[code], refused=True, code=code)
    cause, next_step = _REASONS.get(code, (f"the broker says: {reason}", "look at the broker's log"))
    return Failure(cause, next_step, code=code)


def of_first_bytes(first: bytes) -> Failure | None:
    """Return what answers instead of a broker, None if the bytes may begin a CONNACK. first: one byte or more."""
    if first.startswith(b"\x20\x02\x00\x01"):  # of MQTT 3.1.1; paho would close without a word
        return Failure(*_REASONS[VERSION_REFUSED], code=VERSION_REFUSED)
    if first[:1] in {b"\x20", b"\xf0"}:
        return None
    if first.startswith(b"HTTP"[: len(first)]):
        next_step = "log in to the network (a captive portal answers), or go round the proxy"
        return Failure("answered by a web page instead of a broker", next_step)
    if first[:1] in {b"\x15", b"\x16"}:
        return Failure("it speaks TLS", "set broker_tls = true, or correct broker_port")
    return Failure(f"what answers is no MQTT broker (it begins with {first[:8].hex()})", "correct broker_port")
