"""What all commands share: one way to complain and one way to log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import typer

from headway_edge.errors import AgentError
from headway_server.errors import ServerError
from headway_simulators.errors import SimulatorError


def complain(message: str) -> None:
    """Say what is wrong, on standard error."""
    print(f"headway: {message}", file=sys.stderr)  # noqa: T201


@contextmanager
def foreseen_failures() -> Iterator[None]:
    """Turn the failures a person can do something about into a message and exit code 1."""
    try:
        yield
    except (SimulatorError, AgentError, ServerError) as error:
        complain(str(error))
        raise typer.Exit(1) from None


@contextmanager
def refused_packs() -> Iterator[None]:
    """Turn a refused pack into a line for each mistake and exit code 1; other foreseen failures as usual."""
    from headway_server.packs.problems import PackRefused

    with foreseen_failures():
        try:
            yield
        except PackRefused as error:
            for problem in error.problems:
                typer.echo(str(problem), err=True)
            count = len(error.problems)
            complain(f"{count} mistake{'s' if count > 1 else ''}; docs/packs.md describes every field and operator.")
            raise typer.Exit(1) from None


def rate_text(count: int, spent_s: float) -> str:
    """Say how many a second that is.

    >>> rate_text(3_000_000, 2.0), rate_text(45_000, 0.5), rate_text(5, 0.0)
    ('1.5 million a second', '90 thousand a second', 'at once')
    """
    if not spent_s:
        return "at once"
    a_second = count / spent_s
    return f"{a_second / 1e6:.1f} million a second" if a_second >= 1e6 else f"{a_second / 1e3:.0f} thousand a second"


def log_to_stderr(level: str, as_json: bool) -> None:
    """Send structured logs to standard error: for people on a terminal, as JSON lines for machines.

    level: "debug", "info", "warning" or "error".
    """
    numeric = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    # Libraries log through the standard module: the same lines, in the same form, but only what matters.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=numeric, handlers=[handler], force=True)
    for name in ("alembic", "amqtt", "transitions", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(max(numeric, logging.WARNING))
