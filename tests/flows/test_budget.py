"""``/budget``: what managers see and change, and that nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.budgets import MAX_ALLOWANCES
from playground.world import World, open_world
from storage.records import Allowance, Asker, Measure, Scope
from storage.windows import Span, Window

DAY = Window.daily()
FILLED = {"measure": ["money"], "window": ["calendar-day"], "amount": "0.50", "ceiling": ""}


class Desk:
    """A manager's place: the budget card, and what stands in it."""

    def __init__(self, world: World, words: Callable[[Any], str]) -> None:
        self._world = world
        self._words = words
        self._actor = world.cleo
        self.card: Any = None

    async def open(self) -> str:
        """Show the card; return what it says."""
        self.card = (await self._actor.slash(self._world.channel, "budget show")).response
        return self.said()

    def said(self) -> str:
        """Return what the card says now."""
        return self._words(self.card)

    async def form(self, whose: str) -> Any:
        """Open the form of a limit."""
        return await self._actor.select(self.card, [whose], custom_id="limit-for:1")

    async def set(self, whose: str, who: Any = None, **changes: Any) -> str:
        """Set a limit; return what the answer says."""
        values = {**FILLED, **changes} | ({} if who is None else {"who": [who]})
        return self._words((await self._actor.submit_modal(await self.form(whose), values)).response)

    async def limits(self) -> list[Allowance]:
        """Return the limits that are in force."""
        budget = await self._world.program.services.budgets.budget(self._world.guild.id)
        return [limit.allowance for limit in budget.limits]


@pytest.fixture
def desk_of(visit_of: Any) -> Callable[[World], Desk]:
    return lambda world: Desk(world, visit_of(world).words)


# Who may -------------------------------------------------------------------------------------------------------------


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("budget show", {}),
    ("budget log", {}),
    ("budget pause", {"reason": "a break"}),
    ("budget resume", {}),
    ("budget grant", {"amount": "5"}),
    ("settings", {}),
]


async def test_a_member_is_refused_everything_and_nobody_else_sees_it(visit_of: Any) -> None:
    async with open_world() as world:
        for name, options in COMMANDS:
            answer = await world.ana.slash(world.channel, name, **options)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert "Only those who manage this server can do this" in visit_of(world).words(answer.response)


