"""Run migrations on the connection that `headway_server.store.database` hands over, inside its transaction."""

from alembic import context

from headway_server.store.tables import metadata

# SQLite's DDL is transactional once BEGIN is explicit (see database.py), so a migration cut short leaves nothing behind.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
