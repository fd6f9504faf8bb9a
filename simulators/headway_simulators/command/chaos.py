"""`headway chaos`: a simulated fleet with faults, whose books must balance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from headway_simulators.chaos.script import Script
    from headway_simulators.chaos.summary import Summary
    from headway_simulators.chaos.world import Outcome

_VIOLATIONS_SHOWN = 20


def chaos(
    seed: Annotated[int, typer.Option(help="What everything random follows from.")] = 1,
    devices: Annotated[int, typer.Option(min=1, max=1000, help="How many devices there are.")] = 50,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days they live.")] = 30,
    seeds: Annotated[str, typer.Option(help="Many runs, one for each seed: A..B.", metavar="A..B")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="How many runs at once, each in a process.")] = 1,
    faults: Annotated[
        str, typer.Option(help="Kinds of faults or groups of them, with commas between; none: no faults.")
    ] = "",
    script: Annotated[
        Path | None, typer.Option(help="Replay the faults of this file, as an earlier run wrote it.")
    ] = None,
    keep: Annotated[
        Path,
        typer.Option(
            help="Folder for the script of a run that went wrong.", exists=True, file_okay=False, writable=True
        ),
    ] = Path(),
    shrink: Annotated[bool, typer.Option(help="Look for the few faults that a violation needs.")] = True,
    log: Annotated[bool, typer.Option("--log", help="Print every event (one seed only).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate a fleet for days or years with faults in every part, and check that no record is lost, doubled or made up.

    Agents, outboxes and the server's ingest are the real ones; disks, networks, broker and clocks are simulated, and so is
    time: nobody waits. The same seed gives the same run, event for event. At the end the faults stop, everything has to
    arrive, and the books of every device have to balance. Exit code 1 if anything is wrong, with the few faults that it
    takes as a script to replay. docs/chaos.md says what is simulated and what is not.

    Examples:

        headway chaos --seed 7 --devices 50 --days 30

        headway chaos --seeds 1..200 --devices 10 --days 10 --jobs 2 --faults network,broker
    """
    with foreseen_failures():
        import json

        from rich.console import Console

        from headway_simulators.chaos.summary import Summary

        scripts = _scripts(seed, seeds, devices, days, faults, script)
        summary = Summary()
        terminal = Console(stderr=True)
        logged = _run(scripts, jobs, summary, terminal, log)
        if log:
            print("\n".join(logged))  # noqa: T201
        if as_json:
            print(json.dumps(summary.as_json(), indent=1))  # noqa: T201
        else:
            _print(summary)
        if summary.failed:
            told = _smallest(summary.failed[0], keep, terminal, shrink=shrink)
            typer.echo(told, err=as_json)
            raise typer.Exit(1)


def _scripts(seed: int, seeds: str, devices: int, days: int, faults: str, file: Path | None) -> "list[Script]":
    from headway_simulators.chaos.faults import chosen, faults_of
    from headway_simulators.chaos.script import Script
    from headway_simulators.chaos.script_file import read_script
    from headway_simulators.errors import SimulatorError

    if file is not None:
        return [read_script(file)]
    first, dots, last = seeds.partition("..")
    try:
        numbers = range(int(first), int(last) + 1) if seeds else [seed]
    except ValueError:
        raise SimulatorError(f"--seeds {seeds!r}: write two whole numbers, for example 1..200") from None
    if not numbers or (seeds and not dots):
        raise SimulatorError(f"--seeds {seeds!r}: write the lower number first, for example 1..200")
    kinds = chosen(faults)
    return [Script(n, devices, days, faults_of(n, devices, days, kinds)) for n in numbers]


