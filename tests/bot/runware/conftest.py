"""Recorded bodies of Runware, by the name of their case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_SAMPLES = Path(__file__).parents[2] / "samples" / "runware"


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """The bytes of one recorded body."""
    return lambda name: (_SAMPLES / f"{name}.json").read_bytes()
