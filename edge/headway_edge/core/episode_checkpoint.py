"""The numbers of an `EpisodeCore` and its history, for a checkpoint: a part of these two that only a checkpoint needs."""

from array import array

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.core.episode import EpisodeCore
    from headway_edge.core.history import History

_NUMBERS = (  # before the arrays
    "lead_ms", "_open", "_powered", "_since_ms", "_speed", "_fraction", "_standing", "_stand_ms", "_stand_gaps", "_stand_gap_ms",
)  # fmt: skip


def state(core: "EpisodeCore") -> list:
    """Return everything that a restart needs, as `EpisodeCore.state` describes it."""
    found = [getattr(core, name) for name in _NUMBERS]
    for numbers in (core._cells, core._kept, core._gates, core._state, core._lead):
        found.extend(numbers)
    history = core._history
    if history is None:
        return found
    found.extend([history._at, history._filled])
    found.extend(history._steps_ms)
    for numbers in history._columns:
        found.extend(numbers)
    return found


def restore(core: "EpisodeCore", saved: list) -> None:
    """Go on from `saved`. Raises ValueError where it is of another pack, class or period."""
    arrays = (core._cells, core._kept, core._gates, core._state, core._lead)
    history = core._history
    at = len(_NUMBERS) + sum([len(numbers) for numbers in arrays])
    length = 0 if history is None else 2 + history._length * (len(history._columns) + 1)
    if len(saved) != at + length:
        raise ValueError("a checkpoint of %d numbers is of another pack or version" % len(saved))
    if history is not None:
        _restore_history(history, saved[at:])
    for i in range(len(_NUMBERS)):
        setattr(core, _NUMBERS[i], saved[i])
    at = len(_NUMBERS)
    for numbers in arrays:
        for i in range(len(numbers)):
            numbers[i] = saved[at + i]
        at += len(numbers)


def _restore_history(history: "History", saved: list) -> None:
    history._at, history._filled = saved[:2]
    at = 2 + history._length
    history._steps_ms = array("i", saved[2:at])
    for i in range(len(history._columns)):
        history._columns[i] = array("i", saved[at : at + history._length])
        at += history._length
