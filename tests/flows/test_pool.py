"""``/pool``: what members give to a thread, how it is spent, and how it returns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from playground.world import open_world


async def test_what_is_given_is_news_in_the_thread_and_comes_out_of_the_sponsors_own(visit_of: Any) -> None:
    async with open_world(member_daily_usd=Decimal("0.50")) as world:
        words = visit_of(world).words
        empty = await world.bo.slash(world.thread, "pool show")
        assert "This thread has no pool" in words(empty.response)
        given = await world.ana.slash(world.thread, "pool give", amount="0.40", days=3)
        assert given.response is not None
        assert not given.response.ephemeral
        assert f"🫙 {world.ana.mention} gave **$0.40** to this thread's pool." in words(given.response)
        assert "What is not spent returns <t:" in words(given.response)
        shown = await world.bo.slash(world.thread, "pool show")
        assert shown.response is not None
        assert shown.response.ephemeral
        assert f"- {world.ana.mention} gave $0.40: $0.00 spent, $0.00 held, $0.40 left, ends <t:" in words(
            shown.response
        )
        more = await world.ana.slash(world.thread, "pool give", amount="0.40")
        assert "You cannot give $0.40: your own limits allow $0.50 a day, and $0.10 is left. Enough is free" in words(
            more.response
        )


async def test_a_pool_pays_for_others_and_the_rest_returns_when_its_sponsor_closes_it(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(member_daily_usd=Decimal("0.50")) as world:
        visit = visit_of(world)
        await world.ana.slash(world.thread, "pool give", amount="0.40")
        await visit.edit(world.bo, world.thread)
        [job] = await books_of(world).jobs()
        closed = await world.ana.slash(world.thread, "pool close")
        said = visit.words(closed.response)
        assert f"🫙 {world.ana.mention} closed this thread's pool." in said
        spent = f"{Decimal(job.cost) / 1_000_000:.4f}"
        assert f"- {world.ana.mention} gave $0.40: ${spent.removesuffix('00')} spent, $0.3" in said
        assert "returned" in said
        assert closed.response is not None
        assert not closed.response.ephemeral
        again = await world.ana.slash(world.thread, "pool give", amount="0.45")
        assert "gave **$0.45**" in visit.words(again.response)


async def test_a_sponsor_closes_their_own_part_and_a_manager_all_of_it(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        for sponsor, amount in ((world.ana, "0.10"), (world.bo, "0.20")):
            await sponsor.slash(world.thread, "pool give", amount=amount)
        part = words((await world.ana.slash(world.thread, "pool close")).response)
        assert part == (
            f"🫙 {world.ana.mention} closed their part of this thread's pool.\n"
            f"- {world.ana.mention} gave $0.10: $0.00 spent, $0.10 returned"
        )
        none = await world.ana.slash(world.thread, "pool close")
        assert "You gave nothing to this pool" in words(none.response)
        assert none.response is not None
        assert none.response.ephemeral
        await world.cleo.slash(world.thread, "budget grant", amount="1", thread=world.thread)
        whole = words((await world.cleo.slash(world.thread, "pool close")).response)
        assert f"🫙 {world.cleo.mention} closed this thread's pool." in whole
        assert f"- {world.bo.mention} gave $0.20: $0.00 spent, $0.20 returned" in whole
        assert f"- {world.cleo.mention} gave $1.00: $0.00 spent, $1.00 returned" in whole
        gone = await world.cleo.slash(world.thread, "pool close")
        assert "This thread has no pool." in words(gone.response)


async def test_what_a_running_edit_holds_is_named_when_the_pool_is_closed(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        await world.ana.slash(world.thread, "pool give", amount="0.40")
        world.runware.pause()
        await visit.ask(world.bo, world.thread)
        closed = visit.words((await world.ana.slash(world.thread, "pool close")).response)
        assert "still held for edits that run" in closed
        world.runware.resume()
        await world.idle()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"amount": "0"}, "`amount` has to be at least $0.01"),
        ({"amount": "-2"}, "`amount` should be an amount in dollars such as `0.50`, not “-2”."),
        ({"amount": "some"}, "not “some”"),
        ({"amount": "0.1", "days": 0}, "a bonus lasts for 1 to 366 days"),
        ({"amount": "99"}, "You cannot give $99.00: your own limits allow $0.50 a day, and $0.50 is left. Give less."),
    ],
)
async def test_what_cannot_be_given_is_refused_to_the_sponsor_alone(
    visit_of: Any, options: dict[str, Any], said: str
) -> None:
    async with open_world() as world:
        answer = await world.ana.slash(world.thread, "pool give", **options)
        assert answer.response is not None
        assert answer.response.ephemeral
        assert said in visit_of(world).words(answer.response)
        assert await world.program.services.budgets.pool(world.guild.id, world.thread.id) == []


@pytest.mark.parametrize(("name", "options"), [("pool show", {}), ("pool give", {"amount": "1"}), ("pool close", {})])
async def test_outside_a_thread_a_sentence_says_where_it_works(
    visit_of: Any, name: str, options: dict[str, Any]
) -> None:
    async with open_world() as world:
        answer = await world.cleo.slash(world.channel, name, **options)
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "A pool belongs to a thread" in visit_of(world).words(answer.response)
