"""What a broker that is broken, or none at all, may send to a link of a microcontroller; each with what the link calls it."""

import random

from tests.micropython.hostile_packets import CONNACK, SUBACK, TOPIC

ACK = TOPIC + b"ack"
STALE = "the broker does not take over what it was sent"
NO_ANSWER = "no connection within 30 s"
NO_NUMBER = "the broker sent a message without its number"
NOT_ASKED = "the broker sent a message that was not asked for"


def publish(topic: bytes, payload: bytes, head: int = 0x32, packet_id: int = 5) -> bytes:
    number = packet_id.to_bytes(2, "big") if head & 6 else b""
    body = len(topic).to_bytes(2, "big") + topic + number + payload
    return bytes([head]) + length(len(body)) + body


def length(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([128 | value & 127])
        value >>= 7
    return found + bytes([value])


def first_byte(byte: int) -> str:
    return f"the broker sent what is no packet for a client (first byte {byte})"


# name: (stage, bytes, cause in which the connection ends)
HOSTILE: dict[str, tuple[int, bytes, str]] = {
    "nothing": (0, b"", NO_ANSWER),
    "nothing after the CONNACK": (1, b"", NO_ANSWER),
    "nothing after the SUBACK": (2, b"", "no answer to PINGREQ: the connection was half open, or the broker hangs"),
    "half a CONNACK": (0, CONNACK[:3], NO_ANSWER),
    "half a SUBACK": (1, SUBACK[:4], NO_ANSWER),
    "a web page": (0, b"HTTP/1.1 302 Found\r\n", first_byte(0x48)),
    "TLS": (0, b"\x15\x03\x01\x00\x02\x02\x46", first_byte(0x15)),
    "SSH": (0, b"SSH-2.0-OpenSSH", first_byte(0x53)),
    "zeros": (0, bytes(64), first_byte(0)),
    "ones": (0, b"\xff" * 64, first_byte(0xFF)),
    "a CONNECT": (1, b"\x10\x00", first_byte(0x10)),
    "a SUBSCRIBE": (2, b"\x82\x00", first_byte(0x82)),
    "a PINGREQ": (2, b"\xc0\x00", first_byte(0xC0)),
    "a DISCONNECT": (2, b"\xe0\x00", first_byte(0xE0)),
    "a PUBREC": (2, b"\x50\x02\x00\x03", first_byte(0x50)),
    "a PUBREL": (2, b"\x62\x02\x00\x03", first_byte(0x62)),
    "an UNSUBACK": (2, b"\xb0\x02\x00\x01", first_byte(0xB0)),
    "QoS 2": (2, publish(ACK, b"x", 0x34), first_byte(0x34)),
    "QoS 3": (2, publish(ACK, b"x", 0x36), first_byte(0x36)),
    "flags in a PUBACK": (2, b"\x42\x02\x00\x03", first_byte(0x42)),
    "flags in a CONNACK": (0, b"\x21\x02\x00\x00", first_byte(0x21)),
    "a CONNACK of 5": (0, b"\x20\x03\x00\x00\x00", "the broker sent a packet 32 of 3 bytes"),
    "a CONNACK without a code": (0, b"\x20\x00", "the broker sent a packet 32 of 0 bytes"),
    "a CONNACK with an unknown code": (0, b"\x20\x02\x00\x63", "refused: the broker sent a CONNACK with code 99"),
    "a session resumed": (0, b"\x20\x02\x01\x00", "the broker resumed a session that this device did not ask for"),
    "another CONNACK": (2, CONNACK, "the broker sent a packet 32 out of turn"),
    "a SUBACK first": (0, SUBACK, "the broker sent a packet 144 out of turn"),
    "a PUBLISH first": (0, publish(ACK, b"x"), "the broker sent a packet 50 out of turn"),
    "a PINGRESP first": (0, b"\xd0\x00", "the broker sent a packet 208 out of turn"),
    "another SUBACK": (2, SUBACK, "the broker sent a SUBACK that answers nothing"),
    "a SUBACK of another number": (1, b"\x90\x05\x00\x02\x01\x01\x01", "the broker sent a SUBACK that answers nothing"),
    "a SUBACK for fewer": (1, b"\x90\x04\x00\x01\x01\x01", "the broker sent a SUBACK that answers nothing"),
    "an empty SUBACK": (1, b"\x90\x00", "the broker sent a SUBACK that answers nothing"),
    "a SUBACK of one byte": (1, b"\x90\x01\x00", "the broker sent a SUBACK that answers nothing"),
    "a long SUBACK": (1, b"\x90\x11" + bytes(17), "the broker sent a packet 144 of 17 bytes"),
    "QoS 2 granted": (1, b"\x90\x05\x00\x01\x02\x01\x01", "the broker sent a SUBACK with code 2"),
    "a PUBACK for nothing": (2, b"\x40\x02\x00\x09", "the broker sent a PUBACK for what it was not sent"),
    "a PUBACK twice": (2, 2 * b"\x40\x02\x00\x02", "the broker sent a PUBACK for what it was not sent"),
    "a PUBACK with the number 0": (2, b"\x40\x02\x00\x00", "the broker sent a PUBACK for what it was not sent"),
    "a PUBACK too long": (2, b"\x40\x03\x00\x02\x00", "the broker sent a packet 64 of 3 bytes"),
    "a PINGRESP that nobody asked for": (2, b"\xd0\x00", "the broker sent PINGRESP without being asked"),
    "a PINGRESP with a body": (2, b"\xd0\x01\x00", "the broker sent a packet 208 of 1 bytes"),
    "five bytes of length": (2, b"\x32\x80\x80\x80\x80\x01", "the broker sent a length of more than four bytes"),
    "an empty PUBLISH": (2, b"\x30\x00", NOT_ASKED),
    "a PUBLISH of one byte": (2, b"\x30\x01\x00", NOT_ASKED),
    "a topic longer than the packet": (2, b"\x32\x05\xff\xffabc", NOT_ASKED),
    "a topic longer than what is kept": (2, b"\x32" + length(70_000) + b"\xff\xff" + bytes(69_998), NOT_ASKED),
    "a topic with a wildcard": (2, publish(TOPIC + b"#", b"x"), NOT_ASKED),
    "another device's topic": (2, publish(b"headway/v1/depot-7/band-4/ack", b"x"), NOT_ASKED),
    "our own topic": (2, publish(TOPIC + b"up", b"x"), NOT_ASKED),
    "a topic that is no UTF-8": (2, publish(b"\xff\xfe", b"x"), NOT_ASKED),
    "no number": (2, b"\x32" + length(2 + len(ACK)) + publish(ACK, b"", 0x30)[2:], NO_NUMBER),
    "the number 0": (2, publish(ACK, b"x", packet_id=0), "the broker sent a message with the number 0"),
    "QoS 0 repeated": (2, publish(ACK, b"x", 0x38), first_byte(0x38)),
}  # fmt: skip

# Odd, and allowed: what comes of it is the server's word, and judged by the decoders.
HARMLESS: dict[str, tuple[bytes, int]] = {
    "an empty message": (publish(ACK, b""), 1),
    "QoS 0": (publish(ACK, b"x", 0x30), 1),
    "repeated": (publish(ACK, b"x", 0x3A), 1),
    "a length with more bytes than it takes": (
        b"\x30" + bytes([128 | 5 + len(ACK), 0]) + publish(ACK, b"xxx", 0x30)[2:],
        1,
    ),
    "ten thousand bytes": (publish(ACK, bytes(10_000)), 0),
    "a benchmark of eight thousand": (publish(TOPIC + b"bench", bytes(8192)), 0),
    "a command that was kept": (publish(TOPIC + b"cmd", b"x", 0x33), 0),
    "a benchmark that was kept": (publish(TOPIC + b"bench", b"x", 0x33), 1),
    "a thousand messages": (1000 * publish(TOPIC + b"bench", b"x"), 1000),
}


def mutated(count: int, seed: int) -> list[tuple[int, bytes, int]]:
    """Made of what a good broker sends: (stage, bytes, length of the pieces), the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    good = [
        CONNACK, SUBACK, b"\x40\x02\x00\x02", b"\x40\x02\x00\x03", b"\xd0\x00",
        publish(ACK, b"\x85\x01\x03\x11\x80\x80"), publish(TOPIC + b"bench", bytes(2000)), publish(TOPIC + b"cmd", b"x", 0x30),
    ]  # fmt: skip
    found = []
    for _ in range(count):
        stage = chance.randrange(3)
        data = bytearray(b"".join(chance.choices(good, k=chance.randrange(1, 6))))
        if stage < 2 and chance.random() < 0.8:
            data[:0] = (CONNACK, SUBACK)[stage]
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data))
            how = chance.randrange(3)
            if how == 0:
                data[at] ^= 1 << chance.randrange(8)
            elif how == 1:
                del data[at : at + chance.randrange(1, 4)]
            else:
                data[at:at] = chance.randbytes(chance.randrange(1, 4))
            if not data:
                data = bytearray(b"\0")
        found.append((stage, bytes(data), chance.choice((1, 2, 7, 256))))
    return found
