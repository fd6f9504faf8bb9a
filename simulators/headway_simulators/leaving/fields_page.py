"""The page docs/fields.md: what may leave a device and what a record gives away, from the code and the packs that ship."""

from collections.abc import Iterator

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators.leaving.field_tables import Table, message_tables, mqtt_tables, pack_tables
from headway_simulators.leaving.pack_fields import PackFields

_ABOUT = """\
Every field that may leave a device, from the registry in `protocol/headway_protocol/field_registry.py` and
`mqtt_fields.py`, and from the packs that ship. `headway fields --pack FILE` prints the same for any pack. What is not
here stays on the device.

Tests take what devices send apart to the last item and hold it against the registry (`tests/leaving`): everything that
simulated fleets and every release have sent, and a month of an agent with its settings, as bytes off the wire. An item
without an entry fails them, and so does an entry that no message ever has. Decoders would pass over such an item; these
tests do not.

## What a trip's record gives away

- **When**: the start to a millisecond (`wall_ms` less `start_ago_ms`), the end to a tenth of a second (with `elapsed`),
  and the local time zone. Whoever has all of a person's records has a diary of when the vehicle was driven.
- **How far and how long**, to a metre and a tenth of a second. Where the same distance comes every weekday at the same
  hour, that is the way to work, whoever drives it. No position is sent, but a distance together with a known home
  narrows down where a trip may have led.
- **How it was driven**: sums, numbers and histograms over the whole trip, so no order of anything within it. A few are
  single values, the highest speed for example; the tables name them. A trip of a few samples has little to add up: its
  sums say nearly as much as its samples do.
- **Which device**: the topic. Who sits in it is known to whoever knows whose device that is.

What a day of a person's gives away is the same with a day in the place of a trip: steps, sleep, lowest pulse of five
minutes, drinks.

## What stays

Samples, every signal as a series, positions, the seconds around a warning code, forecasts, what the person was told,
the settings but for those that the tables name. A device takes no pack that reads a position for anything but how long
it has been the same (`unchanged`), so no pack makes a place of it; this goes by the VSS name of the signal, so a
source must not tell positions under another. A pack may count anything else: read its table before it is offered to a
fleet. Of a pack with warning codes, values of the signal that has them leave one by one, once a trip at most; so that
signal has to be one of codes.

What the server makes of it, and how few people a comparison may be of, is in [privacy](privacy.md)."""


def page(note: str) -> Iterator[str]:
    """Yield the page in parts. note: that it is generated."""
    yield "# What leaves a device\n"
    yield note
    yield _ABOUT
    yield "\n## Messages\n"
    yield "Places are those in the message's CBOR arrays (`protocol/headway.cddl`); `*` is any of a list."
    for table in message_tables():
        yield from _section(table)
    yield "\n## What MQTT itself tells\n"
    yield "By packet. No user properties, and nothing beside these."
    for table in mqtt_tables():
        yield from _section(table)
    yield "\n## By pack\n"
    yield "What `counts` and `totals` are, place by place."
    for name in library.names():
        compiled = compile_file(library.path(name))
        fields = PackFields(Process(Pack(compiled.data), compiled.catalogue), compiled.catalogue)
        for table in pack_tables(fields, name):
            yield from _section(table)
        yield "\nRead, and kept on the device: " + ", ".join(f"`{signal}`" for signal in fields.signals) + "."
        if fields.warning_signal is not None:
            yield f"Values of `{fields.warning_signal}` leave as codes of incidents."


def _section(table: Table) -> Iterator[str]:
    yield f"\n### {table.title}\n"
    if table.about:
        yield table.about + "\n"
    yield "| " + " | ".join(table.head) + " |\n" + "|---" * len(table.head) + "|"
    for row in table.rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"
