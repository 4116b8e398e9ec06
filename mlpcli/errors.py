"""What can go wrong for a user, one class for each exit code.

Every message is one line that says what is wrong, the value found and what to do:
``FILE: WHAT; WHAT TO DO``. The command line prints it after ``mlp: error:`` and exits with `exit_code`.
"""


class MlpError(Exception):
    """A failure with a cause that the user can act on. Exit code 1."""

    exit_code = 1


class UsageError(MlpError):
    """A setting, name or combination that makes no sense. Exit code 2."""

    exit_code = 2


class DamagedFileError(MlpError):
    """An input file that is damaged, hostile or not understood. Exit code 3."""

    exit_code = 3


class DownloadError(MlpError):
    """No mirror delivered the right bytes. Exit code 4."""

    exit_code = 4


class CannotWriteError(MlpError):
    """A result could not be written. Exit code 5."""

    exit_code = 5


class DivergedError(MlpError):
    """The training loss or the weights are no longer finite. Exit code 6."""

    exit_code = 6

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what
