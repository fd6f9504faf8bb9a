"""Finds the reader for a wearable's recording; the content says which."""

from collections.abc import Callable
from pathlib import Path

from headway_simulators.errors import SimulatorError
from headway_simulators.wearables import actiwatch, epoch_table, fitabase
from headway_simulators.wearables.epoch_recording import EpochRecording

Reader = Callable[[Path, str], list[EpochRecording]]
_HEAD_BYTES = 4096
_PERSONS_NAMED = 8


def recognized(data: bytes) -> Reader | None:
    """Return the reader for a file's content, None if it is no wearable's recording that is known here."""
    head = data[:_HEAD_BYTES].decode("utf-8", "replace")
    if epoch_table.recognizes(head):
        return lambda path, text: [epoch_table.read(path, text)]
    if fitabase.recognizes(head):
        return fitabase.read
    if actiwatch.recognizes_awd(head):
        return lambda path, text: [actiwatch.read_awd(path, text)]
    if actiwatch.recognizes_export(head):
        return lambda path, text: [actiwatch.read_export(path, text)]
    return None


def recordings(path: Path, data: bytes) -> list[EpochRecording]:
    """Return one recording for each person in a file's content. Raises SimulatorError for content not recognized, or empty."""
    reader = recognized(data)
    if reader is None:
        raise SimulatorError(
            f"{path} is no recording of a wearable that is known here; docs/wellness.md names those that are."
        )
    found = [recording for recording in reader(path, data.decode("utf-8", "replace")) if recording.samples]
    if not found:
        raise SimulatorError(f"{path} has a header but no usable row. Check how times are written.")
    return found


def recording_of(path: Path, data: bytes, person: str) -> EpochRecording:
    """Return one person's recording; person may be empty where there is only one.

    Raises SimulatorError, naming whose there are.
    """
    found = recordings(path, data)
    persons = [recording.person for recording in found]
    if len(found) == 1 and not person:
        return found[0]
    if person not in persons:
        named = ", ".join(persons[:_PERSONS_NAMED]) + (" …" if len(persons) > _PERSONS_NAMED else "")
        raise SimulatorError(
            f"{path} has {len(found)} persons' epochs; name one, as in {path}#{persons[0]}. There are {named}."
        )
    chosen = found[persons.index(person)]
    chosen.path = Path(f"{path}#{person}")
    return chosen