def _run(scripts: "Sequence[Script]", jobs: int, summary: "Summary", terminal: "Console", log: bool) -> "Sequence[str]":
    import time

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from headway_simulators.chaos.runs import run, run_all
    from headway_simulators.errors import SimulatorError

    if log and len(scripts) > 1:
        raise SimulatorError("--log prints the events of one seed")
    start_s = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    lines: Sequence[str] = ()
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        if len(scripts) == 1:
            task = bar.add_task("days", total=scripts[0].days)
            outcome = run(scripts[0], keep_log=log, progress=lambda day: bar.update(task, completed=day))
            summary.add(outcome)
            lines = outcome.log
        else:
            task = bar.add_task("seeds", total=len(scripts))
            for outcome in run_all(scripts, jobs):
                summary.add(outcome)
                bar.advance(task)
    summary.elapsed_s = time.monotonic() - start_s
    return lines


def _print(summary: "Summary") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", "of", "number"):
        table.add_column(heading, justify="right" if heading == "number" else "left", overflow="fold")
    for what, number in (
        ("produced", summary.produced),
        ("stored", summary.stored),
        ("kept", summary.kept),
        ("folded into others", summary.folded),
        ("erased", summary.erased),
        ("sent again", summary.repeated),
        *((f"made: {kind}", number) for kind, number in sorted(summary.made.items())),
    ):
        table.add_row("records", what, f"{number:,}")
    for reason, number in sorted(summary.lost.items()):
        table.add_row("declared lost", reason, f"{number:,}")
    for what, counts in sorted(summary.counts.items()):
        for kind, number in sorted(counts.items()):
            table.add_row(what, kind, f"{number:,}")
    for kind, number in sorted(summary.violations.items()):
        table.add_row("VIOLATIONS", kind, f"{number:,}")
    console.print(table)
    console.print(
        f"{summary.runs} run{'' if summary.runs == 1 else 's'}, {summary.device_years:.1f} device-years in "
        f"{summary.elapsed_s:.1f} s: {summary.device_years_per_minute:.0f} a minute, and "
        f"{summary.device_years_per_cpu_minute:.0f} in a minute of one processor. "
        f"After the last fault everything had arrived within {summary.calm_max_ms / 3_600_000:.1f} h.",
        soft_wrap=True,
    )
    if len(summary.digests) == 1:
        console.print(f"hash of the event log: {summary.digests[0][1]}", soft_wrap=True)
    for outcome in summary.failed:
        for item in outcome.violations[:_VIOLATIONS_SHOWN]:
            console.print(f"seed {outcome.script.seed}, {item.who}: {item.kind}: {item.detail}", soft_wrap=True)
    if not summary.failed:
        console.print("No violation: produced = stored + kept + declared lost, everywhere.", soft_wrap=True)


def _smallest(outcome: "Outcome", folder: Path, terminal: "Console", *, shrink: bool) -> str:
    """Write the script of a run that went wrong, as small as can be found; return what it needs and how to run it again."""
    from headway_simulators.chaos.faults import describe
    from headway_simulators.chaos.runs import run
    from headway_simulators.chaos.shrink import RUNS_MAX, Shrinking
    from headway_simulators.chaos.timeline import when
    from headway_simulators.errors import SimulatorError

    found, kind = outcome.script, outcome.violations[0].kind
    if shrink:

        def goes_wrong(script: "Script") -> bool:
            status.update(f"shrinking, run {shrinking.runs} of at most {RUNS_MAX} ...")
            return any(violation.kind == kind for violation in run(script).violations)

        shrinking = Shrinking(goes_wrong)
        with terminal.status("shrinking ...") as status:
            found = shrinking.shrink(found)
    path = folder / f"chaos-seed-{found.seed}.json"
    try:
        path.write_text(found.to_json(), encoding="utf-8")
    except OSError as error:
        raise SimulatorError(f"cannot write {path}: {error.strerror}. Name a folder with --keep.") from error
    return "\n".join(
        (
            f"\n{kind}: with {len(found.faults)} faults, {found.devices} devices, {found.days} days:",
            *(f"  {when(fault.at_ms)}  {describe(fault)}" for fault in found.faults),
            f"\nThe same again: headway chaos --seed {found.seed} --script {path}",
        )
    )
