"""Rounds in words: what shows while people vote, what only shows at the end, and that the fullest round fits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rounds import LONGEST_PROPOSAL, MOST_PROPOSALS, RoundView
from cogs import _cards, _round_forms
from cogs import _round_cards as cards
from cogs._components import DYNAMIC_ITEMS
from cogs._layout import AMBER, BLUE, GREEN, GREY, RED, TEXT
from cogs._round_components import ROUND_ITEMS, VoteMenu
from storage.lineage import Step
from storage.records import (
    Access,
    Basis,
    Price,
    Proposal,
    Round,
    RoundState,
    Session,
    SessionState,
    Source,
)

NOON = 1_767_268_800_000
ANA, BO, CLEO = 71, 72, 73
PICTURE = [("12-seed-1.jpg", "a cat")]
ROUND = Round(4, 1, 12, 1, 50, 2, NOON, NOON + 600_000, RoundState.OPEN, None, None, None, None)
SESSION = Session(1, 9, 10, 20, True, 1, Access.OPEN, None, SessionState.OPEN, NOON, None)


def proposals(*votes: int, prompt: str = "Make it snow") -> tuple[Proposal, ...]:
    people = (ANA, BO, CLEO)
    return tuple(Proposal(80 + n, n, people[n % 3], prompt, given) for n, given in enumerate(votes))


@pytest.fixture(scope="session")
def a_view(make: SimpleNamespace) -> Any:
    step = Step(make.result(12), make.request(), 1, ANA, 44_200, 1)
    price = Price(26_100, 39_100, Basis(Source.EXAMPLES))
    view = RoundView(ROUND, SESSION, step, (), price, 500_000, None, ANA)

    def build(*votes: int, prompt: str = "Make it snow", pool: int = 500_000, **changes: Any) -> RoundView:
        given = proposals(*votes, prompt=prompt)
        return replace(view, round=replace(ROUND, **changes), proposals=given, pool=pool)

    return build


def words_of(view: discord.ui.LayoutView) -> str:
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay))


def colour_of(view: discord.ui.LayoutView) -> Any:
    [container] = view.children
    assert isinstance(container, discord.ui.Container)
    return container.accent_colour


def controls(view: discord.ui.LayoutView) -> list[str]:
    return [item.custom_id for item in view.walk_children() if isinstance(item, discord.ui.DynamicItem)]


def board(view: RoundView) -> discord.ui.LayoutView:
    return cards.board(view, pictures=PICTURE)


def test_an_open_round_says_who_asks_until_when_what_it_costs_and_who_pays(a_view: Any) -> None:
    shown = board(a_view())
    assert words_of(shown) == (
        "### 🗳️ What next for #12?\n"
        "<@71> asks what to do with [#12](https://discord.com/channels/9/20/22): propose an edit, vote for one.\n"
        "It ends <t:1767269400:R>, at <t:1767269400:t>.\n"
        "💡 Nobody has proposed anything yet.\n"
        "🫙 The winner will cost about **$0.0261**, paid by this thread's pool, which has **$0.50** left.\n"
        "-# Nobody has voted; at least 2 must. Who leads shows at the end."
    )
    assert colour_of(shown) == BLUE
    assert controls(shown) == ["propose:4", "roundstop:4"]


@pytest.mark.parametrize(("pool", "said"), [(0, "is **empty**"), (39_099, "has only **$0.0391** left")])
def test_a_pool_that_does_not_cover_the_hold_is_said_with_what_to_do(a_view: Any, pool: int, said: str) -> None:
    shown = board(a_view(pool=pool))
    assert f"which {said}. Up to $0.0391 has to be there at the end: add to it with `/pool give`." in words_of(shown)
    assert colour_of(shown) == AMBER


def test_who_leads_stays_hidden_while_people_vote(a_view: Any) -> None:
    few, many = words_of(board(a_view(3, 0))), words_of(board(a_view(0, 3)))
    assert few == many
    assert "3 people have voted; at least 2 must." in few
    assert "1 person has voted" in words_of(board(a_view(1, 0)))


def test_the_menu_lists_proposals_by_number_and_prompt(a_view: Any) -> None:
    shown = board(a_view(0, 0, prompt="Make it\n snow " + "x" * 60 + " " + "y" * 60))
    [menu] = [item for item in shown.walk_children() if isinstance(item, VoteMenu)]
    assert [(option.value, option.label) for option in menu.item.options] == [
        ("80", "1 · Make it snow " + "x" * 60 + "…"),
        ("81", "2 · Make it snow " + "x" * 60 + "…"),
    ]
    assert controls(shown) == ["vote:4", "propose:4", "roundstop:4"]


def test_the_end_shows_what_each_proposal_got_and_takes_the_controls_away(a_view: Any) -> None:
    shown = board(a_view(1, 2, state=RoundState.WON, winner_id=81))
    said = words_of(shown)
    assert said.startswith("### 🏆 Proposal 2 by <@72> won\n<@71> asked what to do with [#12]")
    assert "\n**1** · <@71> · 1 vote\n" in said
    assert "\n🏆 **2** · <@72> · 2 votes\n" in said
    assert said.endswith("It goes on below, and this thread's pool pays.\n-# 3 people voted; at least 2 had to.")
    assert controls(shown) == []
    assert colour_of(shown) == GREEN


NOTHING = "Nothing was made, and nothing was charged. `/round start` opens another one."


@pytest.mark.parametrize(
    ("votes", "changes", "said", "colour"),
    [
        (
            (2, 1, 2),
            {"state": RoundState.TIED},
            ("⚖️ The round ended in a tie", "Proposals 1 and 3 have 2 votes each."),
            AMBER,
        ),
        ((1,), {"state": RoundState.FEW}, ("🪹 Too few people voted", "1 person voted, and at least 2 had to."), AMBER),
        ((0,), {"state": RoundState.FEW}, ("🪹 Too few people voted", "Nobody voted, and at least 2 had to."), AMBER),
        ((), {"state": RoundState.SILENT}, ("🪹 Nobody proposed anything",), GREY),
        ((1, 0), {"state": RoundState.STOPPED}, ("✋ The round was stopped",), GREY),
        (
            (2, 0),
            {"state": RoundState.REFUSED, "winner_id": 80, "reason": "The pool is empty."},
            ("⛔ Proposal 1 by <@71> won, but could not be made", "The pool is empty."),
            RED,
        ),
    ],
)
def test_every_end_without_an_edit_is_told_in_words_with_a_link(
    a_view: Any, votes: tuple[int, ...], changes: dict[str, Any], said: tuple[str, ...], colour: discord.Colour
) -> None:
    view = a_view(*votes, **changes)
    told = cards.news(view)
    head, *lines = said
    link = "-# [The round about #12](https://discord.com/channels/9/20/50)"
    assert words_of(told) == "\n".join((f"**{head}**", *lines, NOTHING, link))
    assert words_of(board(view)).startswith(f"### {head}\n")
    assert colour_of(told) == colour_of(board(view)) == colour


@pytest.mark.parametrize("state", list(RoundState))
def test_every_state_of_a_round_has_its_words(a_view: Any, state: RoundState) -> None:
    assert "#12" in words_of(board(a_view(1, 1, state=state)))


@given(st.text(min_size=1, max_size=LONGEST_PROPOSAL), st.booleans(), st.sampled_from(RoundState))
def test_the_fullest_round_fits(a_view: Any, prompt: str, signs: bool, state: RoundState) -> None:
    huge, words = 2**62, "*" * LONGEST_PROPOSAL if signs else prompt
    fullest = tuple(Proposal(huge + n, huge, huge, words, 10) for n in range(MOST_PROPOSALS))
    view = a_view(id=huge, state=state, winner_id=huge, reason="r" * 5000, message_id=huge)
    view = replace(view, proposals=fullest, opener_user_id=huge)
    others = (cards.voted(view, huge), cards.where(view)) if state is RoundState.OPEN else (cards.news(view),)
    for shown in (board(view), *others):
        assert 0 < len(words_of(shown)) <= TEXT
        assert shown.total_children_count <= 40


def test_a_voter_alone_reads_the_whole_of_what_they_voted_for(a_view: Any) -> None:
    lines = "\n".join(f"line {n}" for n in range(20))
    view = a_view(0, 0, prompt=lines)
    said = words_of(cards.voted(view, 81))
    assert said.startswith("✅ **Your vote: 2**, proposed by <@72>\n> line 0\n")
    assert "> line 19\n" in said
    assert "> line 19" not in words_of(board(view))
    assert said.endswith("-# It counts <t:1767269400:R>, when the round ends. Choose again to change it.")


def test_what_people_wrote_is_shown_as_they_wrote_it(a_view: Any) -> None:
    said = words_of(board(a_view(0, prompt="@everyone **loud** <@71>")))
    assert "> \\@everyone \\*\\*loud\\*\\* \\<@71>" in said


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**24))
def test_the_mark_of_a_round_is_no_mark_of_a_job(round_id: int, job_id: int) -> None:
    assert 0 < cards.mark(round_id) < 2**31
    assert cards.mark(round_id) != _cards.mark(job_id)


@given(st.integers(1, 2**63 - 1), st.sampled_from(ROUND_ITEMS))
async def test_a_custom_id_gives_back_its_round_and_belongs_to_one_kind(number: int, item: type[Any]) -> None:
    made = item(number)
    kinds = [
        kind
        for kind in (*ROUND_ITEMS, *DYNAMIC_ITEMS)
        if kind.__discord_ui_compiled_template__.fullmatch(made.custom_id)
    ]
    assert kinds == [item]
    match = item.__discord_ui_compiled_template__.fullmatch(made.custom_id)
    assert (await item.from_custom_id(None, made.item, match)).target == number


def test_the_form_is_filled_with_ones_own_proposal_and_says_what_is_lost() -> None:
    fresh, again = _round_forms.proposal(4, None).to_dict(), _round_forms.proposal(4, "Make it snow").to_dict()
    assert fresh["components"][0]["description"] == "One proposal each. It may still be changed."
    assert again["components"][0]["description"] == "Other words lose the votes that yours has."
    assert again["components"][0]["component"]["value"] == "Make it snow"
    assert again["components"][0]["component"]["max_length"] == LONGEST_PROPOSAL


def test_a_sent_form_is_read_and_another_one_is_not() -> None:
    typed = {"component": {"custom_id": "prompt", "value": " Make it snow "}}
    sent = _round_forms.read({"custom_id": "form-round:4", "components": [typed]})
    assert sent == _round_forms.Sent(4, " Make it snow ")
    assert _round_forms.read({"custom_id": "form-edit:4", "components": [typed]}) is None
