"""What running a pack needs, and nothing of what checking it needs: the program of one vehicle class.

A pack becomes a program once, in `headway_edge.core.pack_code`: two functions and some constants, as Python source. Where
there is memory the source is run at once (`headway_edge.core.made_program`). A microcontroller writes it to a file when the
pack is installed; from then on it imports that file and loads neither the pack nor what checks it:

    import pack_program
    program = Program(pack_program.__dict__)
    core = EpisodeCore(program, program.vehicle_class)
"""

from binascii import unhexlify

FORMAT = 2  # of the source: how its functions are called, and which constants there are

MISSING = -(1 << 29)  # a signal or value that is not there
HOLD_MS_MAX = 600000
DRIVEN_MS_MAX = 86400000  # of `driven`, and of the rest that it asks for
FIRINGS_TOLD = 4  # of those of an event that waited together; further ones are counted, at the time of the last

# Kinds of wire cells: how a number in the core becomes a number in the record.
PLAIN, TIME, SIGNED, WIDE, INTEGRAL = range(5)  # zigzag from SIGNED on; the last two take two cells in the core
WIDE_BITS = 20  # of the lower cell of two
CELLS = ((PLAIN, 1), (TIME, 1), (SIGNED, 1), (WIDE, 2), (INTEGRAL, 2))  # (kind, width in the core), by kind


class Program:
    """A pack as one vehicle class runs it.

    names: what the generated source defines, by name. id, name, version, kind, rules, cells, speed, engine_speed, ignition,
    clock: as of the `Pack`. speed_max: the highest speed there can be, in its quanta. signal_count, event_count: how many
    there are. screen, fold: the generated functions, which `headway_edge.core.program_code` describes, and what they need:

    state_start: initial values of x. columns: of the history. window_ms: how far the history must reach (0: no history).
    core_cells: how many cells the core has. event_state: where in x each event's numbers begin: up, fired ms ago, waiting,
    age of the first that waits, and how much later the others fired. lasting: places of x that go on from one trip to the
    next. away: the place of x to which whoever folds adds time (ms, up to DRIVEN_MS_MAX) that passes between the samples of
    trips; -1 if nothing asks for it.

    Raises ValueError for the source of another format.
    """

    def __init__(self, names: dict) -> None:
        if names.get("FORMAT") != FORMAT:
            raise ValueError(
                "a program of format %r; this device runs format %d: install the pack again"
                % (names.get("FORMAT"), FORMAT)
            )
        self.screen = names["screen"]
        self.fold = names["fold"]
        (
            pack_id,
            name,
            self.version,
            self.kind,
            vehicle_class,
            self.rules,
            cell_kinds,
            roles,
            self.speed_max,
            self.signal_count,
            self.state_start,
            self.columns,
            self.window_ms,
            self.core_cells,
            self.event_state,
            self.lasting,
            self.away,
        ) = names["FACTS"]
        self.id = unhexlify(pack_id)
        self.name = str(unhexlify(name), "utf-8")
        self.vehicle_class = str(unhexlify(vehicle_class), "utf-8")
        self.cells = [CELLS[int(kind)] for kind in cell_kinds]
        self.speed, self.engine_speed, self.ignition, self.clock = roles
        self.event_count = len(self.event_state)

    def check(self, vehicle_class: str, kind: str) -> None:
        """Raise ValueError for a program of another kind, "trip" or "day", or of another class."""
        if self.kind != kind:
            raise ValueError("pack %s is of kind %r, not %r" % (self.name, self.kind, kind))
        if self.vehicle_class != vehicle_class:
            raise ValueError(
                "the program of pack %s is of class %r, not %r" % (self.name, self.vehicle_class, vehicle_class)
            )
