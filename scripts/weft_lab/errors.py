"""Exit codes, and the errors that become one line on the terminal instead of a traceback."""

from __future__ import annotations

OK = 0
FAILURE = 1
REGRESSION = 2
UNRESOLVED = 3
IMPROVED = 4
UNVERIFIED = 5
USAGE = 64
INTERRUPTED = 130


class WeftError(Exception):
    """The work failed. The message says what is wrong, where, and what to do."""

    code = FAILURE


class UsageError(WeftError):
    """What was asked for makes no sense: a wrong option, name, filter or matrix."""

    code = USAGE


def nearest(word: str, known: list[str], count: int = 3) -> list[str]:
    """The known names most like `word`, best first (imported late: difflib is slow to load)."""
    import difflib

    return difflib.get_close_matches(word, known, n=count, cutoff=0.4)


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean a or b?` or a list of what there is."""
    close = nearest(word, known)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known: {', '.join(known)}" if known else ""
