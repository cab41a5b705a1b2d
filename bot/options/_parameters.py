"""Every parameter of the model that people can set: its name as they type it, its bounds, and how it is read.

Said once here: the command, the draft, presets, recipes, sweeps and a server's own rules all ask this table. The bounds
are Runware's for ``runware:108@22`` (``reference/runware-api.md``, sections 2 and 3), except that a seed fits a signed
64-bit column. ``bot.runware.schema`` says the same in Runware's words, and tests hold the two together.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, ClassVar, Final, TypeAlias, cast

from bot.errors import BadOption
from bot.options._schedulers import parse_scheduler
from bot.options._texts import SHOWN, shown, written
from storage.records import Bound, EditRequest, Lora

MAX_PROMPT: Final = 32_000
MAX_RESULTS: Final = 20
MAX_SEED: Final = 2**63 - 1
MAX_STEPS: Final = 50
DEFAULT_STEPS: Final = 30
MIN_CFG: Final = 1
MAX_CFG: Final = 20
#: Ours: no bound is published.
MAX_LORAS: Final = 10

#: No number that anybody needs has more digits; Python reads those of thousands slowly or not at all.
_DIGITS: Final = 19
_WHOLE: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:e[+-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)
_LONGEST_NUMBER: Final = 40
#: From here on, a number is written with an exponent.
_PLAIN: Final = 10**15
_YES: Final = frozenset({"yes", "y", "true", "on", "1"})
_NO: Final = frozenset({"no", "n", "false", "off", "0"})
_AIR: Final = re.compile(r"[!-~]{1,200}")
#: A comma between two digits is that of a weight, as in 0,8.
_BETWEEN_LORAS: Final = re.compile(r"[\n;]|,(?![0-9])|(?<![0-9]),", re.ASCII)
#: One that nobody closed ends with its entry: what follows is another LoRA.
_BRACKETS: Final = re.compile(r"\([^()]*\)|\([^()\n;,]*")
_LORA_PARTS: Final = frozenset({"model", "weight", "stage"})
_WEIGHT: Final = "weight"

#: A value as JSON and databases hold it.
Plain: TypeAlias = str | int | float | bool | list[dict[str, Any]]


class Group(StrEnum):
    """What belongs together, and so on one form: at most five each."""

    WORDS = "words"
    PICTURE = "picture"
    GUIDANCE = "guidance"
    SCHEDULER = "scheduler"
    LORAS = "loras"
    CACHED_STEPS = "cached steps"
    BLOCK_CACHES = "block caches"
    DB_CACHE = "CacheDiT"
    FACE = "face"
    FACE_MASK = "face mask"


@dataclass(frozen=True, slots=True)
class Parameter(ABC):
    """One option of an edit."""

    #: As people type it: ``steps``.
    name: str
    #: Where an :class:`~storage.records.EditRequest` has it: ``steps``, ``acceleration.fb_cache``.
    field: str
    group: Group
    #: What it does, in at most 100 characters.
    says: str
    #: What happens when it is left out, in words.
    otherwise: str = "left to the model"

    @abstractmethod
    def read(self, given: object) -> object:
        """Return a value as requests have it; ``None`` where nothing was given. Raises BadOption."""

    def of(self, request: EditRequest) -> Any:  # noqa: ANN401 (of this parameter's own type)
        """Return the value that a request has; ``None`` where it was left out."""
        return reduce(getattr, self.field.split("."), request)

    def plain(self, value: Any) -> Plain:  # noqa: ANN401 (of this parameter's own type)
        """Return what :meth:`read` returned as JSON holds it; :meth:`read` takes it back."""
        return value

    def typed(self, value: object) -> str:
        """Return a value as people type it, be it one of a request, of JSON or a wrong one; empty for none."""
        return _typed(value)

    def check_bound(self, value: object, bound: Bound) -> None:
        """Refuse a value outside what a server allows. Raises BadOption."""
        del value, bound

    def _refused(self, sentence: str) -> BadOption:
        return BadOption(self.name, f"`{self.name}` {sentence}")


def is_empty(given: object) -> bool:
    """Tell whether nothing was given: an option left out, or a field left blank."""
    return given is None or (isinstance(given, str) and not given.strip())


@dataclass(frozen=True, slots=True)
class Text(Parameter):
    """Words of up to :data:`MAX_PROMPT` characters."""

    def read(self, given: object) -> str | None:
        """Return the text without blanks around it."""
        if is_empty(given):
            return None
        if not isinstance(given, str):
            raise self._refused(f"is text, and {shown(given)} was given.")
        text = given.strip()
        if len(text) > MAX_PROMPT:
            raise self._refused(f"takes up to {MAX_PROMPT} characters, and {len(text)} were given.")
        # PostgreSQL's text cannot hold a NUL, and half a surrogate pair cannot be written at all.
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
            raise self._refused("has a character in it that is no text (a NUL or the like); type it anew.")
        return text


@dataclass(frozen=True, slots=True)
class Counted(Parameter, ABC):
    """A number within bounds."""

    least: float | None = None
    most: float | None = None

    @abstractmethod
    def read(self, given: object) -> float | None:
        """Return the number, typed or of JSON; ``None`` where nothing was given. Raises BadOption."""

    def check_bound(self, value: object, bound: Bound) -> None:
        """Refuse a number outside what a server allows."""
        if not isinstance(value, int | float):
            return
        if bound.most is not None and value > bound.most:
            raise self._refused(f"goes up to {figure(bound.most)} in this server, and {_said(value)} was given.")
        if bound.least is not None and value < bound.least:
            raise self._refused(f"begins at {figure(bound.least)} in this server, and {_said(value)} was given.")

    def outside(self, number: float) -> bool:
        """Tell whether a number is outside the model's bounds."""
        return (self.least is not None and number < self.least) or (self.most is not None and number > self.most)

    @property
    def range(self) -> str:
        """The bounds in words: ``from 1 to 50``, ``of 0 or more``; empty where there are none."""
        if self.least is None:
            return "" if self.most is None else f"of {figure(self.most)} or less"
        return (
            f"of {figure(self.least)} or more"
            if self.most is None
            else f"from {figure(self.least)} to {figure(self.most)}"
        )


