"""The one error an operator meets: what is wrong, and what to do next, in one line each.

ServerError          the server cannot start, or cannot do what was asked; its text is meant for a terminal
 └── EpochNotClosed  an epoch close that did not happen; nothing was changed

>>> print(ServerError("port 8000 is in use", "stop the other program, or set http_port"))
port 8000 is in use; stop the other program, or set http_port
"""


class ServerError(Exception):
    """An expected failure.

    cause: what is wrong, with the offending value. next_step: what the reader can do about it.
    """

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"{cause}; {next_step}")
        self.cause = cause
        self.next_step = next_step


class EpochNotClosed(ServerError):  # noqa: N818 - named for what happened
    """The epoch was not closed: somebody else closed it first, or there is nothing in it."""
