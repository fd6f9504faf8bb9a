"""Stable reason codes of a rejection; what they mean and what to do next is in `headway_protocol.code_texts`.

A code never changes its meaning and is never used again for another one: devices in the field keep
the table of the day they were built. A device that meets a code it does not know treats it as final.
"""

MALFORMED = 1
TOO_LARGE = 2
CONFLICT = 3
IMPLAUSIBLE = 4
WRONG_TOPIC = 5
NEWER_VERSION = 6
UNDELIVERABLE = 7  # said by the device itself, of a record of its own
# 8 to 11 are in `headway_protocol.order_codes`.
ERASED = 12  # said by the server again
