"""Writes the pages of docs/ that are made from the packs and the code: characteristics, settings, and the fields that leave.

`python -m headway_simulators.generated_docs DOCS_FOLDER` writes them; a test holds them to be current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from headway_edge.settings import AgentSettings
from headway_protocol import cbor, command, record
from headway_server.ingest import arrival, crash_counter, gap_rows, rate_limit, refused
from headway_server.packs import explain, library
from headway_server.packs.compile import compile_file
from headway_server.settings import ServerSettings
from headway_simulators.leaving import fields_page

_NOTE = "<!-- Made by `python -m headway_simulators.generated_docs docs`; do not edit. -->\n"
_SCORE = """
## Score

A person's place among people of the same cohort, 0 to 1000 with the best at 1000, for each characteristic of an axis: the share
of persons it is better than, by the benchmark that the device holds, told no finer than the number of persons allows (the middle
of a quarter under 30 persons, of a tenth under 400). Without a benchmark, the share of the person's own past weeks, from five
weeks on. An axis is the mean of its characteristics' places, out of 100; the score is the mean of the axes by weight. An axis
without data is left out; with under half of the weight there is no score. The device says which axis moved the score most
since last week, and which number, brought to which value, would change it most.

Source: normalised characteristics on a spider chart, Lim et al., customer process management, Fig. 7a; places instead of
distances, so that one extreme person does not squeeze all others together."""
_AGENT_EXAMPLE = """\
group = "depot-7"
device = "bus-0142"
vehicle_class = "bus"
pack_keys = ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]
broker_host = "fleet.example"
broker_port = 8883
broker_tls = true
broker_ca = "/etc/headway/broker-ca.pem"
broker_username = "bus-0142"
broker_password = "change-me-please\""""
_SERVER_EXAMPLE = """\
database_url = "sqlite+aiosqlite:////var/lib/headway/headway.db"
broker_host = "broker.example"
broker_port = 8883
broker_tls = true
broker_ca = "/etc/headway/broker-ca.pem"
broker_username = "headway-server"
broker_password = "change-me-too"
operator_token = "change-me-please\""""
_LIMITS: tuple[tuple[str, int | str], ...] = (
    ("bytes of a record", record.RECORD_BYTES_MAX),
    ("bytes of a message in which it is still looked for whose record it is", arrival.MESSAGE_BYTES_MAX),
    ("bytes of a larger message that are kept", refused.DEAD_LETTER_BYTES_MAX),
    ("depth of arrays and maps in a message", cbor.MAX_DEPTH),
    ("items of an array or a map", cbor.MAX_ITEMS),
    ("bytes of messages in memory", f"`queue_max` times {arrival.MESSAGE_BYTES_MAX:,}".replace(",", " ")),
    ("dead letters kept", refused.DEAD_LETTERS_MAX),
    ("records of one device in quarantine", refused.QUARANTINE_MAX),
    ("times that a device is asked for a gap, until it has started again", gap_rows.ASKS_MAX),
    ("ranges of records asked for in one message", command.RANGES_MAX),
    ("missing boots between two that are a gap", gap_rows.MISSING_BOOTS_MAX),
    ("crashes until a message is put aside unread", crash_counter.CRASHES_MAX),
    ("devices with a bucket of their own at a time", rate_limit.BUCKETS_MAX),
)


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    return {
        "characteristics.md": "\n".join(_characteristics()) + "\n",
        "configuration.md": "\n".join(_configuration()) + "\n",
        "fields.md": "\n".join(fields_page.page(_NOTE)) + "\n",
    }


def _characteristics() -> Iterator[str]:
    catalogues = [compile_file(library.path(name)).catalogue for name in library.names()]
    yield "# Characteristics\n"
    yield _NOTE
    yield (
        "Every number that the packs which ship let people read, with what it is made of and where that comes from. Another "
        "threshold is another definition with another id; values of different definitions are never compared. "
        "`headway pack explain NAME` prints the same for any pack; [packs](packs.md) says how formulas are read.\n"
    )
    for pack in catalogues:
        yield f"- [{pack['title']}](#{pack['name']}), `{pack['name']}` version {pack['version']}, id `{pack['pack_id']}`"
    for pack in catalogues:
        yield from characteristics_of(pack)
    yield _SCORE


