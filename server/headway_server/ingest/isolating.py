"""Committing a batch in spite of a message in it that makes the commit fail, or ends the process: that one is put aside.

The state of the database is nobody's fault: its errors are passed on, to be tried again with the same messages.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DataError, SQLAlchemyError

from headway_server.ingest.arrival import Received, storable
from headway_server.ingest.crash_counter import CRASHES_MAX, CrashCounter
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.receipts import Acknowledgement
from headway_server.ingest.refused import digest_of

log = structlog.get_logger(__name__)

_TRIES = 3  # of one message that fails alone


async def commit_isolating(
    ingest: Ingest, crashes: CrashCounter, messages: Sequence[Received]
) -> list[Acknowledgement]:
    """Commit messages as `Ingest.commit` does; what makes it fail by its content becomes a dead letter.

    Raises SQLAlchemyError or OSError where the database fails; the same messages may be handed in again.
    """
    if not crashes.watching:
        return await _commit(ingest, messages)
    condemned, groups = crashes.part(messages)
    for message in condemned:
        log.error("a message has ended the process again and again; put aside unread", letter=_letter(message))
        await ingest.bury(message, f"the process ended {CRASHES_MAX} times while this was read")
    acknowledgements = []
    for group in groups:
        await crashes.take(group, ingest.now_ms())
        acknowledgements += await _commit(ingest, group)
        await crashes.release(group)
    if condemned:
        await crashes.release(condemned)
    return acknowledgements


def _letter(message: Received) -> str:
    # By what `headway dead-letters show` finds it: a topic is a name, and no log has any.
    return digest_of(storable(message.topic), message.payload).hex()[:12]


async def _commit(ingest: Ingest, messages: Sequence[Received]) -> list[Acknowledgement]:
    """Commit; should content make it fail, find the message by halving, and put it aside."""
    for attempt in range(1, _TRIES + 1):
        try:
            return await ingest.commit(messages)
        except DataError as e:
            error: Exception = e
        except (SQLAlchemyError, OSError):
            raise
        except Exception as e:  # noqa: BLE001 - a bug that one message brings out must not stop the others
            error = e
        if len(messages) > 1:
            middle = len(messages) // 2
            first = await _commit(ingest, messages[:middle])
            return first + await _commit(ingest, messages[middle:])
        log.error("a message makes the commit fail", letter=_letter(messages[0]), attempt=attempt, exc_info=error)
    await ingest.bury(messages[0], f"makes the commit fail: {type(error).__name__}")
    return []
