"""What a soak tells: one table for people, one object for machines."""

from typing import Any

from headway_simulators.soak.books import Books
from headway_simulators.soak.storm import Soak
from headway_simulators.soak.usage import Usage

_SLOPE_SAMPLES = 60


def report(soak: Soak, books: Books) -> dict[str, Any]:
    """Return everything that was counted, for JSON."""
    return {
        "storm_s": round(soak.storm_s, 1),
        "kills": {
            "agents": sum(device.kills for device in soak.devices),
            "server": soak.server.kills,
            "broker": dict(sorted(soak.broker_faults.items())),
        },
        "server_killed_serving": soak.server.killed_serving,
        "records": {
            "told": books.told,
            "made": books.made,
            "acked": books.acked,
            "at_server": books.at_server,
            "missing": books.missing,
            "strange": books.strange,
            "doubled": books.doubled,
        },
        "arrived_s": round(soak.arrived_s, 1),
        "usage": [_usage(usage) for usage in soak.usage],
        "violations": books.violations,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "process": usage.name,
        "samples": len(usage.samples),
        "rss_max_mib": round(usage.rss_max_bytes / 2**20, 1),
        "rss_mib_an_hour": round(usage.slope_an_hour(1) / 2**20, 1),
        "fds_max": usage.fds_max,
        "fds_an_hour": round(usage.slope_an_hour(2), 1),
    }


def rows(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the lines of the table: (what, of, number)."""
    kills, records = told["kills"], told["records"]
    found = [
        ("kill -9", "agents", f"{kills['agents']:,}"),
        ("kill -9", "server", f"{kills['server']:,}"),
        ("", "of these, once it served", f"{told['server_killed_serving']:,}"),
        *(("broker", what, f"{count:,}") for what, count in kills["broker"].items()),
        ("records", "append returned", f"{records['told']:,}"),
        ("", "made, with those nobody heard of", f"{records['made']:,}"),
        ("", "acked: settled on the device", f"{records['acked']:,}"),
        ("", "at the server", f"{records['at_server']:,}"),
        ("", "acked, and missing there", f"{records['missing']:,}"),
        ("", "there, and on no device", f"{records['strange']:,}"),
        ("effects", "doubled, or otherwise than the records say", f"{records['doubled']:,}"),
        ("arrival", "of everything, after the last kill", f"{told['arrived_s']:.1f} s"),
    ]
    for usage in told["usage"]:
        # In less than a few minutes a slope tells of the warm-up only.
        is_long = usage["samples"] >= _SLOPE_SAMPLES
        rss = f", {usage['rss_mib_an_hour']:+.1f} an hour" if is_long else ""
        fds = f", {usage['fds_an_hour']:+.1f} an hour" if is_long else ""
        found += [
            (usage["process"], "memory at most, and its slope", f"{usage['rss_max_mib']:.0f} MiB{rss}"),
            ("", "file descriptors", f"{usage['fds_max']}{fds}"),
        ]
    return found
