"""Faults a person can do something about. Each carries its sentence, and the sentence ends with what to type next."""

from __future__ import annotations


class GovernorError(Exception):
    """A fault to be shown as one sentence, never as a traceback.

    ``next_step`` is a command, or the shortest instruction where no command exists.
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.next_step}"


class BadInputError(GovernorError):
    """What the person typed or wrote cannot be used as it stands."""


class BudgetFileError(BadInputError):
    """The budget file cannot be used as it stands. ``faults`` are all that was found, one sentence each."""

    def __init__(self, message: str, next_step: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(message, next_step)
        self.faults = faults or (message,)


class StateError(GovernorError):
    """The state folder cannot be used: read-only, full, or not ours."""


class SettingsError(GovernorError):
    """A settings file of the person's cannot be read safely, so it was left alone."""
