"""`headway pack tune`: customer-factor weights of a pack's series, learned from what a fleet's server has stored."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import log_to_stderr, refused_packs
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_edge.core.process import Process
    from headway_server.factors.person_classes import PersonClasses
    from headway_server.factors.tuning import Tuned
    from headway_server.packs.compile import Compiled
    from headway_server.packs.source import Entry, Source


def tune(
    pack: Annotated[Path, typer.Argument(help="A TOML file.", metavar="PACK")],
    series: Annotated[str, typer.Option(help="The series: its name, or the key of its characteristic.")],
    database: Annotated[
        str, typer.Option("--from", help="The server's database, for example sqlite+aiosqlite:///headway.db.")
    ],
    factors: Annotated[
        Path, typer.Option(help="CSV with a column `person`, and one for each customer factor with the person's class.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the new version; over PACK otherwise.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Smoothing factor; otherwise the pack's, or 0.3.")] = None,
    damping: Annotated[
        float | None, typer.Option(help="Second smoothing factor, b: 1 is no factors; otherwise the pack's, or 0.5.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(help="A correction is at most this share of the level; otherwise the pack's, or 0.5."),
    ] = None,
    method: Annotated[str, typer.Option(help="How weights are learned: class-means or ridge.")] = "class-means",
    strength: Annotated[float, typer.Option(help="Pull towards no effect: kappa, or lambda of ridge.")] = 15.0,
    learn_share: Annotated[float, typer.Option(help="Of the observations, earliest first, what is learned from.")] = 2
    / 3,
) -> None:
    """Learn what customer factors tell of a series, and write a new version of the pack with their weights.

    Learned from the stored trips of this very definition, on the earlier part of the time. The weights are used only if, on the
    later part, they make the squared error fall, persons differ in it by more than chance, and the forecasts so moved beat
    those that devices make now. Otherwise nothing is written, and the reason is told. `docs/forecasts.md` explains it.

    The new version is another definition: publish it and offer it to devices, whose persons' classes stand in their settings.

    Example:

        headway pack tune town.toml --series idling --from sqlite+aiosqlite:///headway.db --factors persons.csv
    """
    log_to_stderr("warning", as_json=False)
    with refused_packs():
        import asyncio

        from headway_edge.core.pack import Pack
        from headway_edge.core.process import Process
        from headway_server.factors.person_classes import read_person_classes
        from headway_server.packs.compile import compile_source
        from headway_server.packs.outlook import GAINS
        from headway_server.packs.retuned import retuned
        from headway_server.packs.source import parse

        text = _text(pack)
        source = parse(text.encode(), str(pack))
        compiled = compile_source(source)
        process = Process(Pack(compiled.data), compiled.catalogue)
        entry = _series(source, series)
        told = read_person_classes(factors)
        classes = _classes(source, told)
        given = {"alpha": alpha, "damping": damping, "share": share}
        changed = {key: Fraction(str(gain)) for key, gain in given.items() if gain is not None}
        gains = {key: Fraction(entry.fields.get(key, usual)) for key, usual in GAINS.items()} | changed
        if not all(0 <= gain <= 1 for gain in gains.values()):
            raise SimulatorError("--alpha, --damping and --share lie from 0 to 1.")
        found = asyncio.run(
            _tuned(database, compiled, process, entry, gains, classes, told, (method, strength, learn_share))
        )
        _tell(found, entry.name, classes)
        if not found.used:
            typer.echo(f"{pack} stays as it is.")
            return
        written = retuned(text, str(pack), entry.name, found.weights, classes, changed)
        again = compile_source(parse(written.encode(), str(pack)))
        target = pack if output is None else output
        try:
            target.write_text(written, encoding="utf-8")
        except OSError as error:
            raise SimulatorError(f"{target} cannot be written: {error.strerror}.") from None
        typer.echo(
            f"{target}: {again.parts[1]} version {again.parts[2]}, id {again.id.hex()}. "
            f"Next: headway pack publish {target}, and headway pack offer."
        )


def _text(pack: Path) -> str:
    try:
        return pack.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SimulatorError(f"{pack} is not UTF-8. Name the pack's TOML file.") from None
    except OSError as error:
        raise SimulatorError(f"{pack} cannot be read: {error.strerror}. Name the pack's TOML file.") from None


def _series(source: "Source", name: str) -> "Entry":
    known = source.tables["series"]
    for item in known:
        if name in (item.name, item.text("of")):
            return item
    names = ", ".join(f"{item.name} (of {item.text('of')})" for item in known)
    raise SimulatorError(f"the pack has no series {name!r}; it has {names or 'none'}.")


def _classes(source: "Source", told: "PersonClasses") -> dict[str, list[str]]:
    # Of factors that the pack names, its own, whose order is part of the definition; of others, those that there are.
    named = {item.name: item.texts("classes") for item in source.tables["factors"]}
    return {name: named.get(name) or told.known(name) for name in told.factors}


async def _tuned(
    database: str,
    compiled: "Compiled",
    process: "Process",
    entry: "Entry",
    gains: dict[str, Fraction],
    classes: dict[str, list[str]],
    told: "PersonClasses",
    how: tuple[str, float, float],
) -> "Tuned":
    from headway_server.factors.learn import LearnSettings
    from headway_server.factors.tuning import Gains, numbers_of, tune
    from headway_server.packs.outlook import in_gains
    from headway_server.reading.device_trips import device_trips
    from headway_server.store.database import Database

    item = next(one for one in compiled.parts[16] if process.by_id[one[0]].key == entry.text("of"))
    alpha, b, rho = (in_gains(gain) for gain in gains.values())
    stored = await Database.open_to_read(database)
    try:
        async with stored.read() as connection:
            numbers = [
                (one.person, numbers_of(process, item, one.trips)) async for one in device_trips(connection, process)
            ]
    finally:
        await stored.close()
    if not numbers:
        raise SimulatorError(
            f"the database has no trips of {process.name} version {process.version}, id {process.id.hex()}: weights are learned "
            "from trips of the very definition. `headway pack list` tells what devices run."
        )
    method, strength, share = how
    settings = LearnSettings(method, strength, share, b)
    return tune(process, item, Gains(alpha, b, rho), classes, told, numbers, settings)


def _tell(found: "Tuned", series: str, classes: dict[str, list[str]]) -> None:
    gate = found.learned.gate
    typer.echo(f"{series}: {found.numbers} numbers of {found.persons} persons")
    typer.echo(
        f"learned from {found.learned.fit_observations}, asked of {gate.observations} later ones of {gate.customers} persons"
    )
    typer.echo(("used: " if found.used else "not used: ") + found.reason)
    if found.used and found.before and found.after is not None:
        share = 100 * (1 - found.after / found.before)
        typer.echo(f"mean squared error {found.before:.1f} now, {found.after:.1f} with the weights: {share:.1f} % less")
        for name, weights in found.weights.items():
            shown = ", ".join(
                f"{known} {weight / (1 << 15):+.2f}" for known, weight in zip(classes[name], weights, strict=True)
            )
            typer.echo(f"{name}: {shown}")
