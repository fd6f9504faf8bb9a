"""What a failure of SQLite says about its file: full, not to be trusted without another look, or unusable.

Codes: https://www.sqlite.org/rescode.html. An extended code carries its primary one in the lower eight bits.
"""

import sqlite3

_READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _PROTOCOL, _NOTADB = 8, 10, 11, 13, 14, 15, 26
_IOERR_READS = {266, 522, 8202, 8458}  # read, short read, checksum of the VFS, a file system that says it is corrupt


def code_of(error: BaseException) -> int:
    """Return the extended result code, 0 where there is none: the error is Python's, not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)


def is_full(error: BaseException) -> bool:
    """Whether the disk had no room; the transaction was rolled back and the file is as it was."""
    return isinstance(error, sqlite3.Error) and code_of(error) & 0xFF == _FULL


def is_read_only(error: BaseException) -> bool:
    """Whether SQLite may not write the file."""
    return isinstance(error, sqlite3.Error) and code_of(error) & 0xFF == _READONLY


def is_suspect(error: BaseException) -> bool:
    """Whether what the connection believes of the file may be wrong, so that it has to be made anew.

    After a failed fsync nobody knows what is on the disk, and what the page cache shows may not be it (Rebello et al., "Can
    Applications Recover from fsync Failures?", USENIX ATC 2020).
    """
    suspect = {_READONLY, _IOERR, _CORRUPT, _CANTOPEN, _PROTOCOL, _NOTADB}
    return isinstance(error, sqlite3.Error) and code_of(error) & 0xFF in suspect


def is_unreadable(error: BaseException) -> bool:
    """Whether the file, just opened, cannot be read as a database: its records have to be looked for one by one."""
    code = code_of(error)
    return isinstance(error, sqlite3.Error) and (code & 0xFF in {_CORRUPT, _NOTADB} or code in _IOERR_READS)
