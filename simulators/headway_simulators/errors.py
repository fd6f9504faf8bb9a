"""What a simulator or a command cannot go on with, said with a cause and a next step."""


class SimulatorError(Exception):
    """Shown to the person at the terminal as it is; the command ends with exit code 1."""
