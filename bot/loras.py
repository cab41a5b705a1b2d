"""LoRAs as Runware's search knows them, for this model. What was asked lately is not asked again."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot import options
from bot.errors import BadOption, EditError, NotFound
from bot.runware.client import RunwareClient
from bot.runware.errors import RunwareError
from bot.runware.replies import ModelEntry
from bot.runware.schema import MODEL
from storage.records import Lora
from storage.windows import DAY, MINUTE

log = logging.getLogger(__name__)

#: What a field note calls this model's line, for as long as Runware does not say.
FALLBACK: Final = "qwen_image_edit_plus"
#: For so long, in milliseconds, an answer is good; the model's own architecture; and what stands for that one.
_ANSWER_LIFE: Final = 10 * MINUTE
_ARCHITECTURE_LIFE: Final = DAY
_FALLBACK_LIFE: Final = MINUTE
#: So many answers are kept, each of at most so many LoRAs: as many as Discord offers.
_KEPT: Final = 200
_MOST: Final = 25
#: Discord waits three seconds for what is offered while somebody types; a command waits longer.
_TYPING_SECONDS: Final = 2.5
_QUESTION_SECONDS: Final = 2.0
_PATIENT_SECONDS: Final = 6.0
_LONGEST_SEARCH: Final = 100
_LONGEST_TEXT: Final = 1000


@dataclass(frozen=True, slots=True)
class FoundLora:
    """A LoRA that Runware knows. What it says of itself was written by whoever made it."""

    air: str
    name: str
    #: ``None`` where Runware does not say what it fits.
    architecture: str | None = None
    #: What it does, and the words of a prompt that call for it; empty where nothing is said.
    description: str = ""
    triggers: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    search: str
    category: str
    architecture: str | None = None


class LoraSearch:
    """Searches Runware's models. ``architecture`` is the one LoRAs have to fit; empty means to ask Runware for it."""

    def __init__(self, runware: RunwareClient, *, architecture: str = "", clock: Callable[[], int]) -> None:
        self._runware = runware
        self._set_architecture = architecture
        self._clock = clock
        self._answers: OrderedDict[_Question, tuple[int, tuple[FoundLora, ...]]] = OrderedDict()
        #: The questions that are with Runware right now; a question given up is cancelled.
        self._asked: dict[_Question, asyncio.Future[tuple[FoundLora, ...] | None]] = {}
        self._architecture, self._architecture_until = FALLBACK, 0

    async def find(self, typed: str, *, patience: float = _PATIENT_SECONDS) -> list[FoundLora]:
        """Return the LoRAs for this model whose name, description or AIR fits, the most popular first.

        ``patience``: so many seconds each question to Runware may take.

        Raises:
            EditError: Runware did not answer.
        """
        search = " ".join(typed.casefold().split())[:_LONGEST_SEARCH]
        architecture = await self.architecture(patience)
        return list(await self._ask(_Question(search, "lora", architecture), patience))

    async def offered(self, typed: str) -> list[FoundLora]:
        """Return what :meth:`find` finds in time for somebody who is typing; nothing where that fails."""
        try:
            async with asyncio.timeout(_TYPING_SECONDS):
                return await self.find(typed, patience=_QUESTION_SECONDS)
        except (EditError, TimeoutError):
            return []

    async def fitting(self, air: str) -> FoundLora:
        """Return the LoRA of an AIR, if it fits this model.

        Raises:
            BadOption: that is no AIR, or it was made for another architecture.
            NotFound: Runware knows no such LoRA.
            EditError: Runware did not answer.
        """
        air = air.strip()
        if not _is_air(air):
            raise BadOption("air", f"`air` is the AIR of one LoRA, such as civitai:123@456, and {_shown(air)} is none.")
        found = self._known(air) or await self._look_up(air)
        if found is None:
            raise NotFound(f"Runware knows no LoRA {_shown(air)}. `/lora search` finds those there are.")
        architecture = await self.architecture(_PATIENT_SECONDS)
        if found.architecture is not None and found.architecture.casefold() != architecture.casefold():
            raise BadOption(
                "air",
                f"{_shown(found.air)} was made for {_shown(found.architecture)}, and this bot's model takes LoRAs for "
                f"{_shown(architecture)} only. Search for another with `/lora search`.",
            )
        return found

    async def architecture(self, patience: float) -> str:
        """Return what LoRAs have to fit: as it was set, or as Runware says of the model, or as it is believed to be."""
        if self._set_architecture:
            return self._set_architecture
        if self._clock() >= self._architecture_until:
            try:
                models = await self._ask(_Question(MODEL, "checkpoint"), patience)
            except EditError:
                models = ()
            said = [model.architecture for model in models if model.air == MODEL and model.architecture is not None]
            self._architecture = said[0] if said else self._architecture
            self._architecture_until = self._clock() + (_ARCHITECTURE_LIFE if said else _FALLBACK_LIFE)
        return self._architecture

    def _known(self, air: str) -> FoundLora | None:
        """Return a LoRA out of the answers that are still good: whoever names it has likely just seen it there."""
        lists = [self._remembered(question) or () for question in list(self._answers) if question.category == "lora"]
        return next((lora for found in lists for lora in found if lora.air == air), None)

    async def _look_up(self, air: str) -> FoundLora | None:
        found = await self._ask(_Question(air, "lora"), _PATIENT_SECONDS)
        return next((lora for lora in found if lora.air.casefold() == air.casefold()), None)

    # asking ------------------------------------------------------------------------------------------------

    async def _ask(self, question: _Question, patience: float) -> tuple[FoundLora, ...]:
        """Return the answer to a question, from before or from whoever has just asked it. Raises EditError."""
        while (known := self._remembered(question)) is None:
            asked = self._asked.get(question)
            if asked is None:
                return await self._ask_runware(question, patience)
            await asyncio.wait([asked])
            if not asked.cancelled() and asked.result() is None:
                raise _unanswered()
        return known

    async def _ask_runware(self, question: _Question, patience: float) -> tuple[FoundLora, ...]:
        asked = self._asked[question] = asyncio.get_running_loop().create_future()
        try:
            models = await self._runware.search_models(
                question.search,
                category=question.category,
                architecture=question.architecture,
                limit=_MOST,
                timeout=patience,
            )
        except RunwareError as error:
            log.warning("Runware's models could not be searched: %s", error)
            asked.set_result(None)
            raise _unanswered() from error
        else:
            read = [lora for model in models if (lora := _read(model)) is not None]
            found = tuple({lora.air: lora for lora in read}.values())
            self._remember(question, found)
            asked.set_result(found)
            return found
        finally:
            del self._asked[question]
            asked.cancel()  # only where whoever asked was not patient enough: another one asks again

    def _remembered(self, question: _Question) -> tuple[FoundLora, ...] | None:
        until, found = self._answers.get(question, (0, ()))
        return found if self._clock() < until else None

    def _remember(self, question: _Question, found: tuple[FoundLora, ...]) -> None:
        self._answers.pop(question, None)
        self._answers[question] = self._clock() + _ANSWER_LIFE, found
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)


def _read(model: ModelEntry) -> FoundLora | None:
    """Return a model as it can be named in an edit, and ``None`` for one that cannot."""
    air = (model.air or "").strip()
    if not _is_air(air):
        return None
    description, triggers = model.short_description or "", model.positive_trigger_words or ""
    name = (model.name or "").strip() or air
    return FoundLora(
        air, name[:_LONGEST_TEXT], model.architecture or None, description[:_LONGEST_TEXT], triggers[:_LONGEST_TEXT]
    )


def _is_air(text: str) -> bool:
    """Tell whether a text names one LoRA where several may be named."""
    try:
        return options.BY_NAME["loras"].read(text) == (Lora(text),)
    except BadOption:
        return False


def _shown(text: str) -> str:
    return f"`{''.join(sign for sign in text if sign.isprintable() and sign != '`')[:100] or ' '}`"


def _unanswered() -> EditError:
    return EditError("Runware, where LoRAs are searched, does not answer right now. Please try again in a few minutes.")
