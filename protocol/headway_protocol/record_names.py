"""Names of a record's kinds and clocks, for people. Apart from `headway_protocol.record`: a microcontroller needs no names."""

from headway_protocol.record import (
    AGREEMENT,
    BIRTH,
    DAY,
    EPISODE,
    FEEDBACK,
    HOLDOVER,
    INCIDENT,
    LOSS,
    SERVICE,
    SYNCED,
    UNSYNCED,
)

KIND_NAMES = {
    BIRTH: "birth",
    EPISODE: "episode",
    DAY: "day",
    FEEDBACK: "feedback",
    INCIDENT: "incident",
    AGREEMENT: "agreement",
    SERVICE: "service",
    LOSS: "loss",
}
CLOCK_NAMES = {UNSYNCED: "unsynced", HOLDOVER: "holdover", SYNCED: "synced"}
