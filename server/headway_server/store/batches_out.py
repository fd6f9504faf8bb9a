"""Keeping batches out: what must not happen in the middle of one waits for those under way, and later ones wait for it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.store.tables import epochs


async def keep_batches_out(connection: AsyncConnection) -> None:
    """Return when no batch of any server is under way; none begins before this transaction ends.

    To be called before anything else is locked. Batches hold the open epoch shared (`transaction.lock_open_epoch`). On
    PostgreSQL the whole table is taken, because those who wait for a table take turns, while who waits for a row that others
    share waits for as long as there is always one of them. On SQLite the transaction itself keeps them out.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"LOCK TABLE {epochs.name} IN EXCLUSIVE MODE"))
