"""What an agent cannot go on with, said with a cause and a next step."""


class AgentError(Exception):
    """Shown to the person at the terminal as it is; the process ends with exit code 1."""
