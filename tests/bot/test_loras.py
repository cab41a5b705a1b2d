"""The search for LoRAs: what fits this model, what is remembered, and what is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import BadOption, EditError, NotFound
from bot.loras import FALLBACK, FoundLora, LoraSearch
from bot.runware.client import RunwareClient
from playground.runware import LocalRunware
from storage.windows import DAY, MINUTE

MODEL = "runware:108@22"


class Counter:
    """A Runware on this machine that answers searches as told, counts them, and may hold its answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.models: list[Any] = [{"air": "local:1@1", "name": "Paper Cut", "architecture": FALLBACK}]
        self.architecture: str | None = FALLBACK
        self.status = 200
        self.open = asyncio.Event()
        self.open.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        [task] = await request.json()
        self.asked.append(task)
        await self.open.wait()
        if self.status != 200:
            return web.json_response({"errors": [{"code": "internalServerError", "message": "no"}]}, status=self.status)
        checkpoint = {"air": MODEL, "name": "the model", "architecture": self.architecture}
        results = [checkpoint] if task["category"] == "checkpoint" else self.models
        return web.json_response({"data": [{"taskType": "modelSearch", "results": results}]})

    @property
    def searches(self) -> list[tuple[str, str | None]]:
        """What was searched for among LoRAs, and of which architecture."""
        return [(task["search"], task.get("architecture")) for task in self.asked if task["category"] == "lora"]

    @property
    def discoveries(self) -> int:
        return sum(task["category"] == "checkpoint" for task in self.asked)


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def runware() -> AsyncGenerator[Counter]:
    counter = Counter()
    app = web.Application()
    app.router.add_post("/v1", counter.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        counter.url = str(server.make_url("/v1"))  # type: ignore[attr-defined]
        yield counter
        counter.open.set()


@pytest.fixture
def search(session: aiohttp.ClientSession, runware: Any, clock: Clock) -> LoraSearch:
    return LoraSearch(RunwareClient(session, url=runware.url, api_key="key"), clock=clock)


# What fits -----------------------------------------------------------------------------------------------------------


async def test_the_local_runware_has_loras_for_this_model_and_one_for_another(
    session: aiohttp.ClientSession, clock: Clock
) -> None:
    async with LocalRunware() as local:
        loras = LoraSearch(RunwareClient(session, url=local.url, api_key="key"), clock=clock)
        assert await loras.find("PAPER  cut") == [
            FoundLora("local:1@1", "Paper Cut", FALLBACK, "Layers of cut paper", "paper cut style")
        ]
        assert await loras.find("pixel") == []
        assert (await loras.fitting(" local:7@1 ")).name == "Old Postcard"
        with pytest.raises(BadOption) as other:
            await loras.fitting("local:sdxl@1")
        assert str(other.value).startswith(
            "`local:sdxl@1` was made for `sdxl`, and this bot's model takes LoRAs for `qwen_image_edit_plus` only."
        )
        with pytest.raises(NotFound, match="Runware knows no LoRA `local:none@1`"):
            await loras.fitting("local:none@1")
        with pytest.raises(NotFound):
            await loras.fitting(MODEL)


@pytest.mark.parametrize("typed", ["two words", "a,b", "a:1@1;b:1@1", "a(b)", "é:1@1", "x" * 201, " "])
async def test_what_cannot_be_named_in_an_edit_is_no_air_and_is_not_asked_for(
    search: LoraSearch, runware: Counter, typed: str
) -> None:
    with pytest.raises(BadOption, match="`air` is the AIR of one LoRA"):
        await search.fitting(typed)
    assert runware.asked == []


async def test_what_runware_says_that_is_of_no_use_is_left_out(search: LoraSearch, runware: Counter) -> None:
    runware.models = [
        {"name": "no AIR"},
        {"air": "two words", "name": "no AIR that can be named"},
        {"air": "local:1@1", "name": " ", "architecture": "", "shortDescription": None},
        {"air": "local:1@1", "name": " ", "architecture": None, "positiveTriggerWords": ["a", "b"]},
        7,
    ]
    assert await search.find("x") == [FoundLora("local:1@1", "local:1@1", None, "", "a, b")]
    assert (await search.fitting("local:1@1")).architecture is None, "what says nothing of it may be let in"


async def test_an_air_is_found_in_any_case_and_only_whole(search: LoraSearch, runware: Counter) -> None:
    runware.models = [{"air": "Local:11@1", "name": "Another"}, {"air": "Local:1@1", "name": "This"}]
    assert (await search.fitting("local:1@1")).air == "Local:1@1"
    with pytest.raises(NotFound):
        await search.fitting("local:1")


# The architecture ----------------------------------------------------------------------------------------------------


async def test_the_architecture_is_asked_for_once_a_day_and_used(
    search: LoraSearch, runware: Counter, clock: Clock
) -> None:
    runware.architecture = "qwen_image_edit_2509"
    await search.find("a")
    clock.now = DAY - 1
    await search.find("b")
    assert runware.searches == [("a", "qwen_image_edit_2509"), ("b", "qwen_image_edit_2509")]
    assert runware.discoveries == 1
    clock.now, runware.architecture = DAY, "newer"
    await search.find("c")
    assert (runware.searches[-1], runware.discoveries) == (("c", "newer"), 2)


async def test_what_a_field_note_says_stands_in_until_runware_says_the_architecture(
    search: LoraSearch, runware: Counter, clock: Clock
) -> None:
    runware.architecture = None
    await search.find("a")
    assert runware.searches == [("a", "qwen_image_edit_plus")]
    clock.now, runware.architecture = 11 * MINUTE, "said"
    await search.find("a")
    assert runware.searches[-1] == ("a", "said")


async def test_an_architecture_that_the_operator_set_is_not_asked_for(
    session: aiohttp.ClientSession, runware: Any, clock: Clock
) -> None:
    client = RunwareClient(session, url=runware.url, api_key="key")
    await LoraSearch(client, architecture="theirs", clock=clock).find("a")
    assert (runware.searches, runware.discoveries) == ([("a", "theirs")], 0)


# What is remembered --------------------------------------------------------------------------------------------------


async def test_the_same_question_is_asked_again_only_after_ten_minutes(
    search: LoraSearch, runware: Counter, clock: Clock
) -> None:
    for typed in ("paper", " Paper ", "PAPER"):
        await search.find(typed)
    clock.now = 10 * MINUTE - 1
    await search.find("paper")
    assert len(runware.searches) == 1
    clock.now = 10 * MINUTE
    await search.find("paper")
    assert len(runware.searches) == 2


async def test_what_a_search_showed_is_not_looked_up_again_while_it_is_good(
    search: LoraSearch, runware: Counter, clock: Clock
) -> None:
    await search.find("paper")
    await search.fitting("local:1@1")
    assert len(runware.searches) == 1
    clock.now = 10 * MINUTE
    await search.fitting("local:1@1")
    assert runware.searches[1:] == [("local:1@1", None)]


async def test_only_so_many_answers_are_kept_and_the_oldest_go(search: LoraSearch, runware: Counter) -> None:
    for number in range(201):
        await search.find(f"word {number}")
    asked = len(runware.asked)
    await search.find("word 200")
    assert len(runware.asked) == asked
    await search.find("word 0")
    assert len(runware.asked) > asked


async def test_a_question_that_is_being_asked_is_not_asked_twice(search: LoraSearch, runware: Counter) -> None:
    await search.architecture(1)
    runware.open.clear()
    asking = [asyncio.create_task(search.find("paper")) for _ in range(5)]
    while not runware.searches:
        await asyncio.sleep(0.001)
    runware.open.set()
    answers = await asyncio.gather(*asking)
    assert answers == [answers[0]] * 5
    assert answers[0]
    assert len(runware.searches) == 1


async def test_who_waits_for_another_one_s_question_hears_that_it_failed(search: LoraSearch, runware: Counter) -> None:
    await search.architecture(1)
    runware.open.clear()
    runware.status = 500
    asking = [asyncio.create_task(search.find("paper")) for _ in range(2)]
    while not runware.searches:
        await asyncio.sleep(0.001)
    runware.open.set()
    for failed in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(failed, EditError)
        assert "does not answer right now" in str(failed)
    assert len(runware.searches) == 1
    runware.status = 200
    assert await search.find("paper"), "a failure is not remembered"


async def test_who_waits_for_a_question_that_was_given_up_asks_it_anew(search: LoraSearch, runware: Counter) -> None:
    await search.architecture(1)
    runware.open.clear()
    impatient = asyncio.create_task(search.find("paper"))
    while not runware.searches:
        await asyncio.sleep(0.001)
    patient = asyncio.create_task(search.find("paper"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    runware.open.set()
    async with asyncio.timeout(10):
        assert await patient
    assert len(runware.searches) == 2


# Runware is down -----------------------------------------------------------------------------------------------------


async def test_while_somebody_types_a_failure_offers_nothing_and_says_nothing(
    search: LoraSearch, runware: Counter
) -> None:
    assert [lora.air for lora in await search.offered("paper")] == ["local:1@1"]
    runware.status = 500
    assert await search.offered("ink") == []
    with pytest.raises(EditError, match="does not answer right now"):
        await search.find("ink")
    with pytest.raises(EditError, match="does not answer right now"):
        await search.fitting("local:2@1")


async def test_while_somebody_types_nothing_is_waited_for_longer_than_discord_waits(
    search: LoraSearch, runware: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.loras._TYPING_SECONDS", 0.05)
    runware.open.clear()
    assert await search.offered("paper") == []
    runware.open.set()
    assert await search.offered("paper"), "the question that was given up is in nobody's way"
