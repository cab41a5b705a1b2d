"""The end of Runware's balance is told before it comes, and its own figures are written down once a day."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import books
from bot.bookkeeping import AccountWatch
from bot.runware.client import RunwareClient
from playground.runware import LocalRunware
from storage import books as sums
from storage.alerts import AlertKind
from storage.database import Tx
from storage.records import (
    Asker,
)

if TYPE_CHECKING:
    from tests.bot.conftest import Office

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
MANAGER = Asker(10, 99)


# Runware's balance ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def watching(office: Office, runware: LocalRunware) -> AsyncGenerator[AccountWatch]:
    async with aiohttp.ClientSession() as session:
        client = RunwareClient(session, url=runware.url, api_key="x", retries=0)
        yield AccountWatch(office.database, client, office.signals, office.metrics, office.settings, clock=office.clock)


async def low(office: Office, watch: AccountWatch, runware: LocalRunware, dollars: str) -> list[str]:
    """Return what is told when so much is left."""
    runware.balance = Decimal(dollars)
    office.desk.now += 10 * MINUTE
    await watch.look()
    return [alert.facts["low"] for alert in await office.to_post()]


async def test_the_end_of_the_balance_is_told_before_it_comes_once_for_each_stage(office: Office) -> None:
    async with LocalRunware() as runware, watching(office, runware) as watch:
        assert await low(office, watch, runware, "3") == []
        assert await low(office, watch, runware, "2.99") == ["days"]
        assert await low(office, watch, runware, "2.5") == []
        assert await low(office, watch, runware, "0.99") == ["day"]
        assert await low(office, watch, runware, "0") == []
        assert await low(office, watch, runware, "2.9") == []  # too little was added
        assert await low(office, watch, runware, "50") == []
        assert await low(office, watch, runware, "0.5") == ["day"]
        assert await low(office, watch, runware, "2") == []
        assert office.metrics.balance._value.get() == 2_000_000
        assert office.metrics.alerts.labels(AlertKind.BALANCE)._value.get() == 3


async def test_the_pace_is_that_of_the_last_seven_days(office: Office) -> None:
    for _ in range(7):
        await office.spend(5_000_000)
        office.desk.now += DAY
    office.desk.now -= DAY
    async with LocalRunware() as runware, watching(office, runware) as watch:
        assert await low(office, watch, runware, "15") == []
        assert await low(office, watch, runware, "14.99") == ["days"]
        assert await low(office, watch, runware, "4.99") == ["day"]
        office.desk.now += 8 * DAY
        assert await low(office, watch, runware, "4.98") == []  # it lasts for longer now, but nothing was added
        assert await low(office, watch, runware, "0.99") == []
        assert await low(office, watch, runware, "5") == []
        assert await low(office, watch, runware, "2.99") == ["days"]


async def test_a_balance_below_what_is_held_is_told_and_what_is_held_goes_up_and_down(office: Office) -> None:
    job = await office.desk.submit()
    async with LocalRunware() as runware, watching(office, runware) as watch:
        assert await low(office, watch, runware, "0.01") == ["held"]
        await office.desk.deliver(job, office.desk.picture(job))
        again = await office.desk.submit()
        assert again.hold > 10_000
        assert await low(office, watch, runware, "0.01") == []


async def test_a_restart_tells_nothing_again(office: Office) -> None:
    async with LocalRunware() as runware:
        for expected in (["days"], []):
            async with watching(office, runware) as watch:
                assert await low(office, watch, runware, "2.5") == expected


async def test_a_second_look_at_a_full_account_writes_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async with LocalRunware() as runware, watching(office, runware) as watch:
        await watch.look()
        monkeypatch.setattr(office.database, "run", None)
        await watch.look()


async def test_an_outage_of_runware_is_logged_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.bookkeeping")
    async with LocalRunware(key="another") as refuses, watching(office, refuses) as watch:
        for _ in range(3):
            await watch.look()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "Runware does not say what is left on the account: invalidApiKey" in caplog.text
        async with LocalRunware() as answers, watching(office, answers) as well:
            watch._runware = well._runware
            for _ in range(2):
                await watch.look()
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert await office.database.read(_everything_raised) == 0


# Runware's own figures -----------------------------------------------------------------------------------------------


async def test_whole_days_are_compared_with_what_runware_took(office: Office) -> None:
    async with LocalRunware() as runware, watching(office, runware) as watch:
        for ours, theirs in ((1_000, "0.001"), (2_000, "0.002"), (4_000, "0.0045")):
            for _ in range(3):  # only the first look of a day counts
                await watch.look()
                office.desk.now += HOUR
            await office.spend(ours)
            runware._account.bill(Decimal(theirs))
            office.desk.now += 21 * HOUR
        await watch.look()
    first = books.day_in_utc(office.desk.now) - 3
    compared = await books.compare(office.database)
    assert [(one.first_day, one.until_day, one.ours, one.theirs) for one in compared] == [
        (first, first + 1, 1_000, 1_000),
        (first + 1, first + 2, 2_000, 2_000),
        (first + 2, first + 3, 4_000, 4_500),
    ]
    assert [one.difference for one in compared] == [0, 0, 500]
    assert len(await books.compare(office.database, first + 1)) == 2


async def test_no_figures_are_kept_of_a_key_that_others_use(office_of: Callable[..., Office]) -> None:
    office = office_of(runware_key_shared=True)
    async with LocalRunware() as runware, watching(office, runware) as watch:
        await watch.look()
    assert await office.database.read(sums.statements, 9) == []


async def test_an_account_without_figures_is_said_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"data": [{"taskType": "accountManagement", "balance": 5, "usage": "much"}]})

    app = web.Application()
    app.router.add_post("/v1", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = RunwareClient(session, url=str(server.make_url("/v1")), api_key="x", retries=0)
        watch = AccountWatch(
            office.database, client, office.signals, office.metrics, office.settings, clock=office.clock
        )
        for _ in range(3):
            await watch.look()
    said = [record.getMessage() for record in caplog.records if record.name == "bot.bookkeeping"]
    assert said == ["Runware does not say what it has taken, so whole days cannot be compared with ours"]
    assert office.metrics.balance._value.get() == 5_000_000
    assert await office.database.read(sums.statements, 9) == []


async def _everything_raised(tx: Tx) -> int:
    return len(await tx.fetch_all("SELECT id FROM alerts"))
