"""A gallery: what stands on a page of it, where one goes from there, and what an empty one says."""

from __future__ import annotations

import re
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from simcord.components import walk_components

from bot.gallery import Page, Room
from cogs import _gallery_cards as cards
from cogs._budget_components import BUDGET_ITEMS
from cogs._components import DYNAMIC_ITEMS
from cogs._gallery_components import GALLERY_ITEMS, Hall, HallMenu, OpenMenu, TurnButton
from storage.lineage import Step
from storage.stars import START, Shelf

GUILD = 1_000_000_000_000_000_001
MONDAY = date(2026, 11, 23).toordinal()
WEEK = Room(Shelf.WEEK, GUILD, MONDAY)
SERVER = Room(Shelf.SERVER, GUILD)
HALLS = {
    Hall.THIS_WEEK: WEEK,
    Hall.LAST_WEEK: Room(Shelf.WEEK, GUILD, MONDAY - 7),
    Hall.ALL_TIME: SERVER,
    Hall.MINE: Room(Shelf.PERSON, GUILD, 5),
}
LONGEST = 100
MOST = 2**63 - 1


@pytest.fixture
def step(make: SimpleNamespace) -> Any:
    def build(number: int = 12, prompt: str = "Make it snow", user_id: int | None = 71, **changes: Any) -> Step:
        result = make.result(number, **{"stars": 3, **changes})
        return Step(result, make.request(prompt=prompt), 1, user_id, 44_200, 1)

    return build


def show(
    *steps: Step,
    room: Room = SERVER,
    before: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
    files: dict[int, tuple[str, str]] | None = None,
) -> ui.LayoutView:
    every = {step.result.id: (f"{step.result.id}.jpg", f"picture {step.result.id}") for step in steps}
    shown = every if files is None else files
    return cards.show(Page(room, steps, before, after), steps, shown, HALLS, guild_id=GUILD)


def says(made: ui.LayoutView) -> str:
    return "\n".join(item.content for item in made.walk_children() if isinstance(item, ui.TextDisplay))


def controls(made: ui.LayoutView) -> dict[str, dict[str, Any]]:
    return {part["custom_id"]: dict(part) for part in walk_components(made.to_components()) if "custom_id" in part}


# A page --------------------------------------------------------------------------------------------------------------


def test_each_picture_has_its_stars_its_maker_its_link_and_an_alt_text(step: Any) -> None:
    made = show(step(12), step(13, user_id=None, stars=1))
    [shown] = [item for item in made.walk_children() if isinstance(item, ui.MediaGallery)]
    assert [(item.media.url, item.description) for item in shown.items] == [
        ("attachment://12.jpg", "picture 12"),
        ("attachment://13.jpg", "picture 13"),
    ]
    link = f"[Make it snow](https://discord.com/channels/{GUILD}/20/22)"
    assert says(made).splitlines() == [
        "### ⭐ The best of all time",
        f"⭐\N{NO-BREAK SPACE}3 · **#12** · <@71> · {link}",
        f"⭐\N{NO-BREAK SPACE}1 · **#13** · someone · {link}",
    ]
    assert [option["value"] for option in controls(made)["gallery-open"]["options"]] == ["12", "13"]


def test_a_picture_whose_bytes_are_gone_is_named_and_linked(step: Any) -> None:
    made = show(step(12), files={})
    assert not [item for item in made.walk_children() if isinstance(item, ui.MediaGallery)]
    assert "**#12**" in says(made)
    assert "I no longer have this picture; its message may still show it." in says(made)


