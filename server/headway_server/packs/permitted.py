"""Which customer factors are refused: what the law protects a person for is no reason to expect more or less of them.

A list of names catches what is called by its name. It cannot know that a postcode stands for an origin, or a first name
for a sex: whoever chooses factors answers for that.
"""

import re

from headway_server.errors import ServerError

# EU Charter of Fundamental Rights, Art. 21, and the special categories of GDPR, Art. 9.
PROTECTED = frozenset(
    {
        *(
            "sex",
            "sexual",
            "sexuality",
            "gender",
            "orientation",
            "pregnancy",
            "pregnant",
            "marital",
            "maternity",
            "parental",
        ),
        *("race", "racial", "colour", "color", "skin", "ethnic", "ethnicity", "origin", "nationality", "citizenship"),
        *("genetic", "genome", "biometric", "biometrics", "health", "illness", "diagnosis", "disability", "disabled"),
        *(
            "religion",
            "religious",
            "faith",
            "belief",
            "church",
            "confession",
            "political",
            "politics",
            "party",
            "opinion",
        ),
        *("union", "minority", "birth", "birthday", "birthdate", "birthplace", "caste", "age", "ages"),
    }
)
# A thing may be old: `vehicle_age` says nothing of a person.
THINGS = frozenset(
    {*("vehicle", "car", "bus", "truck", "engine", "equipment", "device", "machine", "software", "product"), "contract"}
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


def refuse_protected(names: list[str]) -> None:
    """Raise ServerError for a factor that is named after a protected attribute.

    names: of factors, such as "experience:months". A name is looked at word by word, whether they are joined by `_`, `-`,
    `:`, spaces or capitals; "mileage" is not "age".

    >>> refuse_protected(["experience:months", "resources:vehicle_age", "skill:mileage"])
    """
    for name in names:
        words = {word.lower() for word in _WORD.findall(name)}
        found = sorted(words & PROTECTED)
        if found and not (found == ["age"] and words & THINGS):
            raise ServerError(
                f"the customer factor {name!r} is named after {found[0]!r}, a protected attribute, and is refused",
                "leave the column out; if it means something else, call it by what it means",
            )
