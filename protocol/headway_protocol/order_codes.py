"""Reason codes of what a device is told to do and does not, as `headway_protocol.codes`, whose numbers they share.

Apart from those, because every name takes heap on a microcontroller, and one that takes no orders needs none of these.
"""

FORGED = 8
NOT_FOR_YOU = 9
NOT_NEWER = 10
EXPIRED = 11
