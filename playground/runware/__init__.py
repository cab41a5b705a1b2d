"""A local stand-in of Runware's API, faithful to the reference, for trying and testing the bot without an account."""

from playground.runware.deliveries import Call, Retries
from playground.runware.faults import Faults
from playground.runware.service import LocalRunware
from playground.runware.tasks import UNSAFE_WORD

__all__ = ["UNSAFE_WORD", "Call", "Faults", "LocalRunware", "Retries"]