@pytest.mark.parametrize(
    ("room", "title"),
    [
        (SERVER, "The best of all time"),
        (WEEK, "The best of this week"),
        (Room(Shelf.WEEK, GUILD, MONDAY - 7), "The best of last week"),
        (Room(Shelf.WEEK, GUILD, MONDAY - 14), "The best of the week of November 9, 2026"),
        (Room(Shelf.PERSON, GUILD, 5), "The best of your pictures"),
        (Room(Shelf.PERSON, GUILD, 6), "The best of <@71>"),
        (Room(Shelf.SESSION, 9), "The best of a session"),
    ],
)
def test_the_title_says_which_gallery_it_is_and_the_menu_has_it_chosen(step: Any, room: Room, title: str) -> None:
    made = show(step(), room=room)
    assert says(made).splitlines()[0] == f"### ⭐ {title}"
    chosen = [option["value"] for option in controls(made)["gallery-hall"]["options"] if option["default"]]
    assert chosen == [hall for hall, leads_to in HALLS.items() if leads_to == room]


def test_there_are_buttons_where_there_are_pages_and_they_stay_in_place(step: Any) -> None:
    assert not [name for name in controls(show(step())) if "back" in name or "next" in name]
    first = controls(show(step(), after=(3, 12)))
    assert {name: part["disabled"] for name, part in first.items() if part["type"] == 2} == {
        f"gallery-back:server:0:{START[0]}-{START[1]}": True,
        "gallery-next:server:0:3-12": False,
    }
    assert not any(part["disabled"] for part in controls(show(step(), before=(9, 8), after=(3, 12))).values())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({}, "There is no picture here yet that has a star and stands where you can read. Press ⭐"),
        ({"after": (1, 2)}, "The pictures that come next stand where you cannot read; **Next** goes on"),
        ({"before": (1, 2)}, "There are no more pictures that you can see; **Back** leads"),
    ],
)
def test_an_empty_page_says_what_to_do(page: dict[str, Any], said: str) -> None:
    made = show(**page)
    assert said in says(made)
    assert "gallery-open" not in controls(made)
    assert "gallery-hall" in controls(made)
    assert says(show(room=Room(Shelf.PERSON, GUILD, 6))).startswith("### ⭐ The best of one person\n")


def test_a_full_page_of_whatever_people_write_stays_within_discords_limits(step: Any) -> None:
    steps = [step(MOST - number, "“*_`|[” @everyone <@1>" * 300, stars=10**6) for number in range(6)]
    payload = show(
        *steps, room=Room(Shelf.WEEK, GUILD, MONDAY - 21), before=(MOST, MOST), after=(MOST, MOST)
    ).to_components()
    parts = list(walk_components(payload))
    assert len(parts) <= 40
    assert sum(len(part["content"]) for part in parts if "content" in part) <= 4000
    for option in (option for part in parts for option in part.get("options", [])):
        assert len(option["label"]) <= LONGEST
        assert len(option.get("description") or "") <= LONGEST


# Custom ids ----------------------------------------------------------------------------------------------------------

ids = st.integers(0, MOST)


@given(st.sampled_from(Shelf), ids, ids, ids, st.booleans())
async def test_a_turn_button_comes_back_as_it_was_made(
    shelf: Shelf, subject: int, stars: int, result_id: int, back: bool
) -> None:
    room = Room(shelf, subject) if shelf is Shelf.SESSION else Room(shelf, GUILD, subject)
    made = TurnButton(room, (stars, result_id), back=back)
    custom_id = made.item.custom_id or ""
    assert len(custom_id) <= LONGEST
    template = TurnButton.__discord_ui_compiled_template__
    match = re.fullmatch(template, custom_id)
    assert match is not None
    pressed: Any = SimpleNamespace(guild_id=GUILD)
    again = await TurnButton.from_custom_id(pressed, made.item, match)
    assert (again.room, again.place, again.back) == (room, (stars, result_id), back)


def test_no_two_kinds_of_controls_answer_to_the_same_custom_id() -> None:
    made = [TurnButton(SERVER, (1, 2), back=True), HallMenu([Hall.MINE]), OpenMenu()]
    for item in made:
        every = (*GALLERY_ITEMS, *BUDGET_ITEMS, *DYNAMIC_ITEMS)
        answering = [kind for kind in every if kind.__discord_ui_compiled_template__.fullmatch(item.custom_id)]
        assert answering == [type(item)]
