"""Warning codes and the advice that follows from them, as people read them; the texts are the catalogue's.

>>> code_text(65535, 535), code_text(1 << 24, 535)
('P0217', '535')
"""

from headway_edge.core.process import Process
from headway_edge.core.warning_codes import sentence
from headway_protocol import trouble_code


def code_text(most: int, code: int) -> str:
    """Return a code as people write it. most: the highest that its signal may carry; codes of over 16 bits have no letters."""
    return trouble_code.text_of(code) if most <= trouble_code.LETTERED_MAX else str(code)


def code_of(process: Process, code: int) -> str:
    """Return a code of a process as people write it."""
    return code_text(process.pack.signals[process.pack.warnings[0]][5], code)


def rule_of(process: Process, code: int, times: int, days: int) -> int:
    """Return the rule that asks for something when `code` came on so many trips within so many days; -1 for none."""
    rules = process.pack.warnings[2] if process.pack.warnings else []
    for i in range(len(rules)):
        if rules[i][0] in (0, code) and rules[i][1] <= times and rules[i][2] == days:
            return i
    return -1


def advice(process: Process, rule: int, code: int, times: int, rising: bool) -> str:
    """Return what to tell a person when a rule has come true. rising: whether the code comes more often than before."""
    texts = process.catalogue.get("advice", [])
    title = "Warning code %s" % code_of(process, code)
    words = "Have it looked at"
    if rule < len(texts):
        title, words = "%s (%s)" % (texts[rule]["title"], code_of(process, code)), texts[rule]["do"]
    return sentence(words, title, times, process.pack.warnings[2][rule][2], rising)
