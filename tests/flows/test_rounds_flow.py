"""Rounds: people propose and vote, the pool pays for the winner, and every end is told in the thread, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.backend.serializers import channel_payload
from simcord.enums import OverwriteType

from cogs import _round_cards as cards
from cogs import round as round_cog
from cogs import umpire
from playground.world import World, open_world
from storage import rounds
from storage.records import Asker, EntryKind, Measure, RoundState, Scope, SessionState, Status
from storage.windows import Window

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
NO_PERMISSION, ARCHIVED, LOCKED = 50013, 50083, 160005
NOTHING = "Nothing was made, and nothing was charged."


class Game:
    """A thread with one picture, Ana's, in which rounds are held."""

    def __init__(self, world: World, visit: Any, books: Any, thread: ChannelHandle) -> None:
        self.world, self.visit, self.books, self.thread = world, visit, books, thread

    @property
    def card(self) -> discord.Message:
        """The card of the last round, as it is now."""
        return [message for message in self.thread.history() if "what to do with [#" in self.visit.words(message)][-1]

    def news(self) -> list[str]:
        """Return what the thread was told of rounds that made no edit."""
        said = [self.visit.words(message) for message in self.thread.history() if message.author.bot]
        return [words for words in said if "-# [The round about #" in words]

    async def start(self, member: MemberActor | None = None, **options: Any) -> InteractionResult:
        """Open a round about the picture; Ana does, unless told otherwise."""
        actor = self.world.ana if member is None else member
        return await actor.slash(self.thread, "round start", **{"result": "#1", **options})

    async def propose(self, member: MemberActor, prompt: str) -> InteractionResult:
        """Have a member propose a prompt."""
        form = await member.click(self.card, label="Propose")
        return await member.submit_modal(form, {"prompt": prompt})

    async def vote(self, member: MemberActor, number: int) -> InteractionResult:
        """Have a member vote for a proposal, by its number on the card."""
        round_id = (await self.round()).id
        found = await self.world.program.database.read(rounds.proposals, round_id)
        return await member.select(self.card, [str(found[number - 1].id)], custom_id=f"vote:{round_id}")

    async def fill(self, amount: str = "1") -> None:
        """Have Cleo give to the pool."""
        await self.world.cleo.slash(self.thread, "pool give", amount=amount)

    async def ready(self, **options: Any) -> None:
        """Bring a round to where only its time has to pass: Bo's proposal won, two to one."""
        await self.start(**options)
        await self.propose(self.world.ana, "Make it rain")
        await self.propose(self.world.bo, "Make it snow")
        await self.vote(self.world.ana, 1)
        await self.vote(self.world.bo, 2)
        await self.vote(self.world.cleo, 2)

    async def round(self) -> Any:
        """Return the last round."""
        return await self.world.program.database.read(_last_round)

    async def let_time_pass(self) -> None:
        """End the time of the open round, whether or not the umpire is there to see it."""
        await self.world.program.database.run(_pass_time)
        self.world.program.services.rounds._signals.rounds.set()

    async def over(self) -> Any:
        """Let the time pass and wait until the thread knows how the last round ended; returns the round."""
        await self.let_time_pass()
        return await self.told()

    async def told(self) -> Any:
        """Wait until the thread knows how the last round ended, and what it became is done; returns the round."""
        async with asyncio.timeout(20):
            while (found := await self.round()).told_at is None:
                await asyncio.sleep(0.02)
        await self.world.idle()
        assert self.world.env.errors == []
        return found

    async def untouched(self) -> None:
        """No member's own allowance has held or spent anything since the first picture, and the books balance."""
        first, *rest = await self.books.jobs()
        assert [await _own(self.world, member) for member in (self.world.ana, self.world.bo)] == [
            (first.cost, 0),
            (0, 0),
        ]
        assert all(job.pooled for job in rest)
        await self.books.check()


async def _last_round(tx: Any) -> Any:
    row = await tx.fetch_one("SELECT id FROM rounds ORDER BY id DESC LIMIT 1")
    return await rounds.get(tx, row["id"])


async def _pass_time(tx: Any) -> None:
    await tx.execute("UPDATE rounds SET opened_at = opened_at - 86400001, ends_at = opened_at - 1 WHERE state = 'open'")


