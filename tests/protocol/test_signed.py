"""The envelope of what a device obeys: every byte of it counts, and nothing is read before the signature is verified."""

import hashlib
import hmac

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import codes, order_codes, pack_offer, signed
from headway_protocol.errors import DecodeError

ME = "depot-7/bus-0142"
KEY = b"a key that both sides know".ljust(32, b".")
KEY_ID = b"key-id-8"


def sign(data: bytes) -> bytes:
    return hmac.digest(KEY, data, "sha256")


SIGNER = (signed.HMAC_SHA256, KEY_ID, sign)


def verify(algorithm: int, key_id: bytes, data: bytes, signature: bytes) -> bool:
    return algorithm == signed.HMAC_SHA256 and key_id == KEY_ID and hmac.compare_digest(sign(data), signature)


def opened(data: bytes, purpose: int = signed.OFFER, audience: str = ME) -> tuple:
    return signed.opened(data, 1000, purpose, audience, verify)


def code_of(data: bytes, **settings) -> int:
    with pytest.raises(DecodeError) as caught:
        opened(data, **settings)
    return caught.value.code


VALID = signed.make(signed.OFFER, ME, 1_790_000_000, 1_797_776_000, b"body", SIGNER)


@given(
    purpose=st.sampled_from([signed.OFFER, signed.WIPE]),
    version=st.integers(1, signed.VERSION_MAX),
    not_after_s=st.integers(1, signed.TIME_S_MAX),
    body=st.binary(max_size=300),
)
def test_what_was_signed_is_what_is_opened(purpose, version, not_after_s, body):
    data = signed.make(purpose, ME, version, not_after_s, body, SIGNER)
    assert len(data) <= len(body) + signed.OVERHEAD_BYTES
    assert signed.is_signed(data)
    assert opened(data, purpose) == (version, not_after_s, body)


def test_the_bytes_are_those_that_the_page_describes():
    statement = cbor2.dumps([1, ME, 1_790_000_000, 1_797_776_000, b"body"])
    signature = hmac.digest(KEY, b"headway signed 1\x00" + statement, hashlib.sha256)
    assert cbor2.dumps([2, 2, KEY_ID, statement, signature]) == VALID


def test_no_byte_can_be_changed():
    for at in range(len(VALID)):
        for bit in range(8):
            changed = VALID[:at] + bytes([VALID[at] ^ 1 << bit]) + VALID[at + 1 :]
            with pytest.raises(DecodeError):
                opened(changed)


@given(st.integers(0, len(VALID) - 1))
def test_no_byte_can_be_cut_off(length):
    with pytest.raises(DecodeError):
        opened(VALID[:length])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"purpose": signed.WIPE}, "signed for purpose 1"),
        ({"audience": "depot-7/bus-0143"}, "signed for depot-7/bus-0142"),
    ],
)
def test_what_is_for_somebody_or_something_else_is_not_for_me(settings, words):
    with pytest.raises(DecodeError, match=words) as caught:
        opened(VALID, **settings)
    assert caught.value.code == order_codes.NOT_FOR_YOU


def test_an_unsigned_offer_is_no_offer_and_is_still_read_as_what_it_is():
    old = pack_offer.encode(b"compiled", "{}")
    assert code_of(old) == order_codes.FORGED
    assert pack_offer.decode(old) == (b"compiled", "{}")
    with pytest.raises(DecodeError) as caught:
        pack_offer.decode(VALID)
    assert caught.value.code == codes.NEWER_VERSION, "which is what firmware of before says of it"


def test_the_size_is_looked_at_before_anything_else():
    assert code_of(b"\xff" * 1001) == codes.TOO_LARGE


def test_nothing_that_is_said_is_read_before_the_signature_is_verified():
    for said in (b"", b"\xff", cbor2.dumps([9, "x" * 99, 2**63, 0, b""])):
        data = signed.joined(said or b"\x00", signed.HMAC_SHA256, KEY_ID, bytes(32))
        assert code_of(data) == order_codes.FORGED
        assert code_of(signed.sealed(said or b"\x00", SIGNER)) != order_codes.FORGED


@pytest.mark.parametrize("version", [0, signed.VERSION_MAX + 1, 2**63])
def test_no_version_is_beyond_the_end_of_time(version):
    data = signed.sealed(cbor2.dumps([1, ME, version, 1, b""]), SIGNER)
    assert code_of(data) == codes.IMPLAUSIBLE


@pytest.mark.parametrize(
    "items",
    [
        [3, 1, KEY_ID, b"x", b"y"],
        [2, 0, KEY_ID, b"x", b"y"],
        [2, 1, KEY_ID[:7], b"x", b"y"],
        [2, 1, KEY_ID, b"", b"y"],
        [2, 1, KEY_ID, b"x", b""],
        [2, 1, KEY_ID, b"x", bytes(65)],
        [2, 1, KEY_ID, "x", b"y"],
        [2, 1, KEY_ID, b"x"],
    ],
)
def test_an_envelope_of_another_form_is_refused_before_any_key_is_asked(items):
    def asked(*_arguments):
        raise AssertionError

    with pytest.raises(DecodeError):
        signed.opened(cbor2.dumps(items), 1000, signed.OFFER, ME, asked)
