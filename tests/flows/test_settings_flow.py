"""``/settings``: who manages, where alerts go, and what is typed."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from playground.world import World, open_world
from storage.records import Server

TYPED = {"zone": "Europe/Berlin", "ask": "0.50", "approve": "1", "stars": "3"}


async def server_of(world: World) -> Server:
    return await world.program.services.budgets.server(world.guild.id)


async def a_card(world: World) -> Any:
    answer = await world.cleo.slash(world.channel, "settings")
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


def defaults_of(card: Any) -> list[str]:
    """Return the ids that the card's menus show as chosen."""
    rows = [part for part in card.components[0]["components"] if part["type"] == discord.ComponentType.action_row.value]
    return [default["id"] for row in rows for part in row["components"] for default in part.get("default_values", [])]


async def test_the_menus_choose_who_manages_and_where_alerts_go_and_show_it(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        role = world.guild.create_role("Treasurers")
        await world.env.settle()
        card = await a_card(world)
        assert "Those with Manage Server, and nobody else." in words(card)
        await world.cleo.select(card, [role], custom_id="settings-managers")
        assert f"✅ Saved.\n**Who manages the budget**\nThose with Manage Server, and {role.mention}." in words(card)
        await world.cleo.select(card, [world.channel], custom_id="settings-alerts")
        assert f"**Where alerts go**\n{world.channel.mention}." in words(card)
        assert [int(chosen) for chosen in defaults_of(card)] == [role.id, world.channel.id]
        await world.restart()
        for menu in ("settings-managers", "settings-alerts"):
            await world.cleo.select(card, [], custom_id=menu)
        assert await server_of(world) == Server(world.guild.id)
        assert "Nowhere: nobody hears" in words(card)


async def test_everybody_cannot_be_made_a_manager(visit_of: Any) -> None:
    async with open_world() as world:
        card = await a_card(world)
        everyone = world.guild.default_role
        answer = await world.cleo.select(card, [everyone], custom_id="settings-managers")
        assert "everybody could manage the budget: choose another." in visit_of(world).words(answer.response)
        assert (await server_of(world)).manager_role_id is None


async def test_a_channel_where_the_bot_may_not_post_is_named_with_what_it_lacks(visit_of: Any) -> None:
    async with open_world() as world:
        words, me = visit_of(world).words, world.guild.me
        assert me is not None
        mute = discord.PermissionOverwrite(send_messages=False)
        quiet = world.guild.create_text_channel("quiet", overwrites={me: mute})
        await world.env.settle()
        card = await a_card(world)
        await world.cleo.select(card, [quiet], custom_id="settings-alerts")
        assert f"{quiet.mention}. ⚠️ I can't post there: I lack **Send Messages**." in words(card)


async def test_what_was_deleted_is_named_as_such(visit_of: Any) -> None:
    async with open_world() as world:
        role, channel = world.guild.create_role("Treasurers"), world.guild.create_text_channel("alerts")
        await world.env.settle()
        card = await a_card(world)
        await world.cleo.select(card, [role], custom_id="settings-managers")
        await world.cleo.select(card, [channel], custom_id="settings-alerts")
        world.env.backend.delete_role(world.guild.id, role.id)
        world.env.backend.delete_channel(channel.id)
        await world.env.settle()
        card = await a_card(world)
        said = visit_of(world).words(card)
        assert "The role that was chosen beside them was deleted: choose another." in said
        assert "The channel that was chosen was deleted: choose another." in said
        assert defaults_of(card) == []


async def test_the_form_sets_the_time_zone_and_the_prices_and_empties_turn_them_off(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        card = await a_card(world)
        form = await world.cleo.click(card, custom_id="settings-more")
        await world.restart()
        await world.cleo.submit_modal(form, {**TYPED, "zone": "europe/berlin"})
        assert "**Time zone:** Europe/Berlin, " in words(card)
        assert "**Ask members first:** above $0.50\n**A manager approves:** above $1.00" in words(card)
        form = await world.cleo.click(card, custom_id="settings-more")
        assert form.modal is not None
        filled = [label["component"].get("value") for label in form.modal["components"]]
        assert filled == ["Europe/Berlin", "0.5", "1", "3"]
        await world.cleo.submit_modal(form, {"zone": "UTC", "ask": "", "approve": "", "stars": "3"})
        assert await server_of(world) == Server(world.guild.id)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zone": "Europe/Berlni"}, "There is no time zone “Europe/Berlni”"),
        ({"zone": "../../etc/passwd"}, "There is no time zone"),
        ({"ask": "-1"}, "`Ask members first above` should be an amount in dollars such as `0.50`, not “-1”."),
        ({"approve": "often"}, "`A manager must approve above` should be an amount"),
        ({"stars": "0"}, "`Stars for the showcase` has to be more than 0"),
        ({"approve": "1000000"}, "$100,000 is the most it can be"),
    ],
)
async def test_bad_input_in_the_form_sets_nothing_and_is_said_back(
    visit_of: Any, changes: dict[str, str], said: str
) -> None:
    async with open_world() as world:
        card = await a_card(world)
        form = await world.cleo.click(card, custom_id="settings-more")
        answer = await world.cleo.submit_modal(form, {**TYPED, **changes})
        words = visit_of(world).words(answer.response)
        assert said in words
        assert "Nothing was changed. You sent: " in words
        assert await server_of(world) == Server(world.guild.id)


async def test_what_is_changed_on_the_card_is_refused_to_one_who_may_not_any_more(visit_of: Any) -> None:
    async with open_world() as world:
        role = world.guild.create_role("Treasurers")
        await world.env.settle()
        world.env.backend.add_member_role(world.guild.id, world.ana.id, role.id)
        await world.cleo.select(await a_card(world), [role], custom_id="settings-managers")
        card = (await world.ana.slash(world.channel, "settings")).response
        assert card is not None
        form = await world.ana.click(card, custom_id="settings-more")
        world.env.backend.remove_member_role(world.guild.id, world.ana.id, role.id)
        for answer in (
            await world.ana.select(card, [world.channel], custom_id="settings-alerts"),
            await world.ana.submit_modal(form, TYPED),
        ):
            assert "Only those who manage this server" in visit_of(world).words(answer.response)
        assert await server_of(world) == Server(world.guild.id, manager_role_id=role.id)
