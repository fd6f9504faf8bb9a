"""Write the sample files in vectors/: made-up drives that take every path of the core, always the same.

    python tests/micropython/make_vectors.py [DIRECTORY]

The records beside them (*.hex) are what the core made of them when it was judged right; a change of the core that
changes one is a change of meaning, and of the definition. After such a change, write them again with
`core_vectors.py vectors/NAME.txt > vectors/NAME.hex` and read the difference.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = -1
DAY_MS = 86_400_000


class Dice:
    """A linear congruential generator (Numerical Recipes): the same numbers in every version of Python."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        """Return the next number in 0..limit-1."""
        self._state = (self._state * 1664525 + 1013904223) % 2**32
        return (self._state >> 8) % limit


def sample(dt_ms: int, speed_ckmh: int, rpm: int = UNKNOWN, ignition: int = UNKNOWN) -> str:
    """One line of a sample file."""
    return f"{dt_ms} {speed_ckmh} {rpm} {ignition}"


def stroll(dice: Dice, legs: int, change_max_ckmh: int, steps: int = 1) -> Iterator[int]:
    """Yield speeds at 1/steps s of `legs` legs from standing to standing, each a few changes of speed and a stop."""
    speed = 0
    for _ in range(legs):
        for _ in range(3 + dice.below(4)):
            target = dice.below(9000)
            while speed != target:
                # The change of a whole second, told in `steps` equal parts: drivers press pedals longer than 0.1 s.
                change = 50 + dice.below(change_max_ckmh)
                after = min(target, speed + change) if target > speed else max(target, speed - change)
                for part in range(1, steps + 1):
                    yield speed + (after - speed) * part // steps
                speed = after
            for _ in range(dice.below(10) * steps):
                yield speed
        while speed > 0:
            after = max(0, speed - 50 - dice.below(change_max_ckmh))
            for part in range(1, steps + 1):
                yield speed + (after - speed) * part // steps
            speed = after
        for _ in range((2 + dice.below(30)) * steps):
            yield 0


def town() -> Iterator[str]:
    """A car at 1 Hz with engine and ignition signals, three times switched off."""
    dice = Dice(1)
    for _ in range(3):
        for _ in range(3):
            yield sample(1000, 0, 0, 0)
        for speed in stroll(dice, 4, 1500):
            yield sample(1000, speed, 700 + speed // 3, 1)
        for _ in range(20):
            yield sample(1000, 0, 650, 1)
        yield sample(1000, 0, 0, 0)


def bus() -> Iterator[str]:
    """A bus at 1 Hz without signals, whose changes of speed lie around its thresholds; parked half an hour between."""
    yield "core bus 1000"
    dice = Dice(2)
    for _ in range(2):
        for speed in stroll(dice, 5, 1300):
            yield sample(1000, speed)
        for _ in range(7):
            yield sample(299_000, 0)


def truck() -> Iterator[str]:
    """A truck whose signal comes every 0.9 to 1.1 s, with an engine that stops at traffic lights."""
    yield "core truck 1000"
    dice = Dice(3)
    for speed in stroll(dice, 7, 1100):
        yield sample(900 + dice.below(201), speed, 0 if speed == 0 else 900)


def ten_hertz() -> Iterator[str]:
    """A car at 10 Hz."""
    yield "core car 100"
    dice = Dice(4)
    for speed in stroll(dice, 4, 1500, 10):
        yield sample(100, speed)


def fifty_hertz() -> Iterator[str]:
    """A signal faster than the core takes: every second sample is thinned out."""
    yield "core car 40"
    dice = Dice(5)
    for speed in stroll(dice, 1, 2000, 50):
        yield sample(20, speed)


def disorder() -> Iterator[str]:
    """Whatever a bad logger does: holes, repeats, steps back, impossible speeds, silences of every length."""
    dice = Dice(6)
    held = [1, 39, 40, 41, 1499, 1500, 1501, 30_000, 299_999, 300_000, 300_001, 3_600_000, 12 * DAY_MS, 2**31, 2**40]
    held += [0, -1, -999, -1000, -299_999, -300_000, -300_001, -3_600_000, -12 * DAY_MS, -(2**31), -(2**40)]
    for turn in range(3):
        for odd_ms in held:
            for index, speed in enumerate(stroll(dice, 1, 2500)):
                if index == 30 + 7 * turn:
                    yield sample(odd_ms, speed)
                kind = dice.below(40)
                if kind == 0:
                    yield sample(1000, UNKNOWN)
                elif kind == 1:
                    yield sample(1000, 30_001 + dice.below(40_000))
                elif kind == 2:
                    yield sample(0, speed)
                elif kind == 3:
                    yield sample(-dice.below(3000), speed)
                elif kind == 4:
                    yield sample(
                        1000 + dice.below(20_000), speed, dice.below(2) * 800, 0 if dice.below(8) == 0 else UNKNOWN
                    )
                else:
                    yield sample(1000, speed)
                if index == 60:
                    break


def limits() -> Iterator[str]:
    """The largest numbers: 300 km/h for three hours, then for more than five days of five-minute steps, then idling."""
    yield sample(1000, 0)
    for _ in range(2400):
        yield sample(1500, 30_000)
    for _ in range(24):
        yield sample(300_000, 30_000)
    for _ in range(2):
        yield sample(12 * DAY_MS, 30_000)
    for _ in range(1600):
        yield sample(300_000, 30_000, 8000, 1)
    for _ in range(1600):
        yield sample(300_000, 0, 800, 1)
    yield sample(1000, 30_000, 8000, 1)
    yield sample(2**29, 0, 0, 0)


DRIVES = (town, bus, truck, ten_hertz, fifty_hertz, disorder, limits)


def main(directory: Path) -> None:
    """Write every drive's file into `directory`."""
    for drive in DRIVES:
        about = " ".join((drive.__doc__ or "").split())
        text = "\n".join([f"# {about}", *drive()]) + "\n"
        (directory / f"{drive.__name__}.txt").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors")