def characteristics_of(pack: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one pack's part of the page, from its catalogue."""
    episode = "day" if pack["kind"] == "day" else "trip"
    yield f"\n## {pack['name']}\n"
    yield _flat(pack["about"])
    if pack["source"]:
        yield f"\nSource: {_flat(pack['source'])}"
    for level, heading in (("period", "Of a person, over a period"), ("trip", f"Of a {episode}")):
        yield f"\n### {heading}\n"
        yield "| id | key | unit | better | formula | what | source |\n|--:|---|---|---|---|---|---|"
        for item in pack["characteristics"]:
            if item["level"] == level:
                better = item["direction"].partition(" ")[0].replace("neither", "")
                yield _row(
                    item["id"],
                    f"`{item['key']}`",
                    item["unit"],
                    better,
                    f"`{item['formula']}`",
                    item["about"],
                    item["source"],
                )
    for table, heading, formula in (
        ("totals", f"Totals: what a {episode} adds to its person's period", "formula"),
        ("accumulators", f"Counted over a {episode}", None),
        ("events", f"Events, counted over a {episode}", "when"),
        ("values", "Values, on every sample", "formula"),
    ):
        if pack[table]:
            yield f"\n### {heading}\n"
            yield "| name | formula | what |\n|---|---|---|"
            for item in pack[table]:
                text = item[formula] if formula else _counted(item)
                yield _row(f"`{item['name']}`", f"`{_flat(text)}`", _with_source(item))
    if pack["params"]:
        classes = [name for name in pack["classes"] if name not in pack["like"]]
        yield "\n### Thresholds by class\n"
        yield "| name | " + " | ".join(classes) + " | what |\n|---|" + "--:|" * len(classes) + "---|"
        for item in pack["params"]:
            yield _row(f"`{item['name']}`", *(item["classes"][name] for name in classes), _with_source(item))
        for name, other in pack["like"].items():
            yield f"\nThe class {name} has the thresholds of {other}."
    if pack["contexts"]:
        yield "\n### Contexts\n"
        yield "| name | when | else | what |\n|---|---|---|---|"
        for item in pack["contexts"]:
            yield _row(item["title"], f"`{_flat(item['when'])}`", item["otherwise"], _with_source(item))
    if pack["score"]:
        yield "\n### Axes of the score\n"
        yield "| axis | weight | characteristics | what |\n|---|--:|---|---|"
        for item in pack["score"]:
            keys = ", ".join(f"`{key}`" for key in item["of"])
            yield _row(item["title"], item.get("weight", 1), keys, _with_source(item))
    for table, heading, words in (
        ("consumables", "What wears out", explain.consumable),
        ("advice", "Advice on warning codes, the most urgent first", explain.advice),
    ):
        if pack[table]:
            yield f"\n### {heading}\n"
            yield "| name | rule | what |\n|---|---|---|"
            for item in pack[table]:
                yield _row(f"`{item['name']}`", words(item), _with_source(item))


def _counted(item: dict[str, Any]) -> str:
    found = f"{item['kind']} of {item['of']}" if "of" in item else item["kind"]
    if "edges" in item:
        found += f" at {', '.join(item['edges'])}"
    return f"{found} while {item['when']}" if "when" in item else found


def _with_source(item: dict[str, Any]) -> str:
    source = item.get("source")
    return f"{item['about']} Source: {source}" if source else str(item["about"])


def _row(*cells: object) -> str:
    return "| " + " | ".join(_flat(str(cell)).replace("|", "\\|") for cell in cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _configuration() -> Iterator[str]:
    yield "# Settings\n"
    yield _NOTE
    yield (
        "Both programs read a TOML file (`--config`), then environment variables, then the command line, each winning over "
        "those before. A key that nobody knows is refused."
    )
    for title, kind, example in (
        ("The agent: `headway agent`", AgentSettings, _AGENT_EXAMPLE),
        ("The server: `headway serve`", ServerSettings, _SERVER_EXAMPLE),
    ):
        prefix = kind.model_config.get("env_prefix", "")
        yield f"\n## {title}\n"
        yield f"```toml\n{example}\n```\n"
        yield f"Environment: `{prefix}<KEY>`, for example `{prefix}BROKER_HOST`.\n"
        yield "| key | default | what |\n|---|---|---|"
        yield from _fields(kind)
    yield "\n## What the server holds to\n"
    yield "Whatever is sent to it; these are not settings. [Operations](operations.md) says what to do about what is beyond.\n"
    yield "| what | at most |\n|---|--:|"
    yield from (
        _row(what, f"{bound:,}".replace(",", " ") if isinstance(bound, int) else bound) for what, bound in _LIMITS
    )


def _fields(kind: type[BaseSettings]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        yield f"| `{name}` | {default} | {field.description} |"


if __name__ == "__main__":
    for file_name, page in pages().items():
        (Path(sys.argv[1]) / file_name).write_text(page, encoding="utf-8")
