"""``/usage``: what owners see of the spending is what the ledger says, whoever and whatever is gone meanwhile."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.quota import dollars
from cogs import usage as usage_cog
from playground.world import World, open_world
from storage import jobs, ledger
from storage.database import Tx
from storage.records import MICROS_PER_DOLLAR, Asker, Measure, Scope, Status
from storage.windows import Window

BY = ("day", "member", "role", "channel", "option")


class Reports:
    """Asks for reports in a world, and reads them."""

    def __init__(self, world: World, visit: Any) -> None:
        self._world = world
        self._visit = visit

    async def ask(self, by: str | None = None, days: int | None = None) -> InteractionResult:
        options: dict[str, Any] = {"by": by, "days": days}
        given = {name: value for name, value in options.items() if value is not None}
        return await self._world.cleo.slash(self._world.channel, "usage", **given)

    async def words(self, by: str | None = None, days: int | None = None) -> str:
        return self._visit.words((await self.ask(by, days)).response)

    async def table(self, by: str, days: int | None = None) -> list[dict[str, str]]:
        answer = await self.ask(by, days)
        assert answer.response is not None
        chart, table = answer.response.attachments
        assert (chart.filename, table.filename) == ("usage.png", f"usage-by-{by}-{days or 30}-days.csv")
        return list(csv.DictReader(io.StringIO((await table.read()).decode("utf-8-sig"), newline="")))


@pytest.fixture
def reports_of(visit_of: Any) -> Callable[[World], Reports]:
    return lambda world: Reports(world, visit_of(world))


def micros(row: dict[str, str], column: str = "spent_usd") -> int:
    whole, _, rest = row[column].partition(".")
    return int(whole) * MICROS_PER_DOLLAR + int(rest)


def spending(table: list[dict[str, str]], column: str) -> dict[str, int]:
    return {row[column].removeprefix("'"): micros(row) for row in table}


async def test_the_card_the_csv_and_the_ledger_agree(books_of: Any, visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        visit, books, reports = visit_of(world), books_of(world), reports_of(world)
        studio = world.guild.create_text_channel("studio")
        await world.env.settle()
        shown = await visit.edit(size="256x256")
        await visit.edit(world.bo, studio, size="512x512", results=2)
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        world.runware.faults.fail = "providerError"
        await visit.edit(world.bo)

        asked = await books.jobs()
        assert [job.status for job in asked] == [*[Status.SUCCEEDED] * 3, Status.FAILED]
        people: defaultdict[str, int] = defaultdict(int)
        places: defaultdict[str, int] = defaultdict(int)
        for job in asked:
            cost = sum(line.spent for line in await books.entries(job.id))
            people[str(job.user_id)] += cost
            places[str(job.place.channel_id)] += cost
        whole = sum(people.values())

        by_member = await reports.table("member")
        assert spending(by_member, "member_id") == people
        assert {row["name"]: row["failed"] for row in by_member} == {"Bo": "1", "Ana": "0"}
        assert spending(await reports.table("channel"), "channel_id") == places
        assert spending(await reports.table("role"), "role_id") == {"none": whole}
        by_option = spending(await reports.table("option"), "option")
        assert by_option["2 results"] == asked[1].cost
        assert by_option["256 × 256"] == (asked[0].cost or 0) + (asked[2].cost or 0)
        by_day = await reports.table("day", days=7)
        assert [micros(row) for row in by_day] == [*[0] * 6, whole]

        text = await reports.words("member")
        assert f"### {dollars(whole)} spent in 30 days\n3 edits · 4 pictures\n" in text
        first, second = sorted(people, key=lambda user_id: -people[user_id])
        assert f"1. **{dollars(people[first])}** · <@{first}> · " in text
        assert f"2. **{dollars(people[second])}** · <@{second}> · " in text
        assert "**Failures:** 1 edit came to nothing, and cost nothing." in text
        assert f"{dollars(sum(job.estimate for job in asked[:3]))} expected" in text
        await books.check()


@pytest.mark.parametrize("by", BY)
async def test_a_report_is_for_the_asker_alone_and_its_chart_is_told_in_words(
    by: str, visit_of: Any, reports_of: Any
) -> None:
    async with open_world() as world:
        visit, reports = visit_of(world), reports_of(world)
        await visit.edit()
        seen = len(visit.everything())
        answer = await reports.ask(by)
        assert answer.ephemeral
        assert len(visit.everything()) == seen
        (alt,) = visit.gallery(answer.response)
        assert alt.startswith(f"A bar chart of what was spent by {by}, ")
        assert visit.files(answer.response)["usage.png"] == alt


async def test_what_is_under_way_is_held_and_not_spent(books_of: Any, visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        world.runware.pause()
        await visit_of(world).ask()
        (job,) = await books_of(world).jobs()
        text = await reports_of(world).words()
        assert text.startswith("### Nothing was spent in 30 days")
        assert f"**Held now:** {dollars(job.hold)} for 1 edit under way." in text
        world.runware.resume()
        await world.idle()


@pytest.mark.parametrize("by", BY)
async def test_a_server_that_spent_nothing_is_told_so_without_chart_and_file(
    by: str, visit_of: Any, reports_of: Any
) -> None:
    async with open_world() as world:
        answer = await reports_of(world).ask(by, days=365)
        assert answer.response is not None
        assert answer.response.attachments == []
        assert visit_of(world).words(answer.response).startswith("### Nothing was spent in 365 days")


async def test_only_those_who_manage_the_budget_see_the_spending(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        await visit.edit()
        keepers = world.guild.create_role("Keepers")
        dora = world.guild.add_member(world.env.create_user("dora", global_name="Dora"), roles=[keepers])
        await world.env.settle()

        async def asked(member: MemberActor) -> str:
            answer = await member.slash(world.channel, "usage")
            assert answer.response is not None
            assert answer.response.ephemeral
            return visit.words(answer.response)

        for member in (world.ana, dora):
            assert (await asked(member)).startswith("Only those who manage this server can do this")
        await world.program.services.budgets.change(manager(world), manager_role_id=keepers.id)
        assert "spent in 30 days" in await asked(dora)
        assert (await asked(world.ana)).startswith("Only those who manage this server can do this")


async def test_a_role_and_a_channel_that_were_deleted_are_named_as_such(visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        visit, reports, budgets = visit_of(world), reports_of(world), world.program.services.budgets
        studio = world.guild.create_text_channel("studio")
        painters = world.guild.create_role("Painters")
        dora = world.guild.add_member(world.env.create_user("dora", global_name="Dora"), roles=[painters])
        await world.env.settle()
        await budgets.allow(manager(world), Scope.ROLE, painters.id, Measure.EDITS, 10, Window.daily())
        await visit.edit(dora, studio)
        assert f"** · <@&{painters.id}> · " in await reports.words("role")
        assert f"** · <#{studio.id}> · " in await reports.words("channel")
        world.env.backend.delete_role(world.guild.id, painters.id)
        world.env.backend.delete_channel(studio.id)
        await world.env.settle()
        assert "** · a role that was deleted · " in await reports.words("role")
        assert "** · a channel that was deleted · " in await reports.words("channel")
        assert spending(await reports.table("role"), "role_id").keys() == {str(painters.id)}


async def test_a_member_who_left_stays_in_the_report(visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        visit, reports = visit_of(world), reports_of(world)
        await visit.edit(world.bo)
        world.env.backend.remove_member(world.guild.id, world.bo.id)
        await world.env.settle()
        assert f"** · a member who left (…{str(world.bo.id)[-4:]}) · " in await reports.words("member")
        (row,) = await reports.table("member")
        assert row["member_id"] == f"'{world.bo.id}"
        assert row["name"] == f"member …{str(world.bo.id)[-4:]}"


async def test_a_report_goes_out_when_discord_tells_no_names(visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        visit, reports = visit_of(world), reports_of(world)
        await visit.edit()
        path = f"/guilds/{world.guild.id}/members/{world.ana.id}"
        world.env.inject_error("GET", path, status=403, code=50001)
        assert f"** · <@{world.ana.id}> · " in await reports.words("member")


async def test_a_cost_that_came_late_is_the_servers(books_of: Any, visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        visit, books, reports = visit_of(world), books_of(world), reports_of(world)
        await visit.edit()
        (job,) = await books.jobs()
        await world.program.database.run(_adjust, job.id, 1_234, world.program.services.clock())
        table = await reports.table("member")
        assert spending(table, "member_id") == {str(world.ana.id): job.cost, "server": 1_234}
        text = await reports.words("member")
        assert "2. **$0.0013** · this server, for what came late · 0\N{NO-BREAK SPACE}edits" in text
        assert "**Late:** $0.0013 came" in text


async def _adjust(tx: Tx, job_id: int, amount: int, now: int) -> None:
    await ledger.adjust(tx, await jobs.known(tx, job_id), amount, now)


async def test_days_are_those_of_the_servers_time_zone(visit_of: Any, reports_of: Any) -> None:
    async with open_world() as world:
        # Of these two, which are a day apart and an hour more, one has another date than UTC at any time.
        for zone, hours in (("Pacific/Kiritimati", 14), ("Etc/GMT+11", -11)):
            await world.program.services.budgets.change(manager(world), time_zone=zone)
            here = datetime.now(UTC) + timedelta(hours=hours)
            text = await reports_of(world).words(days=1)
            assert f"-# {here:%b} {here.day}, {here.year}, days in {zone}" in text


async def test_reports_do_not_pile_up(reports_of: Any, all_taken: Any) -> None:
    async with open_world() as world:
        reports = reports_of(world)
        cog = world.bot.get_cog("Usage")
        assert isinstance(cog, usage_cog.UsageCog)
        with all_taken(cog._turns, usage_cog._MOST):
            assert (await reports.words()).startswith("Several reports are being made right now.")
        for _ in range(usage_cog._MOST + 1):
            assert (await reports.words()).startswith("### Nothing was spent")


def manager(world: World) -> Asker:
    return Asker(world.guild.id, world.cleo.id)
