"""Writes the pages of docs/ that are made from the code: characteristics and settings.

`python -m headway_simulators.generated_docs DOCS_FOLDER` writes them; a test holds them to be current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic_settings import BaseSettings

from headway_edge.core import characteristics, definition
from headway_edge.settings import AgentSettings
from headway_server.settings import ServerSettings

_NOTE = "<!-- Made by `python -m headway_simulators.generated_docs docs`; do not edit. -->\n"
_AGENT_EXAMPLE = """\
group = "depot-7"
device = "bus-0142"
vehicle_class = "bus"
broker_host = "fleet.example\""""
_SERVER_EXAMPLE = """\
database_url = "sqlite+aiosqlite:////var/lib/headway/headway.db"
broker_host = "127.0.0.1"
operator_token = "change-me-please\""""
_THRESHOLDS = (
    "acceleration from 6 to 10 km/h",
    "acceleration from 10 to 20 km/h",
    "acceleration from over 20 km/h",
    "start from 5 km/h or less",
    "deceleration from 30 km/h or less",
    "deceleration from 30 to 50 km/h",
    "deceleration from over 50 km/h",
    "stop, to 5 km/h or less",
)


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    return {
        "characteristics.md": "\n".join(_characteristics()) + "\n",
        "configuration.md": "\n".join(_configuration()) + "\n",
    }


def _characteristics() -> Iterator[str]:
    yield "# Characteristics\n"
    yield _NOTE
    yield (
        f"Definition `{definition.NAME}` version {definition.VERSION}, id `{definition.pack_id().hex()}`. Another threshold "
        "is another definition with another id; values of different definitions are never compared."
    )
    for title, items in (
        ("Of a trip", characteristics.TRIP),
        ("Of a person, over the trips of a period", characteristics.PERIOD),
    ):
        yield f"\n## {title}\n"
        yield "| id | key | unit | what | better |\n|--:|---|---|---|---|"
        for item in items:
            better = "lower" if item.direction == characteristics.LOWER_IS_BETTER else ""
            yield f"| {item.id} | `{item.key}` | {item.unit} | {item.about} | {better} |"
    yield "\n## Hard acceleration and braking\n"
    yield "Change of speed within one second of time, km/h, after rounding speeds to whole km/h; one event per excursion.\n"
    rules = sorted(definition.HARD_CHANGE)
    yield "| rule | " + " | ".join(rules) + " |\n|---|" + "--:|" * len(rules)
    for i, rule in enumerate(_THRESHOLDS):
        yield f"| {rule} | " + " | ".join(str(definition.HARD_CHANGE[name][i]) for name in rules) + " |"
    yield "\nA car uses the thresholds of a taxi."
    yield "\n## Sources\n"
    yield (
        "Short trips and low speed: C. Lim et al., customer process management, Table II. Speed bands, standing time, stops and "
        "the rule that 300 s of silence end a trip: trip summaries of NREL's Transportation Secure Data Center. Hard "
        "acceleration and braking: criteria for digital tachographs of the Korean transport ministry, May 2022, as quoted by "
        "public implementations; the annex itself was not at hand."
    )


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


def _fields(kind: type[BaseSettings]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        yield f"| `{name}` | {default} | {field.description} |"


if __name__ == "__main__":
    for file_name, page in pages().items():
        (Path(sys.argv[1]) / file_name).write_text(page, encoding="utf-8")