@dataclass(frozen=True, slots=True)
class Whole(Counted):
    """A whole number."""

    def read(self, given: object) -> int | None:
        """Return the number, typed or of JSON."""
        if is_empty(given):
            return None
        number = _whole(given)
        if number is None or self.outside(number):
            long = f" and up to {_DIGITS} digits" if self.most is None and len(written(given)) > _DIGITS else ""
            raise self._refused(f"is a whole number {self.range}{long}, and {_said(given)} was given.")
        return number


@dataclass(frozen=True, slots=True)
class Number(Counted):
    """A number, in steps where ``step`` says so (0.01 or 0.1)."""

    step: float | None = None

    def read(self, given: object) -> float | None:
        """Return the number, typed or of JSON."""
        if is_empty(given):
            return None
        number = _number(given)
        if number is None:
            among = f" {self.range}" if self.range else ""
            raise self._refused(f"is a number{among} such as {self._example:g}, and {_said(given)} was given.")
        if self.outside(number) or not self._on_grid(number):
            steps = "" if self.step is None else f" in steps of {figure(self.step)}"
            raise self._refused(f"goes {self.range}{steps}, and {_said(given)} was given.")
        # There is no step of less than a hundredth; and what is added makes a plain 0 of -0.
        return number if self.step is None else round(number, 2) + 0.0

    @property
    def _example(self) -> float:
        return 1.5 if self.most is None or self.most > 1 else 0.5

    def _on_grid(self, number: float) -> bool:
        if self.step is None:
            return True
        # Hundredths have no exact binary form: 7.35 * 100 is 735 only after rounding.
        per = round(1 / self.step)
        return math.isclose(number * per, round(number * per), rel_tol=0, abs_tol=1e-6)


@dataclass(frozen=True, slots=True)
class Flag(Parameter):
    """Yes or no."""

    def read(self, given: object) -> bool | None:
        """Return what was said."""
        if is_empty(given):
            return None
        if isinstance(given, bool):
            return given
        typed = given.strip().casefold() if isinstance(given, str) else ""
        if typed in _YES or typed in _NO:
            return typed in _YES
        raise self._refused(f"is yes or no, and {shown(given)} was given.")


