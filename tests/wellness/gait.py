"""Made-up walks for a wrist: acceleration in milli-g with a known number of steps.

No recording of raw acceleration of a walk with counted steps was at hand. These have what one has in the large: a bounce and
its first harmonic with every step, sway with every second, an arm that swings, a band at any angle, noise, and steps that
differ a little. They have none of what makes real ones hard (pockets, prams, hands that hold something), so an error here
is a lower bound.
"""

import math
import random


def walk(
    period_ms: int, cadence_hz: float, steps: int, seed: int, bounce_mg: int = 250, noise_mg: int = 30
) -> list[tuple[int, int, int]]:
    """Stand three seconds, walk `steps`, stand three seconds; a sample every `period_ms`."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    tilt, yaw = dice.uniform(0, math.pi), dice.uniform(0, 2 * math.pi)
    samples: list[tuple[int, int, int]] = []

    def add(up: float, ahead: float, aside: float, swing: float) -> None:
        angle = tilt + swing
        x = up * math.sin(angle) + ahead * math.cos(angle)
        z = up * math.cos(angle) - ahead * math.sin(angle)
        turned = (x * math.cos(yaw) - aside * math.sin(yaw), x * math.sin(yaw) + aside * math.cos(yaw), z)
        a, b, c = (round(axis + dice.gauss(0, noise_mg)) for axis in turned)
        samples.append((a, b, c))

    standing = 3000 // period_ms
    for _ in range(standing):
        add(1000, 0, 0, 0)
    done, pace = 0.0, 1.0
    while done < steps:
        turn = 2 * math.pi * done
        up = 1000 + bounce_mg * (math.sin(turn) + 0.35 * math.sin(2 * turn + 0.7))
        add(up, 0.4 * bounce_mg * math.sin(turn + 1.2), 0.25 * bounce_mg * math.sin(turn / 2), 0.4 * math.sin(turn / 2))
        before = int(done)
        done += cadence_hz * pace * period_ms / 1000
        if int(done) > before:
            pace = 1 + dice.gauss(0, 0.03)
    for _ in range(standing):
        add(1000, 0, 0, 0)
    return samples
