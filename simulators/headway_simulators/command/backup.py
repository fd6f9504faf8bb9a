"""`headway backup` and `headway restore`: copies of a server's database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_server.settings import ServerSettings

_Config = Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")]
_Database = Annotated[str | None, typer.Option(help="Database URL, for example sqlite+aiosqlite:///headway.db.")]


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write; an earlier backup there is replaced.", metavar="FILE")],
    config: _Config = None,
    database: _Database = None,
) -> None:
    """Copy a server's database to a file, while the server runs.

    The copy is one moment of the database, checked before it takes its name. A database of PostgreSQL is backed up by
    pg_dump: the command says how.

    Example:

        headway backup --config /etc/headway/server.toml /backups/headway-monday.db
    """
    with foreseen_failures():
        import time

        from headway_server.backups.backup import back_up

        start_s = time.monotonic()
        done = back_up(_url(config, database), file, time.time_ns() // 1_000_000)
        typer.echo(
            f"{done.path}: {done.devices} devices, {done.records} records, {done.size_bytes / 1e6:.1f} MB, "
            f"in {time.monotonic() - start_s:.1f} s."
        )


def restore(
    file: Annotated[Path | None, typer.Argument(help="What `headway backup` wrote.", metavar="[FILE]")] = None,
    config: _Config = None,
    database: _Database = None,
    force: Annotated[bool, typer.Option("--force", help="Move a database that is there aside; it is kept.")] = False,
    mark: Annotated[
        bool, typer.Option("--mark", help="Only note that it was restored, by pg_restore or other means.")
    ] = False,
) -> None:
    """Put a backup in the place of a server's database. The server must be stopped.

    The backup is checked first. What came after it was made is asked for again: devices keep what was committed for as
    long as they have room, and send it when the server is back.

    Examples:

        headway restore --config /etc/headway/server.toml --force /backups/headway-monday.db
        headway restore --config /etc/headway/server.toml --mark
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import time

        from headway_server.backups import restore as restoring

        settings, now = _settings(config, database), time.time_ns() // 1_000_000
        url, journal = settings.database_url, settings.erasure_journal
        if mark == (file is not None):
            raise SimulatorError("which one? Name the backup, or say --mark of a database that was restored already.")
        start_s = time.monotonic()
        if file is None:
            done = restoring.mark(url, now, journal)
        else:
            done = restoring.restore(file, url, now, force=force, journal=journal)
        typer.echo(f"{done.devices} devices, {done.records} records, in {time.monotonic() - start_s:.1f} s.")
        if done.made_ms is not None:
            typer.echo(f"The backup was made {_lasting((now - done.made_ms) // 1000)} ago.")
        if done.aside is not None:
            typer.echo(f"What was there is kept as {done.aside}.")
        typer.echo("Start the server: each device that speaks is asked for what came after.")


def _url(config: Path | None, database: str | None) -> str:
    return _settings(config, database).database_url


def _settings(config: Path | None, database: str | None) -> "ServerSettings":
    from headway_server.settings import read_settings

    return read_settings(config, **({} if database is None else {"database_url": database}))


def _lasting(seconds: int) -> str:
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86_400} days"