@dataclass(frozen=True, slots=True)
class Choice(Parameter):
    """One of a few names."""

    choices: tuple[str, ...] = ()
    #: Other spellings, in lower case.
    known_as: Mapping[str, str] | None = None

    def read(self, given: object) -> str | None:
        """Return the choice, in whatever case it was given."""
        if is_empty(given):
            return None
        typed = written(given).strip().casefold()
        spelled = {choice.casefold(): choice for choice in self.choices} | dict(self.known_as or {})
        if typed not in spelled:
            raise self._refused(f"is {_alternatives(self.choices)}, and {shown(given)} is not.")
        return spelled[typed]


@dataclass(frozen=True, slots=True)
class Seed(Parameter):
    """A whole number from 0 to :data:`MAX_SEED`; as text in JSON, whose readers round numbers above 2^53."""

    def read(self, given: object) -> int | None:
        """Return the seed that was given (0 is one)."""
        if is_empty(given):
            return None
        number = _whole(given)
        if number is None or not 0 <= number <= MAX_SEED or written(given).strip().startswith(("+", "-")):
            raise self._refused(
                f"is a whole number from 0 to {MAX_SEED}, and {shown(given)} is not; leave it out for a random one."
            )
        return number

    def plain(self, value: Any) -> str:  # noqa: ANN401 (as the base class has it)
        """Return the seed as text."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Scheduler(Parameter):
    """One of the model's schedulers, in whatever case it was given."""

    def read(self, given: object) -> str | None:
        """Return the scheduler as Runware spells it."""
        return None if is_empty(given) else parse_scheduler(written(given))


