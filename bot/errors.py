"""The exceptions people can meet. Each carries the sentence its reader gets.

``str(error)`` is always a whole sentence for a member: what was wrong, which option, what was given, what to do.
``cogs`` shows it as it is; everything that is not an :class:`EditError` is a bug and gets an incident number instead.
"""

from __future__ import annotations


class EditError(Exception):
    """The base of everything that is said to a person in words."""


class BadOption(EditError):
    """An option of a request was refused, before any money was held."""

    def __init__(self, option: str, sentence: str) -> None:
        super().__init__(sentence)
        #: The name of the slash option, such as ``seed``.
        self.option = option


class BadPicture(BadOption):
    """A reference cannot be used: not a picture, too large, animated, damaged."""


class OverQuota(EditError):
    """An allowance does not admit the edit; nothing was written and nothing is owed."""


class Paused(EditError):
    """Edits are stopped here, by a manager or the operator, for a reason that the sentence gives."""


class NotAllowed(EditError):
    """The person may not do this: another's job, a server that may not spend, a channel they cannot read."""


class NoConsent(NotAllowed):
    """Whoever a picture is of, or whoever made it, lets it not be edited here and now by this person."""


class TooLate(EditError):
    """It cannot be done any more: a job that was already sent cannot be cancelled."""


class NotFound(EditError):
    """There is no such job, result or picture, or its bytes are gone."""

    @classmethod
    def result(cls, result_id: int) -> NotFound:
        """Return that no result has this number."""
        return cls(f"There is no picture #{result_id} here. The number stands under each result.")

    @classmethod
    def taken_down(cls, result_id: int) -> NotFound:
        """Return that nothing can be made of a result any more."""
        return cls(f"#{result_id} was taken down, so nothing can be made of it.")


class OutOfSpace(EditError):
    """The disk is nearly full: new edits are refused in words before a hold."""


class OutOfReach(EditError):
    """The picture store cannot be reached, or refuses the bot. That may pass, so it never means that a picture is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__("My picture store cannot be reached. Nothing was charged; try again in a minute.")
        #: What the service says is wrong, in a word for operators, such as ``AccessDenied``.
        self.reason = reason


class StartError(Exception):
    """The bot cannot start; the sentence tells the operator what to mend."""
