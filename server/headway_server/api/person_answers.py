"""The shapes of the API's answers about persons."""

from datetime import date

from pydantic import BaseModel, Field

from headway_server.reading.answers import Pack, Value


class PeriodValue(Value):
    """A value over a period."""

    counting_error: float | None = Field(
        description="Standard error of a rate of counted events, by chance alone; null for what is not counted."
    )


class PersonPeriod(BaseModel):
    """A stretch of the calendar in a person's own local days; without dates: trips whose start is not known."""

    period: str | None = Field(examples=["2023-11-14", "2023-W46", "2023-11", "2023"])
    first_day: date | None
    last_day: date | None
    trips: int
    km: float
    values: dict[str, PeriodValue]


class PersonPeriods(BaseModel):
    """A person's periods, latest first."""

    person: str
    pack: Pack
    by: str
    context: dict[str, bool] = Field(description="Which contexts the trips are in; empty: any.")
    periods: list[PersonPeriod]
    next: date | None = Field(description="Give it as `before` for the periods before these; null on the last page.")
    folded_months: list[str] = Field(
        description="Months of which a device whose store was full told no more than the sum: those trips are in no day and no "
        "week. Empty for months and years, which have them."
    )


class TrendMonth(BaseModel):
    """A month and what it was."""

    month: str = Field(examples=["2023-11"])
    value: float | None = Field(description="null is a gap: no trips, or nothing to divide by.")


class TrendLine(BaseModel):
    """The line of least squares through the months with a value."""

    months: int = Field(description="How many it is drawn through: the last with a value, at most 12 and at least 4.")
    slope_per_month: float
    slope_error: float = Field(description="Standard error of the slope, were the months independent.")
    clear: bool = Field(description="Whether the slope lies further from 0 than chance takes it 19 times in 20.")
    first: float = Field(description="The line in the first of `months`.")
    last: float = Field(description="The line in the last of `months`.")


class TrendPrediction(BaseModel):
    """What a month is expected to be."""

    month: str
    value: float
    low: float
    high: float
    share_pct: int = Field(description="Share of what comes that low to high is to hold.")


class PersonTrend(BaseModel):
    """A characteristic of a person month by month; months that are over only."""

    person: str
    pack: Pack
    characteristic: str
    unit: str
    months: list[TrendMonth] = Field(description="Earliest first; from the first that the line is drawn through.")
    line: TrendLine | None = Field(description="null where fewer than 4 months have a value.")
    expected: TrendPrediction | None = Field(
        description="Of the month under way; where there was no value for over a year, of the month after the last."
    )


class ScoreAxis(BaseModel):
    """An axis of the score."""

    title: str
    weight: int
    points: int | None = Field(description="0 to 100, best at 100; null without data, which is not zero.")
    characteristics: list[str] = Field(description="Keys of what it is made of.")


class ScoreMove(BaseModel):
    """What moved the score most since the latest whole week."""

    axis: str
    points: int


class ScoreChance(Value):
    """What would change the score: `characteristic` brought to `value` would gain `points`."""

    characteristic: str
    points: int


class PersonScore(BaseModel):
    """A person's score, as their device would tell it."""

    person: str
    pack: Pack
    points: int | None = Field(description="0 to 100; null where it cannot be said, for `reason`.")
    reason: str | None
    cohort: str | None = Field(description="Vehicle class of the devices that it is about.")
    epochs: list[int] = Field(
        description="Whose trips they are: the open one and the last closed, or the last with any."
    )
    trips: int
    km: float
    benchmark_epoch: int | None = Field(description="The cohort's, whom the person is compared with; null: none yet.")
    weeks: int = Field(description="The person's own whole weeks with data, of the last 13.")
    among_own_weeks: bool = Field(description="Whether a place is among those, for want of a benchmark.")
    last_week_points: int | None = Field(description="The score of the latest of them.")
    moved: ScoreMove | None
    axes: list[ScoreAxis]
    chances: list[ScoreChance] = Field(description="What would gain most, the greatest gain first.")
