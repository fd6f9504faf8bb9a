"""The shapes of the API's answers about persons."""

from datetime import date

from pydantic import BaseModel, Field

from headway_server.answers import Pack, Value


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
