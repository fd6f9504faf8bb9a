"""The models' formulas in double precision, as plainly as they are written down; only the rounding of gains is the device's."""

from collections.abc import Iterator, Sequence

ONE = 32768
ULPS = 256


def simple_smoothing(series: Sequence[int], alpha: int, warm_up: int) -> Iterator[float]:
    """Yield the forecast after each number, in ulps."""
    level = 0.0
    for n, actual in enumerate(series, start=1):
        share = max(alpha, round_half_up(ONE, n)) if n <= warm_up else alpha
        level += share / ONE * (actual * ULPS - level)
        yield level


def trend(series: Sequence[int], alpha: int, trend_gain: int, phi: int) -> Iterator[float]:
    """Yield the forecast after each number, in ulps."""
    level, slope = float(series[0] * ULPS), 0.0
    yield level
    for actual in series[1:]:
        forecast = level + phi / ONE * slope
        error = actual * ULPS - forecast
        level = forecast + alpha / ONE * error
        slope = phi / ONE * slope + trend_gain / ONE * error
        yield level + phi / ONE * slope


def holt_winters(series: Sequence[int], alpha: int, trend_gain: int, season_gain: int, season: int) -> Iterator[float]:
    """Yield the forecast after each number from the second season's last on, in ulps."""
    first, second = ([a * ULPS for a in series[at : at + season]] for at in (0, season))
    mean, later = sum(first) / season, sum(second) / season
    slope = (later - mean) / season
    middle = (season - 1) / 2
    seasons = [
        ((a - (mean + slope * (i - middle))) + (b - (later + slope * (i - middle)))) / 2
        for i, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    level = later + slope * middle
    yield level + slope + seasons[0]
    for i, actual in enumerate(series[2 * season :]):
        error = actual * ULPS - (level + slope + seasons[i % season])
        level += slope + alpha / ONE * error
        slope += trend_gain / ONE * error
        seasons[i % season] += season_gain / ONE * error
        yield level + slope + seasons[(i + 1) % season]


def seasonal_smoothing(series: Sequence[int], alpha: int, gamma: int, season: int) -> Iterator[float]:
    """Yield the forecast after each number, in ulps."""
    level, seasons = 0.0, [0.0] * season
    for n, actual in enumerate(series, start=1):
        at = (n - 1) % season
        error = actual * ULPS - level - seasons[at]
        share = max(alpha, round_half_up(ONE, n))
        own = max(gamma, round_half_up(ONE, (n - 1) // season + 4))
        level += share / ONE * error
        seasons[at] += round_half_up(own * (ONE - share), ONE) / ONE * error
        yield level + seasons[n % season]


def round_half_up(above: int, below: int) -> int:
    """Return above / below, half up."""
    return (2 * above + below) // (2 * below)
