"""What a request may say: parsing and bounds, without I/O.

The bounds are Runware's for ``runware:108@22`` (``reference/runware-api.md``, sections 2 and 3), except that width and
height are always sent and a seed fits a signed 64-bit column. Discord enforces what it can on the command itself; here
everything is checked again, because forms, recipes and old clients come this way too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Final

from bot.errors import BadOption
from bot.runware.schema import SCHEDULERS
from storage.records import EditRequest, Reference, Result

MAX_PROMPT: Final = 32_000
MAX_REFERENCES: Final = 3
MAX_RESULTS: Final = 20
MAX_SEED: Final = 2**63 - 1
MIN_SIDE: Final = 128
MAX_SIDE: Final = 2048
#: Width and height are multiples of this.
GRID: Final = 16
MAX_STEPS: Final = 50
DEFAULT_STEPS: Final = 30
MIN_CFG: Final = 1
MAX_CFG: Final = 20
#: The choice that stands for the size of the first reference.
MATCH: Final = "match the first picture"
#: Discord shows no more choices than this.
MAX_CHOICES: Final = 25

#: Characters of what was typed that a sentence repeats.
_SHOWN: Final = 40
_MAX_ID: Final = 2**63 - 1
COMMON_SIZES: Final = (
    (1024, 1024),
    (1024, 768),
    (768, 1024),
    (1536, 1024),
    (1024, 1536),
    (1280, 720),
    (720, 1280),
    (1344, 576),
    (2048, 2048),
    (2048, 1536),
    (1536, 2048),
    (2048, 1152),
    (1152, 2048),
    (512, 512),
    (256, 256),
)
_PAIR: Final = re.compile(r"([0-9]{1,6}) *(?:[x×*,:]| by ) *([0-9]{1,6})", re.IGNORECASE | re.ASCII)
_SHORT_ID: Final = re.compile(r"#? ?([0-9]{1,19})", re.ASCII)
_LINK: Final = re.compile(
    r"<?https://(?:(?:canary|ptb)\.)?discord(?:app)?\.com/channels/([0-9]{1,19})/([0-9]{1,19})/([0-9]{1,19})/?>?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class MessageLink:
    """A message of a server, as its link names it."""

    guild_id: int
    channel_id: int
    message_id: int


def build_request(
    *,
    prompt: str,
    references: Sequence[Reference],
    size: str | None,
    results: int | None,
    seed: str | None,
    negative: str | None,
    steps: int | None,
    cfg: float | None,
    true_cfg: float | None,
    scheduler: str | None,
    parent_id: int | None = None,
    safety: str = "fast",
    draw: Callable[[], int],
) -> EditRequest:
    """Check every option and return the request, or raise :class:`~bot.errors.BadOption` for the first bad one.

    ``None`` is an option left out; ``draw`` makes the seed then.
    """
    prompt = _text("prompt", prompt)
    if not prompt:
        raise BadOption("prompt", "`prompt` is empty; say what to change, in a sentence.")
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise BadOption("image", f"`image` takes 1 to {MAX_REFERENCES} pictures, and {len(references)} were given.")
    width, height = parse_size(size, (references[0].width, references[0].height))
    return EditRequest(
        prompt=prompt,
        references=tuple(references),
        width=width,
        height=height,
        seed=parse_seed(seed, draw),
        results=_whole("results", results, MAX_RESULTS, default=1),
        steps=_whole("steps", steps, MAX_STEPS, default=DEFAULT_STEPS),
        negative=_text("negative", negative or "") or None,
        cfg=_cfg(cfg),
        true_cfg=_finite("true_cfg", true_cfg),
        scheduler=parse_scheduler(scheduler),
        parent_id=parent_id,
        safety=safety,
    )


def check(request: EditRequest) -> None:
    """Check a request that was made some other way than from typed options; raises like :func:`build_request`."""
    build_request(
        prompt=request.prompt,
        references=request.references,
        size=f"{request.width}x{request.height}",
        results=request.results,
        seed=str(request.seed),
        negative=request.negative,
        steps=request.steps,
        cfg=request.cfg,
        true_cfg=request.true_cfg,
        scheduler=request.scheduler,
        draw=lambda: request.seed,
    )


def reference_to(result: Result, request: EditRequest) -> Reference:
    """Return a result as the input of another edit; ``request`` is what it was made of."""
    width, height = result.width or request.width, result.height or request.height
    return Reference(result.sha256 or "", width, height, label=result.short_id, result_id=result.id)


def child_of(result: Result, request: EditRequest, prompt: str, draw: Callable[[], int]) -> EditRequest:
    """Return the request to edit a result in other words: one picture of its size, with the settings it was made with.

    Raises:
        BadOption: the prompt is empty, too long or no text.
    """
    start = reference_to(result, request)
    return build_request(
        prompt=prompt,
        references=[start],
        size=f"{start.width}x{start.height}",
        results=1,
        seed=None,
        negative=request.negative,
        steps=request.steps,
        cfg=request.cfg,
        true_cfg=request.true_cfg,
        scheduler=request.scheduler,
        parent_id=result.id,
        safety=request.safety,
        draw=draw,
    )


# Seed ------------------------------------------------------------------------------------------------------


def parse_seed(text: str | None, draw: Callable[[], int]) -> int:
    """Return the seed that was typed (0 is one), or a drawn one if nothing was."""
    typed = (text or "").strip()
    if not typed:
        return draw()
    # Nineteen digits are enough for the largest seed; Python reads numbers of thousands slowly or not at all.
    digits = typed.lstrip("0") or "0"
    if re.fullmatch("[0-9]{1,19}", digits) and int(digits) <= MAX_SEED:
        return int(digits)
    raise BadOption(
        "seed",
        f"`seed` is a whole number from 0 to {MAX_SEED}, and {_shown(typed)} is not; leave it out for a random one.",
    )


# Size ------------------------------------------------------------------------------------------------------


def parse_size(text: str | None, first: tuple[int, int]) -> tuple[int, int]:
    """Return width and height: as typed, or fitted to those of the ``first`` picture when nothing or 'match' was."""
    typed = _squeezed(text or "")
    if not typed or typed.startswith("match"):
        return match_size(first)
    pair = _PAIR.fullmatch(typed)
    if pair is None:
        raise BadOption(
            "size", f"`size` is a width and a height such as 1024x768, or '{MATCH}', and {_shown(typed)} is neither."
        )
    width, height = int(pair[1]), int(pair[2])
    for side, pixels in (("width", width), ("height", height)):
        if not MIN_SIDE <= pixels <= MAX_SIDE:
            raise BadOption("size", f"`size` takes a {side} of {MIN_SIDE} to {MAX_SIDE}, and {pixels} was given.")
        if pixels % GRID:
            low = pixels // GRID * GRID
            raise BadOption(
                "size",
                f"`size` takes a {side} in steps of {GRID}, and {pixels} was given; {low} and {low + GRID} are nearest.",
            )
    return width, height


def match_size(first: tuple[int, int]) -> tuple[int, int]:
    """Return the size that the model can make which is nearest to that of the first picture.

    It keeps the picture's own size if it can, else scales it into the bounds; the shape comes before the last pixels.
    """
    width, height = first
    scale = min(1.0, MAX_SIDE / max(first))
    scale = max(scale, MIN_SIDE / min(first))
    exact = width * scale, height * scale

    def loss(size: tuple[int, int]) -> tuple[float, float]:
        shape = abs(math.log(size[0] * height / (size[1] * width)))
        return shape, abs(size[0] - exact[0]) + abs(size[1] - exact[1])

    return min(product(_neighbours(exact[0]), _neighbours(exact[1])), key=loss)


def size_choices(typed: str) -> list[str]:
    """Return what to offer for ``size`` while it is being typed; :func:`parse_size` takes each of them."""
    wanted = _squeezed(typed)
    common = [MATCH, *(f"{width}x{height}" for width, height in COMMON_SIZES)]
    pair = _PAIR.fullmatch(wanted)
    if pair is None:
        return [choice for choice in common if wanted in choice or wanted.replace("×", "x").replace(" ", "") in choice]
    width, height = int(pair[1]), int(pair[2])
    begun = [choice for choice in common if choice.startswith(f"{width}x{height}")]
    return list(dict.fromkeys([*begun, f"{_snapped(width)}x{_snapped(height)}"]))


def _neighbours(side: float) -> Iterable[int]:
    low = int(side // GRID) * GRID
    return {min(max(low, MIN_SIDE), MAX_SIDE), min(max(low + GRID, MIN_SIDE), MAX_SIDE)}


def _snapped(side: int) -> int:
    return min(max((side + GRID // 2) // GRID * GRID, MIN_SIDE), MAX_SIDE)


# Scheduler -------------------------------------------------------------------------------------------------

_BY_NAME: Final = {name.casefold(): name for name in SCHEDULERS}


def parse_scheduler(text: str | None) -> str | None:
    """Return the scheduler as Runware spells it (case and blanks matter there), or ``None`` if none was named."""
    typed = _squeezed(text or "")
    if not typed:
        return None
    if typed in _BY_NAME:
        return _BY_NAME[typed]
    near = [_BY_NAME[name] for name in get_close_matches(typed[:100], _BY_NAME, n=1)]
    hint = f"did you mean {near[0]}?" if near else "pick one from the list, or leave it out."
    raise BadOption("scheduler", f"`scheduler` is one of {len(SCHEDULERS)} names, and {_shown(typed)} is not; {hint}")


def scheduler_choices(typed: str) -> list[str]:
    """Return up to 25 schedulers that contain every word typed, those that begin so first."""
    wanted = _squeezed(typed)
    words = wanted.split()
    found = [name for name in SCHEDULERS if all(word in name.casefold() for word in words)]
    return sorted(found, key=lambda name: not name.casefold().startswith(wanted))[:MAX_CHOICES]


# An earlier result -----------------------------------------------------------------------------------------


def parse_result_ref(text: str, option: str = "from") -> int | MessageLink:
    """Return what an option names: a result's short id (``#12`` or ``12``) or the message that shows it."""
    typed = text.strip()
    if (short := _SHORT_ID.fullmatch(typed)) and 0 < (result_id := int(short[1])) <= _MAX_ID:
        return result_id
    if (link := _LINK.fullmatch(typed)) and max(ids := [int(part) for part in link.groups()]) <= _MAX_ID:
        return MessageLink(*ids)
    raise BadOption(
        option,
        f"`{option}` is a result's id such as #12 or the link of its message in this server, not {_shown(typed)}.",
    )


