"""What to tell a person of a consumable, in a sentence; the title comes from the pack's catalogue.

>>> from headway_edge.core.consumable import LINE
>>> found = Outlook(LINE, 400)
>>> found.days, found.fewest, found.most, found.real_days = 150, 131, 170, 275
>>> sentence("Engine oil", found)
'Engine oil: about 150 days left (131 to 170). By plain use it would be 275; the way it is driven wears it sooner.'
>>> sentence("Engine oil", Outlook(NOT_YET, 20))
'Engine oil: not yet. It takes two weeks of driving since the last replacement to say how long it will last.'
>>> sentence("Engine oil", Outlook(UNKNOWN))
'Engine oil: not known. Tell when it was last replaced, and from then on it is counted.'
"""

from headway_edge.core.consumable import CALENDAR, DUE, NOT_YET, UNKNOWN, Outlook
from headway_edge.core.usage_line import DAYS_TOLD_MAX


def sentence(title: str, found: Outlook) -> str:
    """Return what to tell of an outlook."""
    if found.reason == UNKNOWN:
        return "%s: not known. Tell when it was last replaced, and from then on it is counted." % title
    if found.reason == NOT_YET:
        words = (
            "%s: not yet. It takes two weeks of driving since the last replacement to say how long it will last."
            % title
        )
        if found.calendar_days is not None:
            words += " At the latest in %d days." % found.calendar_days
        return words
    if found.reason == DUE:
        return "%s: replace it now." % title
    if found.days is not None and found.days >= DAYS_TOLD_MAX:
        return "%s: more than ten years left at this rate." % title
    if found.reason == CALENDAR:
        return "%s: %s days left, by its age; it is used little." % (title, found.days)
    words = "%s: about %s days left (%s to %s)." % (title, found.days, found.fewest, found.most)
    if found.real_days is not None and found.days is not None and found.real_days > found.days:
        words += " By plain use it would be %d; the way it is driven wears it sooner." % found.real_days
    return words