async def _own(world: World, member: MemberActor) -> tuple[int, int]:
    [own] = (await world.program.edits.quota(Asker(world.guild.id, member.id))).member
    return own.spent, own.held


@pytest.fixture
def play(visit_of: Any, books_of: Any) -> Callable[..., Any]:
    @asynccontextmanager
    async def begin(channel: Any = None, **settings: Any) -> AsyncGenerator[Game]:
        async with open_world(**{**PLENTY, **settings}) as world:
            visit = visit_of(world)
            shown = await visit.edit()
            [thread] = [thread for thread in visit.threads() if thread.id == shown.channel.id]
            yield Game(world, visit, books_of(world), thread)

    return begin


# The way of a round --------------------------------------------------------------------------------------------------


async def test_three_people_choose_an_edit_and_the_pool_pays_for_it(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        started = await game.start()
        assert not started.response.ephemeral
        assert visit.gallery(game.card) == ["#1: cat.png, edited: make it night"]
        assert visit.labels(game.card) == ["Propose", "Stop"]
        assert "which is **empty**" in visit.words(game.card)
        await game.fill()
        await game.propose(world.ana, "Make it rain")
        await game.propose(world.bo, "Make it snow")
        words = visit.words(game.card)
        assert f"**2** · {world.bo.mention}\n> Make it snow" in words
        assert "which has **$1.00** left" in words
        assert visit.menus(game.card) == [["1 · Make it rain", "2 · Make it snow"]]
        assert len(game.thread.history()) == 4, "proposals post no messages of their own"
        await game.vote(world.ana, 1)
        voted = await game.vote(world.cleo, 2)
        [told] = voted.followups
        assert told.ephemeral
        assert "Your vote: 2" in visit.words(told)
        changed = await game.vote(world.ana, 2)
        assert "Your vote: 2" in visit.words(changed.followups[0])
        assert "2 people have voted" in visit.words(game.card)
        ended = await game.over()
        assert ended.state is RoundState.WON
        words = visit.words(game.card)
        assert f"🏆 Proposal 2 by {world.bo.mention} won" in words
        assert f"**1** · {world.ana.mention} · 0 votes" in words
        assert f"🏆 **2** · {world.bo.mention} · 2 votes" in words
        assert (visit.labels(game.card), visit.menus(game.card)) == ([], [])
        assert visit.gallery(game.card) == ["#1: cat.png, edited: make it night"]
        _, job = await game.books.jobs()
        assert (job.id, job.user_id, job.request.prompt, job.request.parent_id) == (
            ended.job_id,
            world.bo.id,
            "Make it snow",
            1,
        )
        assert game.news() == [], "the edit itself tells how it ended"
        made = visit.last()
        assert made.channel.id == game.thread.id
        assert "chosen in a round, paid by the pool" in visit.words(made)
        assert {entry.grant_id for entry in await game.books.entries(job.id) if entry.kind is EntryKind.SETTLE} == {1}
        await game.untouched()


@pytest.mark.parametrize("restricted", [True, False])
async def test_the_winner_is_checked_as_discord_says_when_it_is_made(play: Any, restricted: bool) -> None:
    async with play() as game:
        world, backend = game.world, game.world.env.backend
        manager = Asker(world.guild.id, world.cleo.id)
        await world.program.services.houses.set_checked(manager, world.channel.id, checked=False)
        payload: dict[str, Any] = {**channel_payload(backend, backend.get_channel(world.channel.id))}
        backend.emit("CHANNEL_UPDATE", {**payload, "nsfw": True})
        await game.start()
        await game.fill()
        await game.propose(world.bo, "Make it snow")
        await game.vote(world.bo, 1)
        await game.vote(world.cleo, 1)
        backend.emit("CHANNEL_UPDATE", {**payload, "nsfw": restricted})
        assert (await game.over()).state is RoundState.WON
        sent = [task["safety"]["mode"] for task in world.runware.requests]
        assert sent == ["fast", "none" if restricted else "fast"]


async def test_a_proposal_is_changed_by_the_form_that_is_filled_with_it_and_loses_its_votes(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.start()
        first = await game.propose(world.ana, "Make it rain")
        assert first.followups == []
        await game.vote(world.bo, 1)
        form = await world.ana.click(game.card, label="Propose")
        [label] = form.modal["components"]
        assert label["component"]["value"] == "Make it rain"
        same = await world.ana.submit_modal(form, {"prompt": " Make it rain "})
        assert "nothing changed, and its votes stay" in visit.words(same.followups[0])
        assert "1 person has voted" in visit.words(game.card)
        other = await game.propose(world.ana, "Make it pour")
        [told] = other.followups
        assert told.ephemeral
        assert "The votes for the old ones are gone" in visit.words(told)
        assert "Nobody has voted" in visit.words(game.card)
        assert "> Make it rain" not in visit.words(game.card)


async def test_a_proposal_that_is_refused_is_said_back(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.start()
        form = await world.bo.click(game.card, label="Propose")
        empty = await world.bo.submit_modal(form, {"prompt": "  \n "})
        assert visit.words(empty.response).startswith("`prompt` is empty")
        late = await world.bo.click(game.card, label="Propose")
        await game.over()
        answer = await world.bo.submit_modal(late, {"prompt": "Too *late*"})
        assert answer.response.ephemeral
        assert visit.words(answer.response) == "This round has ended.\n-# You sent:\n> Too \\*late\\*"


@pytest.mark.parametrize("crash", [False, True])
async def test_the_card_and_an_open_form_outlive_a_restart(play: Any, crash: bool) -> None:
    async with play() as game:
        await game.fill()
        await game.start()
        form = await game.world.bo.click(game.card, label="Propose")
        await game.world.restart(crash=crash)
        await game.world.bo.submit_modal(form, {"prompt": "Make it snow"})
        await game.vote(game.world.ana, 1)
        await game.world.restart(crash=crash)
        await game.vote(game.world.bo, 1)
        assert (await game.over()).state is RoundState.WON
        await game.untouched()


async def test_show_finds_the_round_and_brings_its_card_up_to_date(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        none = await world.bo.slash(game.thread, "round show")
        assert "No round is open in this thread. `/round start` opens one." in visit.words(none.response)
        await game.start()
        world.env.inject_error("PATCH", f"/channels/{game.thread.id}/messages/*", status=403, code=50013, times=1)
        await game.fill()
        assert "is **empty**" in visit.words(game.card)
        shown = await world.bo.slash(game.thread, "round show")
        assert shown.response.ephemeral
        link = f"https://discord.com/channels/{world.guild.id}/{game.thread.id}/{game.card.id}"
        assert f"[The round about #1]({link}) ends <t:" in visit.words(shown.response)
        assert "has **$1.00** left" in visit.words(game.card)
        assert visit.gallery(game.card) == ["#1: cat.png, edited: make it night"]
        world.env.backend.messages[game.thread.id].pop(game.card.id)
        gone = await world.bo.slash(game.thread, "round show")
        assert "The card of this round was deleted." in visit.words(gone.response)


async def test_the_card_tells_at_once_what_is_given_to_the_pool_and_taken_back(play: Any) -> None:
    async with play() as game:
        await game.start()
        assert "is **empty**" in game.visit.words(game.card)
        await game.fill()
        assert "has **$1.00** left" in game.visit.words(game.card)
        await game.world.cleo.slash(game.thread, "pool close")
        assert "is **empty**" in game.visit.words(game.card)


async def test_a_round_whose_card_could_not_be_drawn_is_shown_by_command(play: Any) -> None:
    async with play() as game:
        game.world.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=500, times=5)
        await game.start()
        opened = game.thread.history()[-1]
        assert game.visit.words(opened) == f"-# {game.world.ana.mention} opens a round about #1"
        game.world.env.backend.faults.clear()
        await game.world.bo.slash(game.thread, "round show")
        assert game.card.id == opened.id
        assert game.visit.labels(game.card) == ["Propose", "Stop"]


async def test_a_vote_that_is_drawn_after_the_end_leaves_the_end_on_the_card(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with play() as game:
        await game.start()
        await game.propose(game.world.bo, "Make it snow")
        service, database = game.world.program.services.rounds, game.world.program.database
        vote = service.vote

        async def slowly(*args: Any) -> Any:
            view = await vote(*args)
            await game.let_time_pass()
            while await database.read(rounds.untold) or await database.read(rounds.next_end):
                await asyncio.to_thread(lambda: None)
            return view

        monkeypatch.setattr(service, "vote", slowly)
        await game.vote(game.world.ana, 1)
        assert "### 🪹 Too few people voted" in game.visit.words(game.card)
        assert game.visit.labels(game.card) == []


# The other ends ------------------------------------------------------------------------------------------------------


async def test_a_tie_names_the_proposals_and_costs_nothing(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.start()
        for member, prompt in ((game.world.ana, "A"), (game.world.bo, "B"), (game.world.cleo, "C")):
            await game.propose(member, prompt)
        await game.vote(game.world.ana, 1)
        await game.vote(game.world.bo, 3)
        assert (await game.over()).state is RoundState.TIED
        [news] = game.news()
        assert "**⚖️ The round ended in a tie**\nProposals 1 and 3 have 1 vote each." in news
        assert NOTHING in news
        assert "### ⚖️ The round ended in a tie" in game.visit.words(game.card)
        await game.untouched()


async def test_too_few_votes_and_no_proposals_end_in_words(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.start(quorum=3)
        await game.propose(game.world.bo, "Make it snow")
        await game.vote(game.world.bo, 1)
        await game.vote(game.world.ana, 1)
        assert (await game.over()).state is RoundState.FEW
        await game.start()
        assert (await game.over()).state is RoundState.SILENT
        few, silent = game.news()
        assert "2 people voted, and at least 3 had to." in few
        assert "Nobody proposed anything" in silent
        await game.untouched()


@pytest.mark.parametrize("amount", [None, "0.01"])
async def test_a_pool_without_enough_refuses_the_winner_in_words(play: Any, amount: str | None) -> None:
    async with play() as game:
        if amount is not None:
            await game.fill(amount)
        await game.ready()
        assert (await game.over()).state is RoundState.REFUSED
        [news] = game.news()
        assert f"⛔ Proposal 2 by {game.world.bo.mention} won, but could not be made" in news
        assert f"The pool of this thread has ${amount or '0.00'} left, and up to $0.0" in news
        assert "`/pool give` adds to it." in news
        await game.untouched()


async def test_a_pool_that_is_closed_between_the_votes_and_the_end_refuses_the_winner(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        await game.world.cleo.slash(game.thread, "pool close")
        assert (await game.over()).state is RoundState.REFUSED
        assert "The pool of this thread has $0.00 left" in game.news()[0]
        await game.untouched()


async def test_a_winner_that_needs_a_manager_waits_for_one_and_is_paid_by_the_pool_then(play: Any) -> None:
    async with play() as game:
        world = game.world
        await game.fill()
        await game.ready()
        await world.program.budgets.change(Asker(world.guild.id, world.cleo.id), approve_above=0)
        await game.let_time_pass()
        await game.visit.status(1, Status.WAITING)
        await world.cleo.click(game.thread.history()[-1], label="Approve")
        assert (await game.told()).state is RoundState.WON
        assert game.visit.ids(game.visit.last()) == ["2"]
        await game.untouched()


async def test_a_limit_of_the_proposer_is_told_as_theirs(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        cleo = Asker(game.world.guild.id, game.world.cleo.id)
        await game.world.program.budgets.allow(
            cleo, Scope.MEMBER, game.world.bo.id, Measure.EDITS, 0, Window.daily(), None
        )
        assert (await game.over()).state is RoundState.REFUSED
        assert "Their own limits allow no edits" in game.news()[0]
        assert len(await game.books.jobs()) == 1


async def test_a_round_is_stopped_by_its_opener_the_owner_or_a_moderator_only(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.start(world.bo)
        dave = world.guild.add_member(world.env.create_user("dave"))
        for refused in (
            await dave.click(game.card, label="Stop"),
            await dave.slash(game.thread, "round stop"),
        ):
            assert refused.response.ephemeral
            assert "Only who opened this round, the session's owner or a moderator can stop it." in visit.words(
                refused.response
            )
        for stopper in (world.bo, world.ana, world.cleo):
            if (await game.round()).told_at is not None:
                await game.start(world.bo)
            await stopper.click(game.card, label="Stop")
            assert (await game.told()).state is RoundState.STOPPED
        assert [news.split("\n")[0] for news in game.news()] == ["**✋ The round was stopped**"] * 3
        assert visit.labels(game.card) == []
        await game.start(world.bo)
        stopped = await world.bo.slash(game.thread, "round stop")
        assert stopped.response.ephemeral
        assert "The round is stopped." in visit.words(stopped.response)
        await game.told()
        late = await world.bo.slash(game.thread, "round stop")
        assert "No round is open in this thread." in visit.words(late.response)
        await game.untouched()


async def test_closing_the_session_stops_its_round_and_the_thread_is_told(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        ana = Asker(game.world.guild.id, game.world.ana.id)
        await game.world.program.services.sessions.close(ana, (await game.round()).session_id)
        assert (await game.told()).state is RoundState.STOPPED
        assert "The round was stopped" in game.news()[0]
        refused = await game.start()
        assert refused.response.ephemeral
        assert "This session is closed" in game.visit.words(refused.response)
        await game.untouched()


# Who may -------------------------------------------------------------------------------------------------------------


async def test_a_locked_session_lets_the_owner_and_moderators_vote_only(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.fill()
        await game.start()
        session_id = (await game.round()).session_id
        session = await world.program.services.sessions.lock(Asker(world.guild.id, world.ana.id), session_id)
        assert session.state is SessionState.LOCKED
        refused = await world.bo.click(game.card, label="Propose")
        assert refused.response.ephemeral
        assert "This session is locked" in visit.words(refused.response)
        await game.propose(world.cleo, "Make it snow")
        await game.vote(world.ana, 1)
        await game.vote(world.cleo, 1)
        assert (await game.over()).state is RoundState.WON, "a moderator's proposal counts in a locked session"
        assert visit.ids(visit.last()) == ["2"]


async def test_somebody_removed_while_they_typed_is_refused_and_their_vote_is_gone(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.ready()
        form = await world.bo.click(game.card, label="Propose")
        ana = Asker(world.guild.id, world.ana.id)
        await world.program.services.sessions.remove(ana, (await game.round()).session_id, world.bo.id)
        sent = await world.bo.submit_modal(form, {"prompt": "Let me in"})
        assert sent.response.ephemeral
        assert "You were removed from this session" in visit.words(sent.response)
        await world.cleo.slash(game.thread, "round show")
        assert "Make it snow" not in visit.words(game.card)
        assert (await game.over()).state is RoundState.FEW
        await game.untouched()


@pytest.mark.parametrize("way", ["left", "forgotten"])
async def test_the_proposal_of_somebody_who_is_gone_is_not_made(play: Any, way: str) -> None:
    async with play() as game:
        world = game.world
        await game.fill()
        await game.ready()
        if way == "left":
            world.env.backend.remove_member(world.guild.id, world.bo.id)
        else:
            await world.program.database.run(_forget, world.bo.id)
        assert (await game.over()).state is RoundState.REFUSED
        assert "Whoever proposed it has left the server." in game.news()[0]
        assert len(await game.books.jobs()) == 1


async def _forget(tx: Any, user_id: int) -> None:
    await tx.execute("DELETE FROM accounts WHERE scope = 'member' AND holder_id = ?1", user_id)


async def blind(world: World, channel_id: int, target_id: int, kind: OverwriteType = OverwriteType.MEMBER) -> None:
    """Take a channel out of somebody's sight."""
    _, denied = discord.PermissionOverwrite(view_channel=False).pair()
    world.env.backend.set_overwrite(channel_id, Overwrite(target_id=target_id, type=kind, allow=0, deny=denied.value))
    await world.env.settle()


async def test_a_picture_is_not_shown_to_people_who_cannot_read_where_it_stands(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        sees, not_ = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        bot = world.guild.me
        assert bot is not None
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: not_, world.ana: sees, bot: sees}
        )
        await world.env.settle()
        await visit.edit(channel=studio)
        wider = await game.start(result="#2")
        assert wider.response.ephemeral
        assert "A round about #2 would show it here, and some who read this place may not read" in visit.words(
            wider.response
        )
        unseen = await game.start(world.bo, result="#2")
        assert "You can't use #2: it stands in a channel you cannot read." in visit.words(unseen.response)
        private = await visit.private_thread()
        await visit.edit(channel=private)
        shut = await game.start(result="#3")
        assert "it stands in a private thread" in visit.words(shut.response)
        here = await world.ana.slash(private, "round start", result="#3")
        assert not here.response.ephemeral


async def test_a_picture_that_was_never_posted_is_not_put_to_the_vote(play: Any) -> None:
    async with play() as game:
        game.world.env.inject_error("POST", "/channels/*/messages", status=403, code=NO_PERMISSION, times=None)
        await game.visit.edit(channel=game.thread)
        game.world.env.backend.faults.clear()
        refused = await game.start(result="#2")
        assert refused.response.ephemeral
        assert game.visit.words(refused.response) == (
            "A round about #2 would show it here, and it was never posted where others can see it."
        )
        assert await game.world.program.database.read(rounds.next_end) is None


async def test_who_cannot_read_the_thread_of_a_round_any_more_proposes_votes_and_stops_nothing(play: Any) -> None:
    async with play() as game:
        world, visit, service = game.world, game.visit, game.world.program.services.rounds
        private = await visit.private_thread()
        world.env.backend.add_thread_member(private.id, world.bo.id)
        await world.ana.slash(private, "round start", result="#1")
        view = await service.propose(Asker(world.guild.id, world.ana.id), (await game.round()).id, "Make it rain")
        [proposal] = view.proposals
        card = await world.bot.get_partial_messageable(world.channel.id).send(view=cards.board(view, pictures=[]))
        form = await world.bo.click(card, label="Propose")
        world.env.backend.remove_thread_member(private.id, world.bo.id)
        await world.env.settle()
        for refused in (
            await world.bo.click(card, label="Propose"),
            await world.bo.submit_modal(form, {"prompt": "Make it hail"}),
            await world.bo.select(card, [str(proposal.id)], custom_id=f"vote:{view.round.id}"),
            await world.bo.click(card, label="Stop"),
        ):
            assert refused.response.ephemeral
            assert "You can't take part in this round: its thread is one that you cannot read." in visit.words(
                refused.response
            )
        assert await service.view(view.round.id) == view


async def test_whoever_loses_sight_of_the_picture_neither_proposes_nor_wins(play: Any) -> None:
    async with play() as game:
        world, visit = game.world, game.visit
        await game.fill()
        other = world.guild.create_text_channel("other")
        await world.env.settle()
        await visit.edit(channel=other)
        await game.ready(result="#2")
        form = await world.bo.click(game.card, label="Propose")
        await blind(world, other.id, world.bo.id)
        for refused in (
            await world.bo.click(game.card, label="Propose"),
            await world.bo.submit_modal(form, {"prompt": "Make it hail"}),
        ):
            assert refused.response.ephemeral
            assert "You can't use #2: it stands in a channel you cannot read." in visit.words(refused.response)
        assert (await game.over()).state is RoundState.REFUSED
        assert "Whoever proposed it cannot read the channel any more where #2 stands." in game.news()[0]
        assert len(await game.books.jobs()) == 2


async def test_a_picture_taken_down_while_its_round_is_opened_is_not_shown(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    previews = round_cog.previews

    async with play() as game:
        world = game.world

        async def overtaken(*args: Any) -> Any:
            made = await previews(*args)
            await world.program.edits.delete(1, asker=Asker(world.guild.id, world.ana.id), manages=False)
            while await world.open_jobs():  # till whoever takes it down is done with all messages known to show it
                pass
            return made

        monkeypatch.setattr(round_cog, "previews", overtaken)
        await game.start()
        await world.idle()
        assert (await game.round()).state is RoundState.REFUSED
        assert not any(game.visit.files(message) for message in game.thread.history())


async def test_a_picture_taken_down_ends_its_round_in_words_and_goes_from_the_card(play: Any) -> None:
    async with play() as game:
        world = game.world
        await game.fill()
        await game.ready()
        card = game.card
        shown = next(
            message
            for message in game.thread.history()
            if game.visit.ids(message) and "Edit" in game.visit.labels(message)
        )
        await world.ana.click(shown, label="Delete")
        await world.idle()
        assert (await game.over()).state is RoundState.REFUSED
        left = next(message for message in game.thread.history() if message.id == card.id)
        assert (game.visit.files(left), game.visit.gallery(left)) == ({}, [])
        assert "The round about #1 ended" in game.visit.words(left)
        assert "#1 was taken down, so nothing can be made of it." in game.news()[0]
        await game.untouched()


@pytest.mark.parametrize(("status", "code"), [(429, 30046), (400, ARCHIVED), (403, NO_PERMISSION)])
async def test_a_card_that_cannot_be_changed_goes_with_the_picture_that_is_taken_down(
    play: Any, status: int, code: int
) -> None:
    async with play(announce_retry_seconds=0.005) as game:
        world, visit = game.world, game.visit
        await game.start()
        card = game.card
        await game.over()
        path = f"/channels/{card.channel.id}/messages/{card.id}"
        world.env.inject_error("PATCH", path, status=status, code=code, times=None)
        shown = next(
            message for message in game.thread.history() if visit.ids(message) and "Edit" in visit.labels(message)
        )
        await visit.take_down(world.ana, shown)
        left = [message.id for message in game.thread.history()]
        assert shown.id not in left
        assert card.id not in left


async def test_the_card_tells_at_once_whose_proposals_are_gone(play: Any) -> None:
    async with play() as game:
        world = game.world
        await game.start()
        await game.propose(world.bo, "a crown")
        await world.ana.slash(game.thread, "session access", who="invited people")
        assert "a crown" not in game.visit.words(game.card)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"result": "#99"}, "no picture #99"),
        ({"result": "the cat"}, "`result` is a result's id such as #12"),
        ({"result": "https://discord.com/channels/1/2/3"}, "`result` is the link of a message that shows no result"),
    ],
)
async def test_what_cannot_be_voted_about_is_refused_to_the_asker_alone(
    play: Any, options: dict[str, Any], said: str
) -> None:
    async with play() as game:
        refused = await game.start(**options)
        assert refused.response.ephemeral
        assert said in game.visit.words(refused.response)
        assert await game.world.program.database.read(rounds.next_end) is None


async def test_a_thread_has_one_round_at_a_time_and_a_channel_none(play: Any) -> None:
    async with play() as game:
        await game.start()
        second = await game.start(game.world.bo)
        assert second.response.ephemeral
        assert "There is a round in this thread already: `/round show` finds it" in game.visit.words(second.response)
        for name, options in (("round start", {"result": "#1"}), ("round show", {}), ("round stop", {})):
            outside = await game.world.ana.slash(game.world.channel, name, **options)
            assert outside.response.ephemeral
            assert "A round belongs to a thread" in game.visit.words(outside.response)


async def test_a_round_opens_in_a_thread_where_nobody_edited_yet(play: Any) -> None:
    async with play() as game:
        answer = await game.world.bo.slash(game.world.thread, "round start", result="#1")
        assert not answer.response.ephemeral
        assert "What next for #1?" in game.visit.words(game.world.thread.history()[-1])


# Restarts and a Discord that fails -----------------------------------------------------------------------------------


async def test_a_crash_before_the_end_makes_one_edit_and_one_only(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        await game.world.stop(crash=True)
        await game.world.restart()
        assert (await game.over()).state is RoundState.WON
        await game.world.restart(crash=True)
        await game.world.idle()
        assert len(await game.books.jobs()) == 2
        await game.untouched()


async def test_a_round_whose_time_passed_while_the_bot_was_down_ends_at_its_start(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        game.world.program.stop()
        await game.let_time_pass()
        await game.world.restart(crash=True)
        assert (await game.told()).state is RoundState.WON
        await game.untouched()


@pytest.mark.parametrize("won", [True, False])
async def test_a_crash_between_the_end_and_the_news_loses_and_doubles_nothing(play: Any, won: bool) -> None:
    async with play() as game:
        if won:
            await game.fill()
        await game.ready()
        await game.over()
        for _ in range(2):
            # As a crash leaves it: posted and drawn, but not marked.
            await game.world.program.database.run(_never_told)
            await game.world.restart(crash=True)
            await game.told()
        assert len(game.news()) == (0 if won else 1)
        assert len(await game.books.jobs()) == (2 if won else 1)
        assert f"Proposal 2 by {game.world.bo.mention} won" in game.visit.words(game.card)


async def _never_told(tx: Any) -> None:
    await tx.execute("UPDATE rounds SET told_at = NULL")


async def test_a_discord_that_fails_for_a_while_is_asked_again(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "cogs.umpire")
    async with play() as game:
        await game.fill()
        await game.ready()
        world = game.world
        world.env.inject_error("GET", f"/guilds/{world.guild.id}/members/{world.bo.id}", status=500, times=2)
        world.env.inject_error("PATCH", f"/channels/{game.thread.id}/messages/{game.card.id}", status=500, times=1)
        assert (await game.over()).state is RoundState.WON
        assert "won" in game.visit.words(game.card)
        assert len(await game.books.jobs()) == 2
        said = [record.getMessage() for record in caplog.records if record.name == "cogs.umpire"]
        assert len(said) == 3
        assert all("is taken up again in" in one and "Discord answered 500" in one for one in said)
        await game.untouched()


async def test_one_dead_thread_delays_no_other(play: Any) -> None:
    async with play() as game:
        world = game.world
        await game.start()
        first = await game.round()
        world.env.inject_error("GET", f"/channels/{game.thread.id}/messages", status=500, times=None)
        await world.ana.slash(world.thread, "round start", result="#1")
        await game.let_time_pass()
        second = await game.told()
        assert second.id != first.id
        still = await world.program.database.read(rounds.get, first.id)
        assert still is not None
        assert (still.state, still.told_at) == (RoundState.SILENT, None)
        world.env.backend.faults.clear()
        async with asyncio.timeout(20):
            while await world.program.database.read(rounds.untold):
                await asyncio.sleep(0.02)
        assert len(game.news()) == 1


@pytest.mark.parametrize(
    ("status", "code", "method"),
    [(403, LOCKED, "POST"), (403, NO_PERMISSION, "POST"), (404, 10003, "GET"), (400, ARCHIVED, "PATCH")],
)
async def test_a_thread_that_is_shut_is_given_up_and_the_round_is_over(
    play: Any, status: int, code: int, method: str
) -> None:
    async with play() as game:
        await game.start()
        path = f"/channels/{game.thread.id}/messages" + ("" if method == "POST" else "/*")
        game.world.env.inject_error(method, path, status=status, code=code, times=None)
        assert (await game.over()).state is RoundState.SILENT


async def test_a_deleted_thread_is_given_up(play: Any) -> None:
    async with play() as game:
        await game.start()
        game.world.env.backend.delete_channel(game.thread.id)
        assert (await game.over()).state is RoundState.SILENT


async def test_the_card_of_a_winner_in_an_archived_thread_is_drawn_once_its_edit_has_woken_it(play: Any) -> None:
    async with play() as game:
        await game.fill()
        await game.ready()
        path = f"/channels/{game.thread.id}/messages/{game.card.id}"
        game.world.env.inject_error("PATCH", path, status=400, code=ARCHIVED, times=2)
        assert (await game.over()).state is RoundState.WON
        assert "won" in game.visit.words(game.card)


async def test_after_a_day_without_an_answer_the_winner_is_given_up_in_the_log(
    play: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(umpire, "_GIVES_UP", 0)
    async with play() as game:
        await game.fill()
        await game.ready()
        world = game.world
        world.env.inject_error("GET", f"/guilds/{world.guild.id}/members/{world.bo.id}", status=500, times=None)
        ended = await game.over()
        assert ended.state is RoundState.REFUSED
        assert ended.reason == "For a whole day, Discord did not say who proposed it."
        assert f"the end of round {ended.id} stands only here: Discord answered 500" in caplog.text
        await game.untouched()


async def test_after_a_day_without_discord_a_round_that_nobody_won_has_ended_by_its_votes(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> None:
        raise ConnectionError("Discord is away")

    monkeypatch.setattr(umpire, "_GIVES_UP", 0)
    monkeypatch.setattr(umpire, "ready", away)
    async with play() as game:
        await game.start()
        assert (await game.over()).state is RoundState.SILENT
