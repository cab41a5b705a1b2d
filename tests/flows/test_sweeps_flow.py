"""Sweeps: one question, a job for each cell, one contact sheet; a refused or failed cell leaves the others standing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from bot.bookkeeping import Bookkeeper
from bot.contact_sheet import Fate
from bot.errors import NotFound, TooLate
from bot.metrics import Metrics
from bot.quota import dollars
from bot.signals import Signals
from cogs import _sweep_cards as cards
from cogs import sheets
from playground.world import World, open_world
from storage import house, sweeps
from storage.database import DatabaseClosed, Tx
from storage.records import Asker, Bound, Measure, Scope, Status
from storage.windows import DAY, Window

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
YES, NO, CANCEL = "Yes, make them", "No, thanks", "Cancel the rest"


class Trial:
    """Sweeps in a world, as its members ask for them and see them."""

    def __init__(self, world: World, visit: Any, books: Any) -> None:
        self.world, self.visit, self.books = world, visit, books

    async def ask(self, member: MemberActor | None = None, channel: Any = None, **options: Any) -> InteractionResult:
        """Ask for a sweep over steps and CFG, unless told otherwise; by Ana, in the channel."""
        asked: dict[str, Any] = {
            "prompt": "make it night",
            "x": "steps",
            "x_values": "10, 20",
            "y": "cfg",
            "y_values": "2, 4",
        }
        if "from" not in options:
            asked["image"] = ("cat.png", self.world.photos["chelsea.png"])
        asked = {name: value for name, value in {**asked, **options}.items() if value is not None}
        return await (member or self.world.ana).slash(channel or self.world.channel, "sweep", **asked)

    async def refused(self, press: Awaitable[InteractionResult]) -> str:
        """Return what a press is answered with, to the presser alone."""
        pressed = await press
        [answer] = pressed.followups or [pressed.response]
        assert answer is not None
        assert answer.ephemeral
        return self.visit.words(answer)

    async def make(self, **options: Any) -> discord.Message:
        """Ask for a sweep, say yes, wait for its end, and return its card."""
        asked = await self.ask(**options)
        assert asked.response is not None
        await self.world.ana.click(asked.response, label=YES)
        await self.world.idle()
        return self.card(asked.response)

    def card(self, asked: Any) -> discord.Message:
        """Return a message as it is now."""
        return next(message for message in self.visit.everything() if message.id == asked.id)

    def words(self, asked: Any) -> str:
        return self.visit.words(self.card(asked))

    async def sheet(self, card: discord.Message) -> bytes:
        """Return the contact sheet that a card shows."""
        return await next(file for file in card.attachments if file.filename == cards.SHEET).read()

    def news(self) -> list[str]:
        """Return what threads were told of sweeps that are over."""
        said = [self.visit.words(message) for message in self.visit.everything() if message.author.bot]
        return [words for words in said if "your sweep is done" in words]

    def changes(self, card: discord.Message) -> int:
        """Return how often a message was changed."""
        path = f"/channels/{card.channel.id}/messages/{card.id}"
        return sum((sent.method, sent.path) == ("PATCH", path) for sent in self.world.env.http_requests)

    async def seen(self, holds: Callable[[], bool]) -> None:
        """Wait until something is seen."""
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.01)


@pytest.fixture
def trial_of(visit_of: Any, books_of: Any) -> Callable[[World], Trial]:
    return lambda world: Trial(world, visit_of(world), books_of(world))


def manager(world: World) -> Asker:
    return Asker(world.guild.id, world.cleo.id)


# From the question to the sheet --------------------------------------------------------------------------------------


async def test_a_sweep_over_two_axes_is_asked_about_and_becomes_one_sheet_with_its_pictures_behind_it(
    trial_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()
        words = trial.visit.words(asked.response)
        assert "this sweep makes **4 pictures**, one a cell, for about **$0.0" in words
        assert "in all, going by Runware's published examples. Shall I make them?" in words
        assert "**Steps:** 10, 20\n**CFG:** 2, 4" in words
        assert "in all of them · up to $0.0" in words
        assert trial.visit.labels(asked.response) == [YES, NO]
        assert await trial.books.jobs() == []
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        card = trial.card(asked.response)
        assert "### ✅ Sweep done: 4 of 4 pictures" in trial.visit.words(card)
        assert list(trial.visit.files(card)) == ["reference-1.jpg", cards.SHEET]
        alt = trial.visit.files(card)[cards.SHEET]
        assert alt == trial.visit.gallery(card)[0]
        jobs = await trial.books.jobs()
        numbers = {(job.request.steps, job.request.cfg): await _result_id(world, job.id) for job in jobs}
        for (steps, cfg), number in numbers.items():
            assert f"steps {steps} #{number}" in (alt or "").partition(f" CFG {cfg:g}: ")[2].partition(";")[0]
        assert trial.visit.labels(card) == []
        assert f"**{dollars(sum(job.cost or 0 for job in jobs))}** in all" in trial.visit.words(card)
        [thread] = trial.visit.threads()
        assert thread.name == "make it night"
        shown = [message for message in thread.history() if trial.visit.ids(message)]
        assert len(shown) == 4
        noted = sorted(trial.visit.words(message).partition("-# Cell ")[2].split("\n")[0] for message in shown)
        assert [note.partition(" of a [sweep]")[0] for note in noted] == [f"{number} of 4" for number in (1, 2, 3, 4)]
        assert noted[1].endswith("steps 20 · CFG 2")
        assert len(trial.news()) == 1
        assert len(thread.history()) == 5, "no cell has a status of its own"
        await trial.books.check()


async def _result_id(world: World, job_id: int) -> int:
    [result] = await world.program.edits.results(job_id)
    return result.id


async def test_the_requests_of_the_cells_differ_in_nothing_but_their_axes(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await trial_of(world).make(negative="fog", true_cfg=3.5, size="512x512")
        tasks = [dict(task) for task in world.runware.requests]
        assert sorted((task.pop("steps"), task.pop("CFGScale")) for task in tasks) == [
            (10, 2.0),
            (10, 4.0),
            (20, 2.0),
            (20, 4.0),
        ]
        own = [(task.pop("taskUUID"), task.pop("webhookURL")) for task in tasks]
        assert len(set(own)) == 4
        assert all(task == tasks[0] for task in tasks)
        assert tasks[0]["negativePrompt"] == "fog"


async def test_seeds_can_be_drawn_and_schedulers_are_offered_one_after_the_other(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        offered = await world.ana.autocomplete(
            world.channel, "sweep", "x_values", "Euler, unipc k", x="scheduler", prompt="p"
        )
        assert offered[0]["value"] == "Euler, UniPC Karras"
        assert await world.ana.autocomplete(world.channel, "sweep", "x_values", "2", x="steps", prompt="p") == []
        await trial.make(x="seed", x_values="7, 2 random", y="scheduler", y_values=offered[0]["value"])
        sent = [(task["scheduler"], task["seed"]) for task in world.runware.requests]
        seeds = list(dict.fromkeys(seed for _, seed in sent))
        assert (len(seeds), seeds[0]) == (3, 7)
        assert sorted(sent) == sorted((name, seed) for name in ("Euler", "UniPC Karras") for seed in seeds)


async def test_a_sweep_of_an_earlier_result_goes_on_from_it_inside_its_thread(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.visit.edit()
        [thread] = trial.visit.threads()
        card = await trial.make(channel=thread, **{"from": "#1"}, x_values="10, 20", y=None, y_values=None)
        assert card.channel.id == thread.id
        assert "✅ Sweep done: 2 of 2 pictures" in trial.visit.words(card)
        assert [thread.id for thread in trial.visit.threads()] == [thread.id]
        jobs = (await trial.books.jobs())[1:]
        assert {job.request.parent_id for job in jobs} == {1}
        assert {job.session_id for job in await trial.books.jobs()} == {jobs[0].session_id}
        family = await world.program.services.lineage.family(1)
        assert len(family.children) == 2
        assert len(trial.news()) == 1
        await trial.books.check()


async def test_the_menu_of_the_sheet_leads_to_each_picture(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        card = await trial.make(x_values="10, 20", y=None, y_values=None)
        assert [label.partition(" · ")[2] for label in trial.visit.menus(card)[0]] == ["steps 10", "steps 20"]
        chosen = trial.visit.menus(card)[0][1].partition(" ")[0].removeprefix("#")
        look = await world.bo.select(card, [chosen])
        assert look.response is not None
        assert look.response.ephemeral
        assert "of a [sweep](" in trial.visit.words(look.response)
        assert "Tree" in trial.visit.labels(look.response)


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"x_values": "10, many"}, "`many` is not one of that kind"),
        ({"y": "steps"}, "choose another second axis"),
        ({"y_values": None}, "`y_values` is missing"),
        ({"y": None}, "`y_values` needs `y`"),
        ({"x_values": "1..5", "y_values": "1..5"}, "5 times 5 are 25"),
        ({"steps": 30}, "`steps` is an axis of this sweep"),
        ({"x_values": "60, 70", "y": None, "y_values": None}, "None of the 2 cells can be made: `steps`"),
        ({"x": "lora_weight"}, "`loras` is missing"),
        ({"size": "7x7"}, "`size`"),
        ({"image": None}, "There is no picture to edit"),
    ],
)
async def test_what_cannot_be_a_sweep_is_refused_to_its_asker_alone(
    trial_of: Any, options: dict[str, Any], says: str
) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        answer = await trial.ask(**options)
        assert answer.response is not None
        assert answer.response.ephemeral
        assert says in trial.visit.words(answer.response)


async def test_a_refused_cell_is_named_in_the_question_and_blank_on_the_sheet(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask(x_values="10, 60", y_values="4")
        words = trial.visit.words(asked.response)
        assert "this sweep makes **1 picture** for about **$0.0" in words
        assert "**, going by Runware's published examples. Shall I make it?" in words
        assert "in all" not in words
        assert "⚠️ **steps 60 · CFG 4**: `steps` is a whole number from 1 to 50, and 60 was given." in words
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        assert "Sweep done: 1 of 2 pictures" in trial.words(asked.response)
        assert "1 refused." in trial.words(asked.response)
        assert "CFG 4: steps 10 #1, steps 60 refused." in (
            trial.visit.files(trial.card(asked.response))[cards.SHEET] or ""
        )
        assert len(world.runware.requests) == 1
        await trial.books.check()


async def test_a_bound_that_the_server_set_meanwhile_refuses_its_cells_and_no_others(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()

        await world.program.database.run(house.put_bound, world.guild.id, "steps", Bound(None, 15))
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        assert "Sweep done: 2 of 4 pictures" in trial.words(asked.response)
        assert "`steps` goes up to 15 in this server, and 20 was given." in trial.words(asked.response)
        assert {job.request.steps for job in await trial.books.jobs()} == {10}


async def test_a_default_that_no_cell_goes_with_is_named_as_the_servers_and_an_axis_is_not(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await world.program.database.run(house.put_default, world.guild.id, "cache_end", 25)
        await world.program.database.run(house.put_default, world.guild.id, "steps", 30)
        said = await trial.refused(trial.ask())
        assert "25 was given. You left `cache_end` out, and this server's default stands for it" in said
        assert "You left" not in await trial.refused(trial.ask(x_values="60, 70"))


async def test_cells_that_do_not_fit_a_limit_are_refused_and_the_others_are_made(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await world.program.budgets.allow(*_edits_a_day(world, 3))
        asked = await trial.ask()
        doubts = "⛔ 1 cell of them would not fit now: This edit is 1 edit, but your own limits allow 3 edits a day"
        assert doubts in trial.words(asked.response)
        assert await trial.books.jobs() == []
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        words = trial.words(asked.response)
        assert "Sweep done: 3 of 4 pictures" in words
        assert "**steps 20 · CFG 4**: This edit is 1 edit, but the asker's own limits allow 3 edits a day" in words
        assert len(await trial.books.jobs()) == 3
        await trial.books.check()


async def test_where_nothing_fits_nothing_is_kept_and_the_question_stands(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.visit.edit()
        await world.program.budgets.allow(*_edits_a_day(world, 1))
        asked = await trial.ask()
        refused = await trial.refused(world.ana.click(asked.response, label=YES))
        assert "your own limits allow 1 edit a day" in refused
        assert trial.visit.labels(trial.card(asked.response)) == [YES, NO]
        assert len(await trial.books.jobs()) == 1
        await world.program.budgets.allow(*_edits_a_day(world, 5))
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        assert "Sweep done: 4 of 4 pictures" in trial.words(asked.response)
        await trial.books.check()


async def test_a_bonus_pays_for_cells_while_it_lasts_and_one_that_is_refused_draws_nothing(trial_of: Any) -> None:
    async with open_world(member_daily_usd=Decimal("0.000001"), server_daily_usd=100, bot_daily_usd=100) as world:
        trial = trial_of(world)
        cell = (await world.program.edits.price(world.guild.id, (await _planned(trial)).request)).hold
        await world.program.budgets.grant(manager(world), Scope.MEMBER, world.ana.id, cell * 5 // 2)
        asked = await trial.ask(x="seed", x_values="1..4", y=None, y_values=None, steps=10)
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        assert "Sweep done: 2 of 4 pictures" in trial.words(asked.response)
        await trial.books.check()


async def _planned(trial: Trial) -> Any:
    asked = await trial.ask(x="seed", x_values="1", y=None, y_values=None, steps=10)
    found = await trial.world.program.database.read(sweeps.get, 1)
    assert asked.response is not None
    await trial.world.ana.click(asked.response, label=NO)
    return found


async def test_a_sweep_that_a_manager_would_have_to_approve_is_refused_in_words(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()
        await world.program.budgets.change(manager(world), approve_above=20_000)
        late = await trial.refused(world.ana.click(asked.response, label=YES))
        assert "a sweep cannot wait for that" in late
        again = await trial.ask()
        assert "a manager approves what costs more than $0.02" in trial.visit.words(again.response)
        assert trial.visit.labels(trial.card(again.response)) == []
        assert await trial.books.jobs() == []


# The answer ----------------------------------------------------------------------------------------------------------


async def test_only_its_asker_can_answer_also_after_a_restart(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()
        for label in (YES, NO):
            answer = await trial.refused(world.bo.click(asked.response, label=label))
            assert "Only the person who asked for this sweep can answer" in answer
        await world.restart()
        await world.ana.click(asked.response, label=NO)
        assert "decided against this sweep · nothing was charged" in trial.words(asked.response)
        assert trial.visit.labels(trial.card(asked.response)) == []
        assert await world.program.database.read(sweeps.get, 1) is None
        assert await trial.books.jobs() == []


async def test_who_cannot_read_the_picture_any_more_begins_no_sweep_of_it(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        private = await trial.visit.private_thread()
        world.env.backend.add_thread_member(private.id, world.bo.id)
        await trial.visit.edit(channel=private)
        asked = await trial.ask(world.bo, **{"from": "#1"})
        world.env.backend.remove_thread_member(private.id, world.bo.id)
        refused = await trial.refused(world.bo.click(asked.response, label=YES))
        assert "it stands in a channel you cannot read" in refused
        await world.ana.click(
            next(message for message in private.history() if trial.visit.ids(message)), label="Delete"
        )
        world.env.backend.add_thread_member(private.id, world.bo.id)
        refused = await trial.refused(world.bo.click(asked.response, label=YES))
        assert "#1 was taken down" in refused
        await world.idle()
        assert len(await trial.books.jobs()) == 1


async def test_two_presses_on_yes_make_one_sweep(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.ask()
        use, ana = world.program.services.sweeps, Asker(world.guild.id, world.ana.id)
        pressed = await asyncio.gather(*(use.accept(1, ana) for _ in range(5)), return_exceptions=True)
        assert len([one for one in pressed if not isinstance(one, BaseException)]) == 1
        assert {str(one) for one in pressed if isinstance(one, BaseException)} == {
            "That question was answered already, or an hour has passed: ask for the sweep again."
        }
        await world.idle()
        assert len(await trial.books.jobs()) == 4
        assert len(world.runware.requests) == 4


async def test_a_yes_is_acknowledged_before_the_cells_are_asked_for(
    trial_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()
        use, before = world.program.services.sweeps, len(world.env.http_requests)
        accept, said = use.accept, list[str]()

        async def watched(*args: Any, **kwargs: Any) -> Any:
            said.extend(sent.path.rpartition("/")[2] for sent in world.env.http_requests[before:])
            return await accept(*args, **kwargs)

        monkeypatch.setattr(use, "accept", watched)
        await world.ana.click(asked.response, label=YES)
        assert said == ["callback"]
        await world.idle()
        assert "Sweep done: 4 of 4 pictures" in trial.words(asked.response)


async def test_a_price_that_rose_by_more_than_a_quarter_is_asked_about_anew(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()

        async def dearer(tx: Tx) -> None:
            await tx.execute("UPDATE sweeps SET axes = replace(axes, '[10, 20]', '[40, 50]')")

        await world.program.database.run(dearer)
        await world.ana.click(asked.response, label=YES)
        assert " in all instead of $0." in trial.words(asked.response)
        assert await trial.books.jobs() == []
        await world.ana.click(trial.card(asked.response), label=YES)
        await world.idle()
        assert len(await trial.books.jobs()) == 4


async def test_a_question_that_nobody_answers_is_forgotten_after_an_hour(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = await trial.ask()

        async def age(tx: Tx) -> None:
            await tx.execute("UPDATE sweeps SET made_at = made_at - ?1 WHERE id = 1", DAY)

        await world.program.database.run(age)
        answer = await world.ana.click(asked.response, label=YES)
        assert "an hour has passed: ask for the sweep again" in trial.visit.words(answer.response)
        await Bookkeeper(
            world.program.database, Signals(), Metrics(), world.settings, clock=world.program.services.clock
        ).tick()
        assert await world.program.database.read(sweeps.get, 1) is None


# On the way ----------------------------------------------------------------------------------------------------------


async def test_a_cell_that_fails_leaves_the_others_and_posts_nothing(trial_of: Any) -> None:
    async with open_world(**PLENTY, max_in_flight=1) as world:
        trial = trial_of(world)
        world.runware.faults.submit, world.runware.faults.submit_times = "402", 1
        asked = await trial.ask()
        await world.ana.click(asked.response, label=YES)
        await world.idle()
        jobs = await trial.books.jobs()
        assert sorted(job.status for job in jobs) == [Status.FAILED, *[Status.SUCCEEDED] * 3]
        words = trial.words(asked.response)
        assert "Sweep done: 3 of 4 pictures" in words
        assert "1 failed." in words
        assert "⚠️ **steps 10 · CFG 2**: " in words
        alt = trial.visit.files(trial.card(asked.response))[cards.SHEET] or ""
        assert "CFG 2: steps 10 failed, steps 20 #" in alt
        [thread] = trial.visit.threads()
        assert len(thread.history()) == 4, "three pictures and the news"
        assert all(job.announced_at is not None for job in jobs)
        await trial.books.check()


async def test_where_all_cells_fail_the_sheet_says_so_and_nothing_is_charged(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        world.runware.faults.fail = "providerError"
        card = await trial.make()
        words = trial.visit.words(card)
        assert "### ⚠️ Sweep done: 0 of 4 pictures" in words
        assert "nothing was charged" in words
        assert trial.visit.menus(card) == []
        assert "0 of 4 pictures, nothing was charged" in trial.news()[0]
        await trial.books.check()


async def test_withheld_pictures_are_never_drawn(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        world.runware.faults.nsfw = True
        card = await trial.make(x_values="10, 20", y=None, y_values=None)
        assert "2 withheld by the content check, and paid for." in trial.visit.words(card)
        assert (trial.visit.files(card)[cards.SHEET] or "").count(Fate.WITHHELD) == 2
        [thread] = trial.visit.threads()
        assert [trial.visit.words(message) for message in thread.history()] == trial.news(), "the card says it for all"
        assert all(job.announced_at is not None for job in await trial.books.jobs())
        assert trial.visit.menus(card) == []


async def test_the_sheet_does_not_wait_for_pictures_that_cannot_be_posted(trial_of: Any) -> None:
    async with open_world(**PLENTY, announce_retry_seconds=0.2, card_interval_seconds=0.01) as world:
        trial = trial_of(world)
        # So that the card is drawn before they are copied, and has to be drawn again.
        world.runware.faults.image, world.runware.faults.slow_seconds = "slow", 0.5
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        world.runware.pause()
        await world.ana.click(asked.response, label=YES)
        for number in range(2):
            await trial.visit.status(number, Status.SUBMITTED)
        while await world.program.database.read(sweeps.unshown_ids):
            await asyncio.sleep(0.01)
        path = f"/channels/{asked.response.id}/messages"
        world.env.inject_error("POST", path, status=503, times=None)
        world.runware.resume()
        await trial.seen(lambda: "Sweep done: 2 of 2 pictures" in trial.words(asked.response))
        assert cards.SHEET in trial.visit.files(trial.card(asked.response))
        assert trial.visit.results() == []
        world.env.backend.faults.clear()
        await world.idle()
        assert len(trial.visit.results()) == 2
        assert len(trial.news()) == 1
        await trial.books.check()


async def test_an_archived_thread_is_woken_by_the_news(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.visit.edit()
        [thread] = trial.visit.threads()
        world.runware.faults.fail = "providerError"  # so that no picture wakes it
        world.runware.pause()
        asked = await trial.ask(channel=thread, **{"from": "#1"}, x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.visit.status(2, Status.SUBMITTED)
        path = f"/channels/{thread.id}/messages/{asked.response.id}"
        world.env.inject_error("PATCH", path, status=400, code=50083, times=None)
        world.runware.resume()
        await trial.seen(lambda: bool(trial.news()))
        world.env.backend.faults.clear()
        await world.idle()
        assert "Sweep done: 0 of 2 pictures" in trial.words(asked.response)
        assert len(trial.news()) == 1


async def test_the_rest_of_a_sweep_is_cancelled_by_its_asker_or_a_moderator_alone(trial_of: Any) -> None:
    async with open_world(**PLENTY, max_in_flight=1) as world:
        trial = trial_of(world)
        world.runware.pause()
        asked = await trial.ask()
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: CANCEL in trial.visit.labels(trial.card(asked.response)))
        assert "Sweep: 0 of 4 cells done" in trial.words(asked.response)
        assert "$0.00 so far, of about $0.0" in trial.words(asked.response)
        other = await world.bo.click(trial.card(asked.response), label=CANCEL)
        assert "Only the person who asked for this sweep" in trial.visit.words(other.response)
        await trial.visit.status(0, Status.SUBMITTED)
        await world.cleo.click(trial.card(asked.response), label=CANCEL)
        await trial.seen(lambda: "3 of 4 cells done" in trial.words(asked.response))
        assert trial.visit.labels(trial.card(asked.response)) == []
        world.runware.resume()
        await world.idle()
        assert "Sweep done: 1 of 4 pictures" in trial.words(asked.response)
        assert "3 cancelled." in trial.words(asked.response)
        assert len(world.runware.requests) == 1
        await trial.books.check()


async def test_a_pause_is_told_on_the_card_while_cells_wait(trial_of: Any) -> None:
    async with open_world(**PLENTY, max_in_flight=1) as world:
        trial = trial_of(world)
        world.runware.pause()
        asked = await trial.ask()
        await world.ana.click(asked.response, label=YES)
        await trial.visit.status(0, Status.SUBMITTED)
        await world.program.budgets.pause(manager(world), 0, "a *long* lunch")
        await trial.seen(lambda: "⏸️ Paused in this server: a \\*long\\* lunch" in trial.words(asked.response))
        await world.program.budgets.resume(manager(world), 0)
        world.runware.resume()
        await world.idle()
        assert "Sweep done: 4 of 4 pictures" in trial.words(asked.response)
        assert "Paused" not in trial.words(asked.response)


async def test_what_was_sent_can_not_be_cancelled(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.make()
        ana = Asker(world.guild.id, world.ana.id)
        with pytest.raises(TooLate, match="All cells of this sweep were already sent"):
            await world.program.services.sweeps.cancel_rest(1, asker=ana, manages=False)
        with pytest.raises(NotFound, match="not of this server"):
            await world.program.services.sweeps.cancel_rest(1, asker=Asker(5, world.ana.id), manages=True)


async def test_a_crash_in_the_middle_ends_in_the_same_sheet(trial_of: Any) -> None:
    async with open_world(**PLENTY, max_in_flight=1) as world:
        trial = trial_of(world)
        asked = await trial.ask()
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: len(trial.visit.results()) >= 1)
        await world.restart(crash=True)
        await world.idle()
        assert "Sweep done: 4 of 4 pictures" in trial.words(asked.response)
        assert cards.SHEET in trial.visit.files(trial.card(asked.response))
        assert len(trial.visit.results()) == 4, "each picture once"
        assert len(trial.news()) == 1
        await trial.books.check()


# Afterwards ----------------------------------------------------------------------------------------------------------


async def test_a_picture_that_is_taken_down_is_drawn_out_of_the_sheet(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        card = await trial.make(x_values="10, 20", y=None, y_values=None)
        before = await trial.sheet(card)
        [thread] = trial.visit.threads()
        shown = next(message for message in thread.history() if trial.visit.ids(message))
        [number] = trial.visit.ids(shown)
        await trial.visit.take_down(world.ana, shown)
        card = trial.card(card)
        assert "1 taken down." in trial.visit.words(card)
        assert await trial.sheet(card) != before
        assert f"#{number}" not in (trial.visit.files(card)[cards.SHEET] or "")
        assert "taken down" in (trial.visit.files(card)[cards.SHEET] or "")
        assert not [label for label in trial.visit.menus(card)[0] if label.startswith(f"#{number} ")]
        await world.restart(crash=True)
        await world.idle()
        assert len(trial.news()) == 1


@pytest.mark.parametrize(("status", "code"), [(429, 30046), (400, 50083), (403, 50013)])
async def test_a_sheet_that_cannot_be_changed_goes_with_its_picture(trial_of: Any, status: int, code: int) -> None:
    async with open_world(**PLENTY, announce_retry_seconds=0.005) as world:
        trial = trial_of(world)
        card = await trial.make(x_values="10, 20", y=None, y_values=None)
        [thread] = trial.visit.threads()
        shown = next(message for message in thread.history() if trial.visit.ids(message))
        path = f"/channels/{card.channel.id}/messages/{card.id}"
        world.env.inject_error("PATCH", path, status=status, code=code, times=None)
        await trial.visit.take_down(world.ana, shown)
        assert card.id not in {message.id for message in trial.visit.everything()}
        assert len(trial.visit.results()) == 1


async def test_a_card_is_not_changed_for_what_it_does_not_show(trial_of: Any) -> None:
    async with open_world(**PLENTY, card_interval_seconds=0.005) as world:
        trial = trial_of(world)
        card = await trial.make(x_values="10, 20", y=None, y_values=None)
        [thread] = trial.visit.threads()
        shown = next(message for message in thread.history() if trial.visit.ids(message))
        before = trial.changes(card)
        for member in (world.bo, world.cleo):
            await member.click(shown, custom_id=f"star:{trial.visit.ids(shown)[0]}")
            await world.idle()
        assert trial.changes(card) == before, "nobody sees stars there, and Discord takes few changes of old messages"
        await trial.visit.take_down(world.ana, shown)
        assert trial.changes(card) > before
        assert "1 taken down." in trial.words(card)


async def test_a_sheet_that_shows_nothing_that_is_gone_outlives_a_change_that_fails(trial_of: Any) -> None:
    async with open_world(**PLENTY, announce_retry_seconds=0.005) as world:
        trial = trial_of(world)
        world.runware.faults.cost = "absent"
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: "2 costs pending" in trial.words(asked.response))
        await trial.seen(lambda: len(trial.visit.results()) == 2)
        [thread] = trial.visit.threads()
        shown = next(message for message in thread.history() if trial.visit.ids(message))
        [number] = trial.visit.ids(shown)
        await world.ana.click(shown, label="Delete")
        await trial.seen(lambda: "1 taken down." in trial.words(asked.response))
        while await world.program.database.read(sweeps.unshown_ids):
            await asyncio.sleep(0.01)

        async def age(tx: Tx) -> None:
            await tx.execute("UPDATE results SET deleted_at = deleted_at - ?1 WHERE id = ?2", DAY, int(number))

        await world.program.database.run(age)
        await world.restart(crash=True)
        path = f"/channels/{world.channel.id}/messages/{asked.response.id}"
        world.env.inject_error("PATCH", path, status=403, code=50013, times=None)
        world.runware.faults.cost = "normal"
        while any(job.cost_pending for job in await trial.books.jobs()):
            await asyncio.sleep(0.01)
        await world.idle()
        assert "2 costs pending" in trial.words(asked.response), "it could not be changed"
        assert cards.SHEET in trial.visit.files(trial.card(asked.response))


async def test_what_goes_wrong_with_one_card_keeps_no_other_from_being_drawn(
    trial_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY, announce_retry_seconds=0.02, card_interval_seconds=0.01) as world:
        trial = trial_of(world)
        use, unwritten = world.program.services.sweeps, list[int]()
        later = use.later

        async def locked(sweep: Any, **kwargs: Any) -> bool:
            unwritten.append(sweep.id)
            if len(unwritten) == 1:
                raise OSError("the database is locked")
            return await later(sweep, **kwargs)

        monkeypatch.setattr(use, "later", locked)
        world.runware.pause()
        asked = [(await trial.ask(x_values="10, 20", y=None, y_values=None)).response for _ in range(2)]
        path = f"/channels/{world.channel.id}/messages/{asked[0].id}"
        world.env.inject_error("PATCH", path, status=503, times=3)
        for one in asked:
            await world.ana.click(one, label=YES)
        await trial.seen(lambda: bool(unwritten))
        world.runware.resume()
        await world.idle()
        assert all("Sweep done: 2 of 2 pictures" in trial.words(one) for one in asked)
        assert "the card of sweep 1 could not be put off" in caplog.text
        assert "the sheets stopped" not in caplog.text


async def test_not_all_cards_of_an_outage_are_drawn_at_once(trial_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most, show = 0, 0, sheets.SheetPoster._show

    async def watched(*args: Any) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        try:
            await asyncio.sleep(0.02)
            await show(*args)
        finally:
            at_work -= 1

    monkeypatch.setattr(sheets, "_AT_ONCE", 2)
    monkeypatch.setattr(sheets.SheetPoster, "_show", watched)
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        asked = [(await trial.ask(x_values="10", y=None, y_values=None)).response for _ in range(4)]
        for one in asked:
            await world.ana.click(one, label=YES)
        await world.idle()
        assert all("Sweep done: 1 of 1 picture" in trial.words(one) for one in asked)
        assert most == 2


async def test_a_stop_overtakes_a_cell_that_is_being_posted(
    trial_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        services, posting = world.program.services, asyncio.Event()
        changed = services.sweeps.changed

        async def for_ever(_: Any) -> Any:
            posting.set()
            await asyncio.Event().wait()

        async def closed(job: Any) -> None:
            if posting.is_set():
                raise DatabaseClosed
            await changed(job)

        monkeypatch.setattr(services.outbox, "plan", for_ever)
        monkeypatch.setattr(services.sweeps, "changed", closed)
        asked = await trial.ask(x_values="10", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await posting.wait()
        await world.restart(crash=True)
        await world.idle()
        assert "could not be announced" not in caplog.text, "it was called off, and did not fail"
        assert "Sweep done: 1 of 1 picture" in trial.words(asked.response)


async def test_where_the_thread_is_gone_the_end_is_told_beside_the_card(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        world.runware.pause()
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: bool(trial.visit.threads()))
        world.env.backend.delete_channel(trial.visit.threads()[0].id)
        await world.env.settle()
        world.runware.resume()
        await world.idle()
        assert "Sweep done: 2 of 2 pictures" in trial.words(asked.response)
        told = [message for message in world.channel.history() if "your sweep is done" in trial.visit.words(message)]
        assert len(told) == 1
        assert len([message for message in world.channel.history() if trial.visit.ids(message)]) == 2
        await world.restart(crash=True)
        await world.idle()
        assert len(trial.news()) == 1


async def test_the_end_of_a_sweep_whose_card_is_gone_leads_to_no_sheet(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        world.runware.pause()
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: bool(trial.visit.threads()))
        await world.cleo.delete(trial.card(asked.response))
        world.runware.resume()
        await world.idle()
        [told] = trial.news()
        assert "2 of 2 pictures" in told
        assert "contact sheet" not in told
        assert len(trial.visit.results()) == 2


async def test_the_news_that_somebody_deleted_is_not_told_again(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.make(x_values="10, 20", y=None, y_values=None)
        [thread] = trial.visit.threads()
        told = next(message for message in thread.history() if "your sweep is done" in trial.visit.words(message))
        await told.delete()
        shown = next(message for message in thread.history() if trial.visit.ids(message))
        await trial.visit.take_down(world.ana, shown)
        assert trial.news() == []


async def test_the_news_rings_the_asker_and_nobody_else(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        await trial.make(prompt="for @everyone and <@1>", x_values="10", y=None, y_values=None)
        bodies: list[Any] = [request.json for request in world.env.http_requests]
        sent = [body for body in bodies if "your sweep is done" in str(body)]
        assert [body["allowed_mentions"]["users"] for body in sent] == [[world.ana.id]]
        assert sent[0]["allowed_mentions"]["parse"] == []


async def test_a_picture_that_comes_after_all_is_drawn_into_the_sheet(trial_of: Any) -> None:
    async with open_world(**PLENTY, expire_minutes=0.008) as world:
        trial = trial_of(world)
        world.runware.pause()
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: "Sweep done: 0 of 2 pictures" in trial.words(asked.response))
        assert "2 without an answer in time." in trial.words(asked.response)
        before = await trial.sheet(trial.card(asked.response))
        world.runware.faults.image, world.runware.faults.slow_seconds = "slow", 1.0
        world.runware.resume()
        await trial.seen(lambda: " coming" in (trial.visit.gallery(trial.card(asked.response))[0] or ""))
        await trial.seen(lambda: "Sweep done: 2 of 2 pictures" in trial.words(asked.response))
        await world.idle()
        assert await trial.sheet(trial.card(asked.response)) != before
        assert len(trial.visit.results()) == 2
        assert len(trial.news()) == 1
        await trial.books.check()


async def test_a_cost_that_comes_late_is_added_up_on_the_card(trial_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        trial = trial_of(world)
        world.runware.faults.cost = "absent"
        asked = await trial.ask(x_values="10, 20", y=None, y_values=None)
        await world.ana.click(asked.response, label=YES)
        await trial.seen(lambda: "2 costs pending" in trial.words(asked.response))
        world.runware.faults.cost = "normal"
        await trial.seen(lambda: "** in all" in trial.words(asked.response))
        await world.idle()
        await trial.books.check()


def _edits_a_day(world: World, number: int) -> Any:
    return manager(world), Scope.MEMBER, world.ana.id, Measure.EDITS, number, Window.daily()