@dataclass(frozen=True, slots=True)
class Loras(Parameter):
    """Several LoRAs: typed one a line as ``AIR [weight] [high, low or both]``, or a list of objects in JSON.

    What stands in brackets is skipped: the names that are offered beside the AIRs.
    """

    weight: ClassVar[Number] = Number(_WEIGHT, _WEIGHT, Group.LORAS, "", least=-4, most=4, step=0.01)
    stage: ClassVar[Choice] = Choice("stage", "stage", Group.LORAS, "", choices=("high", "low", "both"))

    def read(self, given: object) -> tuple[Lora, ...] | None:
        """Return the LoRAs, in the order they were given."""
        if is_empty(given):
            return None
        entries = _BETWEEN_LORAS.split(_BRACKETS.sub(" ", given)) if isinstance(given, str) else given
        if not isinstance(entries, Sequence):
            raise self._refused(f"is a list of LoRAs, and {shown(given)} was given.")
        named = [entry for entry in cast("Sequence[object]", entries) if not is_empty(entry)]
        if not 1 <= len(named) <= MAX_LORAS:
            raise self._refused(f"takes 1 to {MAX_LORAS} LoRAs, and {len(named)} were given.")
        loras = [self._lora(entry) for entry in named]
        airs = [lora.model for lora in loras]
        for air in airs:
            if airs.count(air) > 1:
                raise self._refused(f"names {shown(air)} twice; give it one weight.")
        return tuple(loras)

    def plain(self, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (as the base class has it)
        """Return the LoRAs as objects."""
        parts = [{"model": lora.model, "weight": lora.weight, "stage": lora.stage} for lora in value]
        return [{name: part for name, part in lora.items() if part is not None} for lora in parts]

    def typed(self, value: object) -> str:
        """Return LoRAs as people type them, one a line; what is none is JSON."""
        if isinstance(value, str):
            return value
        try:
            loras = self.read(value) or ()
        except BadOption:
            return json.dumps(value, ensure_ascii=False)
        return "\n".join(" ".join(str(part) for part in self._parts(lora)) for lora in loras)

    @staticmethod
    def _parts(lora: Lora) -> list[object]:
        weight = None if lora.weight is None else f"{lora.weight:g}"
        return [part for part in (lora.model, weight, lora.stage) if part is not None]

    def _lora(self, entry: object) -> Lora:
        if isinstance(entry, Lora):
            entry = {"model": entry.model, "weight": entry.weight, "stage": entry.stage}
        typed = entry.strip() if isinstance(entry, str) else None
        if typed is not None:
            entry = self._typed(typed)
        if not isinstance(entry, dict):
            raise self._refused(f"is a list of LoRAs, and {shown(entry)} is not one.")
        parts = cast("dict[str, object]", entry)
        if unknown := sorted(map(written, parts.keys() - _LORA_PARTS)):
            raise self._refused(f"has {shown(unknown[0])} in it; a LoRA has a model, a weight and a stage.")
        given = parts.get("model", "")
        model = given.strip() if isinstance(given, str) else ""
        if not _AIR.fullmatch(model):
            raise self._no_air(given)
        try:
            weight, stage = self.weight.read(parts.get(_WEIGHT)), self.stage.read(parts.get("stage"))
        except BadOption as bad:
            if typed is not None and ":" not in model:  # likely its name
                raise self._no_air(typed) from bad
            raise self._refused(f"has a wrong value for {shown(model)}: {bad}") from bad
        return Lora(model, weight, stage)

    def _no_air(self, given: object) -> BadOption:
        return self._refused(f"names a LoRA by its AIR, such as civitai:123@456, and {shown(given)} is none.")

    def _typed(self, entry: str) -> dict[str, object]:
        model, *rest = entry.split()
        stages = [part for part in rest if part.casefold() in self.stage.choices]
        weights = [part for part in rest if part.casefold() not in self.stage.choices]
        if len(stages) > 1 or len(weights) > 1:
            if ":" not in model:
                raise self._no_air(entry)
            raise self._refused(f"takes an AIR, a weight and a stage a line, and {shown(entry)} is more.")
        return {"model": model, _WEIGHT: "".join(weights), "stage": "".join(stages)}


def _typed(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**_DIGITS:
        return str(int(value))  # a large one would be written with an exponent, which no whole number is typed with
    return str(value)


def _whole(given: object) -> int | None:
    if isinstance(given, int | float):
        plain = not isinstance(given, bool) and abs(given) < 10**_DIGITS and given == int(given)
        return int(given) if plain else None
    typed = written(given).strip()
    digits = typed.lstrip("+-").lstrip("0")
    return int(typed) if _WHOLE.fullmatch(typed) and len(digits) <= _DIGITS else None


def _number(given: object) -> float | None:
    if isinstance(given, str):
        typed = given.strip()
        if len(typed) > _LONGEST_NUMBER or not _NUMBER.fullmatch(typed):
            return None
        given = typed.replace(",", ".")
    elif isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        number = float(given)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _said(given: object) -> str:
    """Return a number as it was given; what is none, or is very long, as a sentence can repeat it."""
    plain = isinstance(given, int | float) and not isinstance(given, bool)
    return number if plain and len(number := written(given)) <= SHOWN else shown(given)


def figure(number: float) -> str:
    """Return a number as people write it: ``50``, ``0.01``, ``1000000``."""
    return str(int(number)) if number == int(number) and abs(number) < _PLAIN else str(number)


def _alternatives(choices: Sequence[str]) -> str:
    return " or ".join((", ".join(choices[:-1]), choices[-1]))


def _fraction(name: str, field: str, group: Group, says: str, otherwise: str) -> Number:
    return Number(name, field, group, says, otherwise, least=0, most=1, step=0.01)


_FACES: Final = "documented for SD 1.x, SDXL and FLUX only; expect no effect"

#: The one option that is a list, which others ask for by itself.
LORAS: Final = Loras(
    "loras",
    "loras",
    Group.LORAS,
    "Add-ons to the model, one a line: AIR (civitai:123@456), weight from -4 to 4, stage",
    "none",
)
#: Every parameter but the pictures and the size, in the order in which faults are named.
PARAMETERS: Final[tuple[Parameter, ...]] = (
    Text("prompt", "prompt", Group.WORDS, "What to change, in a sentence", "needed"),
    Text(
        "negative", "negative", Group.WORDS,
        "What should not be in the picture. It counts only while cfg is above 1", "nothing",
    ),
    Whole(
        "results", "results", Group.PICTURE, "How many pictures to make; each costs", "1", least=1, most=MAX_RESULTS
    ),
    Seed("seed", "seed", Group.PICTURE, "A number that makes the same picture again", "drawn"),
    Choice(
        "format", "output_format", Group.PICTURE, "The kind of file", "JPG",
        choices=("JPG", "PNG", "WEBP"), known_as={"jpeg": "JPG"},
    ),
    Whole(
        "quality", "output_quality", Group.PICTURE, "How little a JPG or WEBP file loses; higher is larger", "95",
        least=20, most=99,
    ),
    Whole(
        "steps", "steps", Group.GUIDANCE, "More steps: finer, slower, dearer", str(DEFAULT_STEPS),
        least=1, most=MAX_STEPS,
    ),
    Number(
        "cfg", "cfg", Group.GUIDANCE, "How closely to follow the prompt", least=MIN_CFG, most=MAX_CFG, step=0.01
    ),
    Number(
        "true_cfg", "true_cfg", Group.GUIDANCE, "The model's own guidance; Runware's examples use 1.2 and 2"
    ),
    Scheduler("scheduler", "scheduler", Group.SCHEDULER, "How the noise is taken away"),
    LORAS,
    Whole(
        "cache_start", "acceleration.cache_start", Group.CACHED_STEPS, "The step from which steps may be cached",
        "no range", least=0,
    ),
    Whole(
        "cache_end", "acceleration.cache_end", Group.CACHED_STEPS,
        "The step up to which steps may be cached; after cache_start, at most steps", "no range", least=1,
    ),
    Whole(
        "cache_start_percent", "acceleration.cache_start_percent", Group.CACHED_STEPS,
        "The same in percent of the steps, in place of cache_start and cache_end", "no range", least=0, most=99,
    ),
    Whole(
        "cache_end_percent", "acceleration.cache_end_percent", Group.CACHED_STEPS,
        "The end in percent; after cache_start_percent", "no range", least=1, most=100,
    ),
    Whole(
        "cache_in_a_row", "acceleration.cache_in_a_row", Group.CACHED_STEPS,
        "So many cached steps in a row before a fresh one", "3", least=1, most=5,
    ),
    Flag("fb_cache", "acceleration.fb_cache", Group.BLOCK_CACHES, "First Block Cache: faster, at some loss", "off"),
    _fraction(
        "fb_threshold", "acceleration.fb_threshold", Group.BLOCK_CACHES,
        "When the first block is reused; lower is more reuse", "0.25",
    ),
    Flag("tea_cache", "acceleration.tea_cache", Group.BLOCK_CACHES, "TeaCache: faster, at some loss", "off"),
    _fraction(
        "tea_distance", "acceleration.tea_distance", Group.BLOCK_CACHES, "Lower is better, higher is faster", "0.5"
    ),
    Flag("db_cache", "acceleration.db_cache", Group.DB_CACHE, "CacheDiT: faster, at some loss", "off"),
    _fraction(
        "db_threshold", "acceleration.db_threshold", Group.DB_CACHE, "Lower is more reuse, higher is better", "0.25"
    ),
    Whole(
        "db_skip", "acceleration.db_skip", Group.DB_CACHE, "How many steps are skipped; higher is faster and worse",
        "5", least=1,
    ),
    Text("face_prompt", "face.prompt", Group.FACE, f"What faces should become; {_FACES}", "nothing"),
    Text("face_negative", "face.negative", Group.FACE, f"What faces should not be; {_FACES}", "nothing"),
    Whole("face_steps", "face.steps", Group.FACE, f"Steps for faces; {_FACES}", "20", least=1, most=100),
    Number("face_cfg", "face.cfg", Group.FACE, f"Guidance for faces; {_FACES}", "8", least=0, most=50, step=0.1),
    _fraction("face_strength", "face.strength", Group.FACE_MASK, f"How much faces change; {_FACES}", "0.3"),
    _fraction("face_confidence", "face.confidence", Group.FACE_MASK, f"How sure a face is one; {_FACES}", "0.9"),
    Whole("face_blur", "face.blur", Group.FACE_MASK, f"How soft its edge is; {_FACES}", "5", least=0, most=100),
    Whole("face_padding", "face.padding", Group.FACE_MASK, f"How much around it; {_FACES}", "5", least=0, most=20),
)  # fmt: skip

BY_NAME: Final[Mapping[str, Parameter]] = {parameter.name: parameter for parameter in PARAMETERS}
#: The one option that is read apart from the others, since it is two fields that depend on the first picture.
SIZE: Final = "size"
#: All names, in the order of :data:`PARAMETERS`.
NAMES: Final = (*BY_NAME, SIZE)


def typed(name: str, value: object) -> str:
    """Return the value of an option as people type it; empty for none. Wrong values and unknown options stay as they are."""
    parameter = BY_NAME.get(name)
    return _typed(value) if parameter is None else parameter.typed(value)