async def test_the_chosen_role_may_until_it_is_deleted(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        role = world.guild.create_role("Treasurers")
        await world.env.settle()
        world.env.backend.add_member_role(world.guild.id, world.ana.id, role.id)
        refused = await world.ana.slash(world.channel, "budget show")
        assert "it takes **Manage Server**." in words(refused.response)
        await world.program.services.budgets.change(_manager(world), manager_role_id=role.id)
        shown = await world.ana.slash(world.channel, "budget show")
        assert shown.response is not None
        assert "### Budget of this server" in words(shown.response)
        form = await world.ana.select(shown.response, ["everybody"], custom_id="limit-for:1")
        world.env.backend.delete_role(world.guild.id, role.id)
        await world.env.settle()
        late = await world.ana.submit_modal(form, FILLED)
        assert "Only those who manage this server can do this" in words(late.response)
        again = await world.ana.click(shown.response, label="Log")
        assert "Only those who manage" in words(again.response)


def _manager(world: World) -> Asker:
    return Asker(world.guild.id, world.cleo.id)


# Limits --------------------------------------------------------------------------------------------------------------


async def test_a_limit_is_set_for_each_kind_of_holder_and_the_card_says_so(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        role = world.guild.create_role("Regulars")
        await world.env.settle()
        before = await desk.open()
        assert "**Set by whoever runs me**" in before
        assert "Taken" not in before
        said = await desk.set("member", world.bo, ceiling="0.20")
        assert f"✅ Set for {world.bo.mention}: $0.50 a day, at most $0.20 an edit." in said
        assert f"**Members**\n- {world.bo.mention}: $0.50 a day, at most $0.20 an edit" in desk.said()
        await desk.set("role", role, measure=["pictures"], amount="20", window=["rolling-week"])
        await desk.set("everybody", amount="0")
        await desk.set("channel", world.channel, measure=["edits"], amount="7", window=["rolling-hour"])
        said = await desk.set("server", amount="9", window=["calendar-month"])
        assert "✅ Set for this server: $9.00 a month." in said
        assert "**This server**\n**$9.00 left** of $9.00 a month\n⬜" in said
        assert f"- {world.channel.mention}: 7 edits in any 60 minutes" in said
        assert f"- everybody: no edits\n- {role.mention}: 20 pictures in any 7 days" in said
        assert [(each.scope, each.measure, each.amount, each.window, each.ceiling) for each in await desk.limits()] == [
            (Scope.MEMBER, Measure.MONEY, 500_000, DAY, 200_000),
            (Scope.ROLE, Measure.PICTURES, 20, Window(Span.WEEK, rolling=True), None),
            (Scope.ROLE, Measure.MONEY, 0, DAY, None),
            (Scope.CHANNEL, Measure.EDITS, 7, Window(Span.HOUR, rolling=True), None),
            (Scope.SERVER, Measure.MONEY, 9_000_000, Window(Span.MONTH), None),
        ]


async def test_a_limit_that_was_set_binds_and_setting_it_again_replaces_it(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk, visit = desk_of(world), visit_of(world)
        await desk.open()
        await desk.set("member", world.ana, amount="0")
        assert "your own limits allow no edits" in visit.words((await visit.ask()).response).lower()
        await desk.set("member", world.ana, amount="2")
        await visit.edit()
        assert [limit.amount for limit in await desk.limits()] == [2_000_000]


async def test_a_limit_is_taken_away_from_the_menu(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        await desk.set("member", world.bo)
        await desk.set("everybody")
        limits = await desk.limits()
        await world.cleo.select(desk.card, [str(limits[0].id)], custom_id="limit-off:1")
        assert f"✅ Taken away from {world.bo.mention}: $0.50 a day." in desk.said()
        assert [limit.scope for limit in await desk.limits()] == [Scope.ROLE]


async def test_of_two_managers_who_take_the_same_limit_away_the_second_is_told_and_sees_what_is(
    desk_of: Any,
) -> None:
    async with open_world() as world:
        first, second = desk_of(world), desk_of(world)
        await first.open()
        await first.set("everybody")
        await second.open()
        [limit] = await first.limits()
        await world.cleo.select(first.card, [str(limit.id)], custom_id="limit-off:1")
        await world.cleo.select(second.card, [str(limit.id)], custom_id="limit-off:1")
        assert "That limit is gone already." in second.said()
        assert "everybody: $0.50 a day" not in second.said()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "-1"}, "`How much?` should be an amount in dollars such as `0.50`, not “-1”."),
        ({"amount": "lots"}, "not “lots”"),
        ({"amount": "999999999"}, "$100,000 is the most it can be."),
        ({"amount": "0.5", "measure": ["edits"]}, "`How much?` should be a whole number"),
        ({"ceiling": "0"}, "`At most for one edit` has to be more than 0"),
        ({"ceiling": "much"}, "`At most for one edit` should be an amount"),
        ({"ceiling": "0.60"}, "The bound on one edit is above the whole limit"),
        ({"measure": ["edits"], "amount": "5", "ceiling": "1"}, "takes no bound on a single one"),
    ],
)
async def test_bad_input_changes_nothing_and_is_said_back(desk_of: Any, changes: dict[str, Any], said: str) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        before = await desk.open()
        answer = await desk.set("member", world.bo, **changes)
        assert said in answer
        assert f"Nothing was changed. You sent: {world.bo.mention} · " in answer
        assert desk.said() == before
        assert await desk.limits() == []


