"""The cards of managers and sponsors: what they say, and that the fullest server still fits what Discord takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.budgets import MAX_ALLOWANCES, Budget, GrantView, Limit
from cogs import _budget_cards as cards
from cogs._budget_cards import Destination, Names, Surroundings
from cogs._layout import AMBER, GREEN
from storage.audit import Change
from storage.records import Allowance, Grant, Measure, Pause, Scope, Server, Standing
from storage.windows import Span, Stretch, Window

NOON = 1_767_268_800_000
GUILD = 9_000_000_000_000_000_001
REGULARS, STUDIO, BO = 9_000_000_000_000_000_002, 9_000_000_000_000_000_003, 9_000_000_000_000_000_004
DAY = Window.daily()
NAMES = Names({REGULARS: "Regulars", GUILD: "@everyone"}, {STUDIO: "studio"}, {BO: "Bo"})


def a_limit(scope: Scope, subject_id: int = 0, user_id: int | None = None, **changes: Any) -> Limit:
    allowance = Allowance(scope, Measure.MONEY, 500_000, DAY, None, subject_id, 1)
    return Limit(replace(allowance, **changes), user_id)


def a_standing(allowance: Allowance, spent: int = 0, held: int = 0) -> Standing:
    return Standing(allowance, spent, held, Stretch(NOON, NOON + 86_400_000))


def a_grant(scope: Scope, subject_id: int, user_id: int | None = None, **changes: Any) -> GrantView:
    grant = Grant(7, GUILD, scope, subject_id, 5_000_000, 3, None, NOON, None, None)
    return GrantView(replace(grant, **changes), user_id, BO)


def a_budget(*limits: Limit, grants: tuple[GrantView, ...] = (), pauses: tuple[Pause, ...] = ()) -> Budget:
    ours = [limit.allowance for limit in limits if limit.allowance.scope is Scope.SERVER]
    operators = [Allowance(Scope.SERVER, Measure.MONEY, 5_000_000, DAY), Allowance(Scope.BOT, Measure.MONEY, 9, DAY)]
    standings = tuple(a_standing(allowance) for allowance in (*ours, *operators))
    return Budget(Server(GUILD), limits, standings, grants, pauses)


def words_of(view: discord.ui.LayoutView) -> str:
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay))


def menu_of(view: discord.ui.LayoutView, action: str) -> list[tuple[str, str, str | None]]:
    """Return the labels, values and descriptions of a menu; none where there is no such menu."""
    parts = [part for row in view.to_components()[0]["components"] for part in row.get("components", [])]
    menus = [part for part in parts if part["custom_id"].startswith(f"{action}:")]
    return [(each["label"], each["value"], each.get("description")) for menu in menus for each in menu["options"]]


def labels_of(view: discord.ui.LayoutView) -> list[str]:
    parts = [part for row in view.to_components()[0]["components"] for part in row.get("components", [])]
    return [part["label"] for part in parts if part["type"] == discord.ComponentType.button.value]


# The budget ----------------------------------------------------------------------------------------------------------


async def test_limits_are_listed_by_whose_they_are() -> None:
    view = cards.budget(
        a_budget(
            a_limit(Scope.MEMBER, 12, BO, amount=0, id=4),
            a_limit(Scope.ROLE, REGULARS, measure=Measure.PICTURES, amount=20, ceiling=4, id=3),
            a_limit(Scope.ROLE, GUILD, id=5),
            a_limit(Scope.CHANNEL, STUDIO, window=Window(Span.WEEK, rolling=True), id=2),
        ),
        NAMES,
    )
    said = words_of(view)
    assert f"**Channels**\n- <#{STUDIO}>: $0.50 in any 7 days\n" in said
    assert f"- everybody: $0.50 a day\n- <@&{REGULARS}>: 20 pictures a day, at most 4 pictures an edit\n" in said
    assert f"**Members**\n- <@{BO}>: no edits\n" in said
    assert menu_of(view, "limit-off") == [
        ("#studio", "2", "$0.50 in any 7 days"),
        ("Everybody", "5", "$0.50 a day"),
        ("@Regulars", "3", "20 pictures a day, at most 4 pictures an edit"),
        ("@Bo", "4", "no edits"),
    ]


async def test_what_is_gone_is_named_as_such_and_can_be_taken_away() -> None:
    limits = (
        a_limit(Scope.ROLE, 1, id=1),
        a_limit(Scope.CHANNEL, 2, id=2),
        a_limit(Scope.MEMBER, 3, BO, id=3),
        a_limit(Scope.MEMBER, 4, None, id=4),
    )
    view = cards.budget(a_budget(*limits), Names(left=frozenset({BO})))
    said = words_of(view)
    assert "- a role that was deleted: $0.50 a day" in said
    assert "- a channel that was deleted: $0.50 a day" in said
    assert said.count("- a member who left: $0.50 a day") == 2
    assert [label for label, _, _ in menu_of(view, "limit-off")] == [
        "A channel that was deleted",
        "A role that was deleted",
        "A member who left",
        "A member who left",
    ]


async def test_a_member_whose_name_discord_did_not_tell_is_not_said_to_have_left() -> None:
    view = cards.budget(a_budget(a_limit(Scope.MEMBER, 12, BO)), Names())
    assert f"- <@{BO}>: $0.50 a day" in words_of(view)
    assert menu_of(view, "limit-off") == [("A member (…0004)", "1", "$0.50 a day")]


async def test_a_limit_of_the_server_shows_how_it_stands() -> None:
    limit = a_limit(Scope.SERVER)
    budget = replace(a_budget(limit), ceilings=(a_standing(limit.allowance, spent=100_000, held=50_000),))
    said = words_of(cards.budget(budget, NAMES))
    assert (
        "**This server**\n**$0.35 left** of $0.50 a day\n🟦🟦🟨⬜⬜⬜⬜⬜⬜⬜\n"
        "-# 🟦 spent $0.10 · 🟨 held $0.05 · fresh <t:1767355200:R>"
    ) in said


async def test_a_count_and_a_limit_of_nothing_have_no_bar() -> None:
    edits = a_limit(Scope.SERVER, measure=Measure.EDITS, amount=20)
    none = a_limit(Scope.SERVER, amount=0, id=2)
    said = words_of(cards.budget(a_budget(edits, none), NAMES))
    assert "**20 edits left** of 20 edits a day · fresh <t:1767355200:R>\n**No edits**: $0.00 a day" in said


async def test_the_operators_limits_stand_on_the_first_page_without_what_other_servers_spent() -> None:
    standard = [Allowance(Scope.MEMBER, Measure.MONEY, 250_000, DAY)]
    said = words_of(cards.budget(a_budget(), NAMES, standard=standard))
    assert "**Set by whoever runs me**\n**$5.00 left** of $5.00 a day" in said
    assert "-# Members without a limit here: $0.25 a day." in said
    assert "-# Over all servers: plenty" in said


async def test_bonuses_and_pools_say_what_is_left_and_the_newest_comes_first() -> None:
    grants = (
        a_grant(Scope.MEMBER, 12, BO, spent=1_000_000, expires_at=NOON),
        a_grant(Scope.ROLE, REGULARS, id=8, spent=7_000_000),
        a_grant(Scope.THREAD, 55, id=9, sponsor_id=3),
    )
    view = cards.budget(a_budget(grants=grants), NAMES)
    assert (
        f"**Bonuses and pools**\n- 🫙 <#55>: $5.00 left of $5.00, from <@{BO}>\n"
        f"- 🎁 <@&{REGULARS}>: $5.00 each, $7.00 used in all\n"
        f"- 🎁 <@{BO}>: $4.00 left of $5.00, ends <t:1767268800:R>"
    ) in words_of(view)
    assert menu_of(view, "bonus-end") == [
        ("A thread", "9", "$5.00 left of $5.00"),
        ("@Regulars", "8", "$5.00 each"),
        ("@Bo", "7", "$4.00 left of $5.00"),
    ]


async def test_a_pause_says_where_and_why_and_only_ones_own_can_be_ended() -> None:
    pauses = (
        Pause(0, 0, "the bill", NOON, operators=True),
        Pause(GUILD, 0, "a *break*", NOON),
        Pause(GUILD, STUDIO, "paint dries", NOON),
    )
    view = cards.budget(a_budget(pauses=pauses), NAMES)
    said = words_of(view)
    assert "⏸️ Paused everywhere by whoever runs me: the bill" in said
    assert "⏸️ Paused in this server: a \\*break\\*" in said
    assert f"⏸️ Paused in <#{STUDIO}>: paint dries" in said
    assert menu_of(view, "resume") == [("This server", "0", "a *break*"), ("#studio", str(STUDIO), "paint dries")]
    assert view.to_components()[0].get("accent_color") == AMBER.value


async def test_an_empty_budget_offers_nothing_to_take_away() -> None:
    view = cards.budget(a_budget(), NAMES)
    assert [menu_of(view, action) for action in ("limit-off", "bonus-end", "resume")] == [[], [], []]
    assert labels_of(view) == ["Bonus", "Pause", "Log"]
    assert view.to_components()[0].get("accent_color") == GREEN.value


@pytest.mark.parametrize(
    ("page", "turns", "first"),
    [(1, ["More"], "1"), (5, ["Back", "More"], "41"), (10, ["Back"], "91"), (99, ["Back"], "91")],
)
async def test_a_long_list_is_turned_page_by_page(page: int, turns: list[str], first: str) -> None:
    limits = [a_limit(Scope.ROLE, number, id=number) for number in range(1, 101)]
    view = cards.budget(a_budget(*limits), NAMES, page=page)
    assert labels_of(view) == ["Bonus", "Pause", "Log", *turns]
    assert f"Page {min(page, 10)} of 10" in words_of(view)
    assert menu_of(view, "limit-off")[0][1] == first


async def test_every_limit_stands_on_the_page_that_is_shown_after_it_was_set() -> None:
    limits = [a_limit(scope, number, id=100 - number) for number in range(40) for scope in (Scope.MEMBER,)]
    budget = a_budget(*limits, a_limit(Scope.CHANNEL, STUDIO, id=200))
    for limit in budget.limits:
        view = cards.budget(budget, NAMES, page=cards.page_of(budget, limit.allowance.id))
        assert str(limit.allowance.id) in [value for _, value, _ in menu_of(view, "limit-off")]
    assert cards.page_of(budget, 999) == 1


HUGE = 100_000_000_000
SNOWFLAKE = 2**63 - 1_000


def a_full_budget() -> Budget:
    """Return the budget of a server with as much of everything as there can be, in the longest words."""
    windows = [Window(span, rolling=rolling) for rolling in (True, False) for span in Span]
    shared = [
        a_limit(Scope.SERVER, amount=HUGE - 1, ceiling=HUGE - 1, window=window, measure=measure, id=number)
        for number, (measure, window) in enumerate([(each, window) for each in Measure for window in windows], 1)
    ]
    scopes = [Scope.CHANNEL, Scope.ROLE, Scope.MEMBER]
    others = [
        a_limit(
            scopes[number % 3],
            SNOWFLAKE + number,
            SNOWFLAKE + number,
            amount=1_000_000,
            ceiling=1_000_000,
            measure=Measure.PICTURES,
            window=Window(Span.HOUR, rolling=True),
            id=number,
        )
        for number in range(100, 100 + MAX_ALLOWANCES - len(shared))
    ]
    grants = tuple(
        a_grant(
            Scope.THREAD,
            SNOWFLAKE + number,
            id=number,
            amount=HUGE - 1,
            sponsor_id=3,
            expires_at=NOON * 1000,
        )
        for number in range(1, 101)
    )
    pauses = (Pause(0, 0, "*" * 200, NOON), *(Pause(GUILD, SNOWFLAKE + n, "*" * 200, NOON) for n in range(100)))
    budget = a_budget(*shared, *others, grants=tuple(replace(g, giver_id=SNOWFLAKE) for g in grants), pauses=pauses)
    used = tuple(a_standing(each.allowance, HUGE // 3, HUGE // 7) for each in budget.ceilings)
    more = tuple(a_standing(Allowance(Scope.BOT, Measure.MONEY, HUGE, window)) for window in windows)
    return replace(budget, ceilings=(*used, *more))


def full_names() -> Names:
    everything = {SNOWFLAKE + number: "W" * 100 for number in range(300)}
    return Names(everything, everything, everything)


async def test_the_fullest_server_fits_what_discord_takes_on_every_page() -> None:
    budget, names = a_full_budget(), full_names()
    assert len(budget.limits) == MAX_ALLOWANCES
    standard = [Allowance(Scope.MEMBER, Measure.MONEY, HUGE - 1, DAY)]
    note = f"✅ Set for <@{SNOWFLAKE}>: $99999.9999 in any 60 minutes, at most $99999.9999 an edit."
    for page in range(1, cards.pages(budget) + 1):
        view = cards.budget(budget, names, standard=standard, page=page, note=note)
        assert view.content_length() <= 4000
        parts = list(view.walk_children())
        assert len(parts) <= 40
        assert len(words_of(view).split("\n")) <= 80
        menus = [row for row in view.to_components()[0]["components"] for row in row.get("components", [])]
        for menu in menus:
            assert len(menu["custom_id"]) <= 100
            for option in menu.get("options", []):
                assert len(option["label"]) <= 100
                assert len(option.get("description") or "") <= 100
            assert len(menu.get("options", [])) <= 25


# The log -------------------------------------------------------------------------------------------------------------


async def test_the_log_says_who_changed_what_when_from_and_to() -> None:
    said = words_of(
        cards.log(
            [
                Change(NOON, 3, BO, f"limit of <@&{REGULARS}>", "", "$0.50 a day"),
                Change(NOON, 3, None, "pause in this server", "*soon*", ""),
            ],
        )
    )
    assert f"- limit of <@&{REGULARS}>: – → $0.50 a day\n  -# <@{BO}> · <t:1767268800:R>" in said
    assert "- pause in this server: \\*soon\\* → –\n  -# someone · " in said


async def test_an_empty_log_says_so() -> None:
    assert "Nothing was changed yet." in words_of(cards.log([]))


async def test_the_longest_log_fits() -> None:
    limit = "1,000,000 pictures in any 60 minutes, at most 1,000,000 pictures an edit"
    long = [
        *[Change(NOON, 3, SNOWFLAKE, f"pause in this channel <#{SNOWFLAKE}>", "`" * 200, "")] * 7,
        *[Change(NOON, 3, SNOWFLAKE, f"limit of <@&{SNOWFLAKE}>", limit, limit)] * 8,
    ]
    assert cards.log(long).content_length() <= 4000


# Settings ------------------------------------------------------------------------------------------------------------


async def test_settings_that_nobody_touched_say_what_holds() -> None:
    said = words_of(cards.settings(Server(GUILD), Surroundings(), now=NOON))
    assert "Those with Manage Server, and nobody else." in said
    assert "Nowhere: nobody hears when a limit is nearly used up." in said
    assert "**Time zone:** UTC, 12:00 now" in said
    assert said.count("never") == 2


SERVER = Server(GUILD, "Europe/Berlin", REGULARS, STUDIO, 500_000, 0)


async def test_settings_show_what_is_set_in_words_and_in_the_menus() -> None:
    view = cards.settings(SERVER, Surroundings(), now=NOON, note="✅ Saved.")
    said = words_of(view)
    assert f"Those with Manage Server, and <@&{REGULARS}>." in said
    assert f"<#{STUDIO}>." in said
    assert "Europe/Berlin, 13:00 now" in said
    assert "**Ask members first:** above $0.50" in said
    assert "**A manager approves:** above $0.00" in said
    assert [default["id"] for default in defaults_of(view)] == [REGULARS, STUDIO]


async def test_settings_name_what_was_deleted_and_what_the_bot_lacks() -> None:
    gone = cards.settings(SERVER, Surroundings(role_there=False, alerts=Destination(there=False)), now=NOON)
    said = words_of(gone)
    assert "The role that was chosen beside them was deleted: choose another." in said
    assert "The channel that was chosen was deleted: choose another." in said
    assert defaults_of(gone) == []
    mute = words_of(
        cards.settings(SERVER, Surroundings(alerts=Destination(lacking=("View Channel", "Send Messages"))), now=NOON)
    )
    assert "I can't post there: I lack **View Channel** and **Send Messages**." in mute


def defaults_of(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    parts = [part for row in view.to_components()[0]["components"] for part in row.get("components", [])]
    return [default for part in parts for default in part.get("default_values", [])]


# Pools ---------------------------------------------------------------------------------------------------------------


async def test_a_pool_says_who_gave_what_and_what_became_of_it() -> None:
    grant = a_grant(Scope.THREAD, 55, spent=1_000_000, held=500_000, sponsor_id=3)
    said = words_of(cards.pool([grant]))
    assert "### 🫙 $3.50 left in this thread's pool" in said
    assert f"- <@{BO}> gave $5.00: $1.00 spent, $0.50 held, $3.50 left" in said
    assert "This thread has no pool" in words_of(cards.pool([]))


async def test_a_pool_of_many_sponsors_fits() -> None:
    grants = [a_grant(Scope.THREAD, 55, id=n, amount=HUGE - 1, expires_at=NOON) for n in range(200)]
    view = cards.pool(grants)
    assert "and 185 more" in words_of(view)
    assert view.content_length() <= 4000


async def test_what_is_given_says_when_it_returns() -> None:
    grant = a_grant(Scope.THREAD, 55, sponsor_id=3).grant
    assert "What is not spent returns when it is closed." in words_of(cards.funded(BO, grant))
    assert "returns <t:1767268800:R>." in words_of(cards.funded(BO, replace(grant, expires_at=NOON)))


async def test_a_closed_pool_says_per_sponsor_what_returned() -> None:
    grant = a_grant(Scope.THREAD, 55, spent=1_000_000, held=500_000, sponsor_id=3).grant
    said = words_of(cards.closed(BO, [grant], {7: None}, remaining=False))
    assert said == (
        f"🫙 <@{BO}> closed this thread's pool.\n"
        "- someone gave $5.00: $1.00 spent, $3.50 returned, $0.50 still held for edits that run"
    )
    part = words_of(cards.closed(BO, [replace(grant, held=0)], {7: BO}, remaining=True))
    assert (
        f"<@{BO}> closed their part of this thread's pool.\n- <@{BO}> gave $5.00: $1.00 spent, $4.00 returned" in part
    )
