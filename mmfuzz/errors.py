"""What can go wrong in mmfuzz itself, by who has to act.

A property that failed is not one of these: that is a `mmfuzz.checks.violation.Violation`.
"""


class MmfuzzError(Exception):
    """Any error that mmfuzz explains in one line; the command line maps it to `exit_code`."""

    exit_code = 2


class UsageError(MmfuzzError):
    """The caller asked for something that does not exist or does not fit together."""


class ProgramError(MmfuzzError):
    """A program file could not be read: says where, what stood there, and what is allowed.

    `line` and `column` count from 1; `path` may be `<string>`.
    """

    def __init__(self, path: str, line: int, column: int, problem: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {problem}")
        self.path = path
        self.line = line
        self.column = column
        self.problem = problem


class InternalError(MmfuzzError):
    """mmfuzz itself failed: no verdict on anything else."""

    exit_code = 3


class TargetUnavailable(MmfuzzError):
    """This machine lacks what the target needs; the message says what, and how to get it."""

    exit_code = 3


class TargetBroke(MmfuzzError):
    """The target died or stopped answering: neither a pass nor a failed property."""

    exit_code = 3


class MissingPackage(MmfuzzError):
    """A package is not installed that only an extra brings; the message says which extra."""

    exit_code = 3