async def test_a_role_or_channel_that_was_deleted_while_its_form_was_open_gets_no_limit(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        role, channel = world.guild.create_role("Regulars"), world.guild.create_text_channel("studio")
        await world.env.settle()
        await desk.open()
        forms = [await desk.form("role"), await desk.form("channel")]
        world.env.backend.delete_role(world.guild.id, role.id)
        await world.env.settle()
        late = await world.cleo.submit_modal(forms[0], {**FILLED, "who": [role]})
        assert "The role you chose was deleted meanwhile: choose another." in _text(late)
        # SimCord's members cannot choose a channel that is not there, so only the bot is told that it is gone.
        gone = {"id": str(channel.id), "guild_id": str(world.guild.id), "type": 0}
        world.env.backend.emit("CHANNEL_DELETE", gone)
        await world.env.settle()
        late = await world.cleo.submit_modal(forms[1], {**FILLED, "who": [channel]})
        assert "The channel you chose was deleted meanwhile: choose another." in _text(late)
        assert await desk.limits() == []


def _text(answer: Any) -> str:
    return str(answer.response.components)


async def test_somebody_who_is_not_a_member_gets_no_limit(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        stranger = world.env.create_user("dora")
        assert "is not in this server: choose somebody who is." in await desk.set("member", stranger)
        assert await desk.limits() == []


async def test_what_was_deleted_and_who_left_is_named_as_such_and_can_be_taken_away(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        role, channel = world.guild.create_role("Regulars"), world.guild.create_text_channel("studio")
        await world.env.settle()
        await desk.open()
        for whose, who in (("role", role), ("channel", channel), ("member", world.bo)):
            await desk.set(whose, who)
        world.env.backend.delete_role(world.guild.id, role.id)
        world.env.backend.delete_channel(channel.id)
        world.guild.remove_member(world.bo)
        await world.env.settle()
        said = await desk.open()
        for gone in ("a role that was deleted", "a channel that was deleted", "a member who left"):
            assert f"- {gone}: $0.50 a day" in said
        for limit in await desk.limits():
            await world.cleo.select(desk.card, [str(limit.id)], custom_id="limit-off:1")
            assert "✅ Taken away from" in desk.said()
        assert await desk.limits() == []


async def test_a_hundred_limits_are_turned_page_by_page_and_one_more_is_refused(desk_of: Any) -> None:
    async with open_world() as world:
        budgets, desk = world.program.services.budgets, desk_of(world)
        for number in range(MAX_ALLOWANCES):
            await budgets.allow(
                _manager(world), Scope.MEMBER, 2**62 + number, Measure.PICTURES, 1_000_000, DAY, 900_000
            )
        said = await desk.open()
        assert "Page 1 of 10" in said
        await world.cleo.click(desk.card, label="More")
        assert "Page 2 of 10" in desk.said()
        await world.cleo.click(desk.card, label="Back")
        assert "Page 1 of 10" in desk.said()
        assert "This server has 100 limits already: take one away first." in await desk.set("everybody")
        assert len(await desk.limits()) == MAX_ALLOWANCES


async def test_the_card_and_its_forms_outlive_a_restart(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        form = await desk.form("everybody")
        await world.restart()
        await world.cleo.submit_modal(form, FILLED)
        assert "✅ Set for everybody: $0.50 a day." in desk.said()
        await world.restart(crash=True)
        [limit] = await desk.limits()
        await world.cleo.select(desk.card, [str(limit.id)], custom_id="limit-off:1")
        assert "✅ Taken away from everybody" in desk.said()
        await world.cleo.submit_modal(await world.cleo.click(desk.card, label="Pause"), {"reason": "a break"})
        await world.restart()
        await world.cleo.select(desk.card, ["0"], custom_id="resume:1")
        assert "✅ Edits go on in this server." in desk.said()
        log = await world.cleo.click(desk.card, label="Log")
        assert "limit of" in _text(log)


# Bonuses -------------------------------------------------------------------------------------------------------------


async def test_a_bonus_from_the_form_shows_and_is_spent_and_can_be_ended(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        form = await world.cleo.click(desk.card, label="Bonus")
        await world.cleo.submit_modal(form, {"who": [world.ana], "amount": "5", "days": "7"})
        assert f"✅ A bonus for {world.ana.mention}: $5.00." in desk.said()
        assert f"- 🎁 {world.ana.mention}: $5.00 left of $5.00, ends <t:" in desk.said()
        await visit_of(world).edit()
        assert f"- 🎁 {world.ana.mention}: $4.9" in await desk.open()
        await world.cleo.select(desk.card, ["1"], custom_id="bonus-end:1")
        assert "✅ Ended a bonus of $5.00." in desk.said()
        assert "Bonuses" not in desk.said()


async def test_of_two_managers_who_end_the_same_bonus_the_second_is_told(desk_of: Any) -> None:
    async with open_world() as world:
        desk, other = desk_of(world), desk_of(world)
        await world.cleo.slash(world.channel, "budget grant", amount="5", member=world.ana)
        await desk.open()
        await other.open()
        await world.cleo.select(desk.card, ["1"], custom_id="bonus-end:1")
        await world.cleo.select(other.card, ["1"], custom_id="bonus-end:1")
        assert "That bonus has ended already." in other.said()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "0"}, "`How much?` has to be more than 0"),
        ({"amount": "five"}, "`How much?` should be an amount"),
        ({"days": "soon"}, "`For how many days?` should be a whole number"),
        ({"days": "0"}, "`For how many days?` has to be more than 0"),
        ({"days": "367"}, "a bonus lasts for 1 to 366 days"),
    ],
)
async def test_a_bonus_that_cannot_be_is_refused_and_said_back(
    desk_of: Any, changes: dict[str, Any], said: str
) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        before = await desk.open()
        form = await world.cleo.click(desk.card, label="Bonus")
        answer = await world.cleo.submit_modal(form, {"who": [world.ana], "amount": "5", "days": "7", **changes})
        assert said in _text(answer)
        assert f"You sent: {world.ana.mention} · " in _text(answer)
        assert await desk.open() == before


async def test_a_bonus_by_command_goes_to_a_member_a_role_or_a_thread(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        role = world.guild.create_role("Regulars")
        await world.env.settle()
        for whom in ({"member": world.ana}, {"role": role}, {"thread": world.thread, "days": 3}):
            answer = await world.cleo.slash(world.channel, "budget grant", amount="2.5", **whom)
            assert answer.response is not None
            assert answer.response.ephemeral
        said = await desk.open()
        assert f"- 🎁 {world.ana.mention}: $2.50 left of $2.50" in said
        assert f"- 🎁 {role.mention}: $2.50 each, $0.00 used in all" in said
        assert f"- 🫙 {world.thread.mention}: $2.50 left of $2.50, ends <t:" in said


async def test_a_bonus_by_command_is_for_exactly_one_who_is_there(visit_of: Any) -> None:
    async with open_world() as world:
        words, stranger = visit_of(world).words, world.env.create_user("dora")
        for options, said in (
            ({}, "name either a `member`, or a `role`, or a `thread`"),
            ({"member": world.ana, "thread": world.thread}, "A bonus is for one"),
            ({"member": stranger}, "is not in this server: choose somebody who is"),
            ({"member": world.ana, "amount": "much"}, "`amount` should be an amount in dollars"),
            ({"member": world.ana, "amount": "0"}, "`amount` has to be more than 0"),
            ({"member": world.ana, "days": 0}, "a bonus lasts for 1 to 366 days"),
        ):
            answer = await world.cleo.slash(world.channel, "budget grant", **{"amount": "5", **options})
            assert said in words(answer.response)
        assert (await world.program.services.budgets.budget(world.guild.id)).grants == ()


# Pauses --------------------------------------------------------------------------------------------------------------


async def test_a_pause_of_the_server_stops_edits_with_its_reason_until_it_is_ended(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk, visit = desk_of(world), visit_of(world)
        await desk.open()
        form = await world.cleo.click(desk.card, label="Pause")
        await world.cleo.submit_modal(form, {"reason": "the month is *over*"})
        assert "✅ Edits stop in this server. What runs already is finished." in desk.said()
        assert "⏸️ Paused in this server: the month is \\*over\\*" in desk.said()
        assert "the month is" in visit.words((await visit.ask()).response)
        await world.cleo.select(desk.card, ["0"], custom_id="resume:1")
        assert "✅ Edits go on in this server." in desk.said()
        assert "⏸️" not in desk.said()
        await visit.edit()


async def test_a_channel_is_paused_by_its_thread_too_and_the_rest_goes_on(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk, visit = desk_of(world), visit_of(world)
        other = world.guild.create_text_channel("studio")
        await world.env.settle()
        paused = await world.cleo.slash(world.thread, "budget pause", reason="paint dries", channel=world.thread)
        assert f"✅ Edits stop in {world.channel.mention}." in visit.words(paused.response)
        assert "paint dries" in visit.words((await visit.ask()).response)
        assert "paint dries" in visit.words((await visit.ask(channel=world.thread)).response)
        await visit.edit(channel=other)
        assert f"⏸️ Paused in {world.channel.mention}: paint dries" in await desk.open()
        resumed = await world.cleo.slash(world.channel, "budget resume", channel=world.channel)
        assert f"✅ Edits go on in {world.channel.mention}." in visit.words(resumed.response)


async def test_the_form_pauses_a_channel_that_is_chosen(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        form = await world.cleo.click(desk.card, label="Pause")
        await world.cleo.submit_modal(form, {"reason": "paint dries", "who": [world.channel]})
        assert f"⏸️ Paused in {world.channel.mention}: paint dries" in desk.said()


async def test_a_pause_without_a_reason_and_the_end_of_none_are_refused(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk, words = desk_of(world), visit_of(world).words
        await desk.open()
        form = await world.cleo.click(desk.card, label="Pause")
        assert "`reason` takes 1 to 200 characters" in _text(await world.cleo.submit_modal(form, {"reason": "  "}))
        long = await world.cleo.slash(world.channel, "budget pause", reason="x" * 201)
        assert "`reason` takes 1 to 200 characters" in words(long.response)
        none = await world.cleo.slash(world.channel, "budget resume")
        assert "Nothing is paused in this server." in words(none.response)
        assert (await world.program.services.budgets.budget(world.guild.id)).pauses == ()


# The log -------------------------------------------------------------------------------------------------------------


async def test_the_log_tells_every_change_newest_first(desk_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        await desk.set("everybody")
        await desk.set("everybody", amount="1")
        await world.cleo.slash(world.channel, "budget pause", reason="a break")
        answer = await world.cleo.slash(world.channel, "budget log")
        assert answer.response is not None
        assert answer.response.ephemeral
        said = visit_of(world).words(answer.response)
        changes = [line for line in said.split("\n") if "→" in line]
        assert changes == [
            "- pause in this server: – → a break",
            "- limit of everybody: $0.50 a day → $1.00 a day",
            "- limit of everybody: – → $0.50 a day",
        ]
        assert said.count(world.cleo.mention) == 3


async def test_nobody_is_rung_by_any_of_it(desk_of: Any) -> None:
    async with open_world() as world:
        desk = desk_of(world)
        await desk.open()
        await desk.set("member", world.bo)
        bodies = [request.json for request in world.env.http_requests if isinstance(request.json, dict)]
        said = [body["data"] for body in bodies if "flags" in (body.get("data") or {})]
        assert len(said) >= 2
        assert all(data["allowed_mentions"] == {"parse": []} for data in said)