def split_refs(text: str) -> list[str]:
    """Return the results that a text names, each on its own: ``#12 #15`` are two. What is no list is left whole."""
    parts = re.sub(r"# (?=[0-9])", "#", text).replace(",", " ").split()
    each_is_one = all(_SHORT_ID.fullmatch(part) or _LINK.fullmatch(part) for part in parts)
    return parts if each_is_one and parts else [text]


# The others ------------------------------------------------------------------------------------------------


def _text(option: str, text: str) -> str:
    text = text.strip()
    if len(text) > MAX_PROMPT:
        raise BadOption(option, f"`{option}` takes up to {MAX_PROMPT} characters, and {len(text)} were given.")
    # PostgreSQL's text cannot hold a NUL, and half a surrogate pair cannot be written at all.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise BadOption(option, f"`{option}` has a character in it that is no text (a NUL or the like); type it anew.")
    return text


def _whole(option: str, given: int | None, most: int, *, default: int) -> int:
    if given is None:
        return default
    if not 1 <= given <= most:
        raise BadOption(option, f"`{option}` is a whole number from 1 to {most}, and {given} was given.")
    return given


def _finite(option: str, given: float | None) -> float | None:
    if given is not None and not math.isfinite(given):
        raise BadOption(option, f"`{option}` is a number such as 1.5, and {given} was given.")
    return None if given is None else float(given)


def _cfg(given: float | None) -> float | None:
    given = _finite("cfg", given)
    if given is None:
        return None
    # Hundredths have no exact binary form: 7.35 * 100 is 735 only after rounding.
    if not MIN_CFG <= given <= MAX_CFG or not math.isclose(given * 100, round(given * 100), abs_tol=1e-6):
        raise BadOption("cfg", f"`cfg` goes from {MIN_CFG} to {MAX_CFG} in steps of 0.01, and {given} was given.")
    return round(given, 2)


def _squeezed(typed: str) -> str:
    """Return what was typed in lower case, with single blanks."""
    return " ".join(typed.casefold().split())


def _shown(typed: str) -> str:
    """Return what was typed as a sentence can repeat it."""
    plain = "".join(character for character in typed if character.isprintable() and character != "`")
    return f"`{plain[:_SHOWN]}…`" if len(plain) > _SHOWN else f"`{plain or ' '}`"
