"""Thirty numbers worked by hand: the example of Montgomery, Introduction to Statistical Quality Control, chapter 9.

Mean 10 and deviation 1 for the first twenty, then mean 11. With k = 0.5 and h = 5 the upper sum is 5.28 at the 29th number and
signals there, seven numbers after it was last 0, so the mean has moved by 0.5 + 5.28 / 7. The EWMA of weight 0.1 and width 2.7
is 10.647 there, over its limit of 10.619 for the first time.
"""

import pytest

from headway_edge.core.cusum_chart import H5_Q12, CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.forecast.fixed_point import gain
from headway_edge.core.robust_baseline import RobustBaseline

HUNDREDTHS = [
    945, 799, 929, 1166, 1216, 1018, 804, 1146, 920, 1034, 903, 1147, 1051, 940, 1008, 937, 1062, 1031, 852, 1084,
    1090, 933, 1229, 1150, 1060, 1108, 1038, 1162, 1131, 1052,
]  # fmt: skip
# The sums after some of the numbers.
UP = {1: 0.00, 5: 2.82, 8: 1.00, 12: 0.97, 20: 0.34, 25: 2.89, 28: 4.47}
DOWN = {2: 1.56, 3: 1.77, 7: 1.46}


def known() -> RobustBaseline:
    baseline = RobustBaseline(errors=False)
    baseline.freeze(1000 << 4, 100 << 4)
    return baseline


def test_cusum() -> None:
    baseline, chart = known(), CusumChart(H5_Q12)
    for number, value in enumerate(HUNDREDTHS[:28], start=1):
        assert chart.update(baseline.standardised(value)) == 0
        if number in UP:
            assert abs(chart.up_q12 / 4096 - UP[number]) < 0.011
        if number in DOWN:
            assert abs(chart.down_q12 / 4096 - DOWN[number]) < 0.011
    assert chart.update(baseline.standardised(HUNDREDTHS[28])) == 1
    assert chart.since == 7
    assert abs(chart.size_q12 / 4096 - (0.5 + 5.28 / 7)) < 0.005


def test_ewma() -> None:
    baseline, chart = known(), EwmaChart(gain(1, 10), 691)
    assert [chart.update(baseline.standardised(value)) for value in HUNDREDTHS[:28]] == [0] * 28
    assert chart.mean_q12 / 4096 == pytest.approx(0.5731, abs=0.002)
    assert chart.limit_q12 / 4096 == pytest.approx(0.6186, abs=0.002)
    assert chart.update(baseline.standardised(HUNDREDTHS[28])) == 1
