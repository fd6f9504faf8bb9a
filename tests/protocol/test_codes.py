"""Reason codes: numbers that never move, each with a way to it."""

import cbor2
import pytest

from headway_protocol import ack, code_texts, codes, order_codes, record, signed, topics
from headway_protocol.errors import DecodeError

OFFER = signed.make(signed.OFFER, "a/b", 1, 1, b"", (signed.ED25519, bytes(8), lambda _data: bytes(64)))


def opened_by(audience: str, genuine: bool) -> object:
    return lambda data: signed.opened(data, 1000, signed.OFFER, audience, lambda *_key: genuine)


def code_of(decode: object, message: object) -> int:
    with pytest.raises(DecodeError) as caught:
        decode(message)  # type: ignore[operator]
    return caught.value.code


def test_codes_keep_their_numbers_and_names() -> None:
    assert {code: code_texts.explain(code)[0] for code in code_texts.known()} == {
        1: "malformed",
        2: "too-large",
        3: "conflict",
        4: "implausible",
        5: "wrong-topic",
        6: "newer-version",
        7: "undeliverable",
        8: "forged",
        9: "not-for-you",
        10: "not-newer",
        11: "expired",
        12: "erased",
    }


def test_each_code_is_reached_by_a_message_or_is_the_servers_to_give() -> None:
    reached = {
        code_of(record.decode, b""),
        code_of(record.decode, bytes(1025)),
        code_of(record.decode, cbor2.dumps([1, 2, 0, 1, 0, None, 0, []])),
        code_of(topics.parse, "headway/v2/a/b/up"),
        code_of(record.decode, cbor2.dumps([2])),
        code_of(opened_by("a/b", False), OFFER),
        code_of(opened_by("a/c", True), OFFER),
    }
    # Only who has stored records can see that a new one contradicts them, or that there may be none.
    given_by_the_server = {codes.CONFLICT, codes.ERASED}
    # And only who sends knows that nothing ever answers; who is told to do something, what it was told before, and when.
    said_by_the_device = {codes.UNDELIVERABLE, order_codes.NOT_NEWER, order_codes.EXPIRED}
    assert sorted(reached | given_by_the_server | said_by_the_device) == code_texts.known()
    assert reached & (given_by_the_server | said_by_the_device) == set()


@pytest.mark.parametrize("code", code_texts.known())
def test_each_code_says_cause_and_next_step(code: int) -> None:
    name, cause, step = code_texts.explain(code)
    assert name.replace("-", "").isalpha()
    assert len(cause) > 10
    assert len(step) > 10
    assert ack.decode(ack.encode(1, 0, [(1, code)])) == (1, 0, [(1, code)])


def test_a_code_of_the_future_is_explained_by_its_number() -> None:
    assert code_texts.explain(99) == (
        "code-99",
        "a reason this version does not know",
        "read the release notes of the server",
    )
