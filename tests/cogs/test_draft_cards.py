"""The card of a draft: what it says and offers, and that it keeps to Discord's bounds whatever stands in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord.components import walk_components

from bot.drafts import GONE
from bot.errors import BadOption, OverQuota
from bot.options import BY_NAME, PARAMETERS, SIZE
from bot.quota import Forecast
from cogs import _draft_cards as cards
from cogs._draft_cards import Sheet, Shown
from cogs._draft_components import Page
from storage.drafts import Draft
from storage.records import Basis, House, Price, Reference, Source

NOON = 1_767_268_800_000
DAY = 86_400
CAT = Reference("a" * 64, 512, 384, "cat_*1*.png", description="a cat")
PRICE = Price(30_000, 45_001, Basis(Source.SERVER, 12))
DANGER, PRIMARY = discord.ButtonStyle.danger.value, discord.ButtonStyle.primary.value


def a_sheet(make: Any, **changes: Any) -> Sheet:
    values = changes.pop("values", {})
    draft = Draft(7, 1, 1, 71, values, (CAT,), None, changes.pop("words_of", None), NOON, NOON + 5)
    sheet = Sheet(
        draft=draft,
        house=House(1),
        prompt="a hat",
        pictures=[Shown(CAT, file="picture-1.jpg")],
        faults=[],
        request=make.request(),
        forecast=Forecast(PRICE),
        price=PRICE,
    )
    return replace(sheet, **changes)


def faulty(make: Any, *faults: BadOption, **changes: Any) -> Sheet:
    return a_sheet(make, **{"faults": faults, "request": None, "forecast": None, **changes})


def parts(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    return list(walk_components(view.to_components()))


def said(view: discord.ui.LayoutView) -> str:
    return "\n".join(part["content"] for part in parts(view) if part["type"] == 10)


def buttons(view: discord.ui.LayoutView) -> dict[str, dict[str, Any]]:
    return {part["label"]: part for part in parts(view) if part["type"] == 2}


async def test_a_draft_that_is_right_says_all_there_is_and_can_be_sent(make: Any) -> None:
    view = cards.draft(a_sheet(make, values={"steps": "40", "fb_cache": True}))
    about = "About **$0.03**, going by 12 edits here"
    assert said(view).splitlines() == [
        "### 📝 Your draft",
        "> a hat",
        "cat\\_\\*1\\*.png · 512 × 384",
        "Set: `steps` **40** · `fb_cache` **yes**",
        f"{about}: 1 picture, 1024 × 768, 30 steps. Up to $0.0451 is held till it is done.",
        f"-# Only you see it. Left alone, it goes away <t:{NOON // 1000 + DAY}:R>.",
    ]
    [gallery] = [part for part in parts(view) if part["type"] == 12]
    assert [item["description"] for item in gallery["items"]] == ["a cat"]
    assert list(buttons(view)) == [
        *("Words", "Pictures", "Size and file", "Guidance", "More options · 1 set", "Send", "Start over", "Discard"),
    ]
    assert buttons(view)["Send"]["custom_id"] == f"draftsend:7:30000:{NOON + 5}"


async def test_the_second_page_has_the_other_groups_and_send(make: Any) -> None:
    assert list(buttons(cards.draft(a_sheet(make), Page.MORE))) == [
        *("Scheduler", "LoRAs", "Cached steps", "Block caches", "CacheDiT", "Face", "Face mask", "Back"),
        *("Send", "Start over", "Discard"),
    ]


async def test_what_is_not_there_yet_is_asked_for_and_is_no_fault(make: Any) -> None:
    missing = [BadOption("prompt", "`prompt` is empty."), BadOption("image", "`image` takes 1 to 3 pictures.")]
    view = cards.draft(faulty(make, *missing, prompt=None, pictures=[], price=None))
    assert "Press **Words**" in said(view)
    assert "Press **Pictures**" in said(view)
    assert "mend" not in said(view)
    assert "About" not in said(view)
    assert "Send" not in buttons(view)
    assert {label: button["style"] for label, button in buttons(view).items() if button["style"] != 2} == {
        "Words": PRIMARY,
        "Pictures": PRIMARY,
    }


@pytest.mark.parametrize(
    ("option", "basic", "more"),
    [
        ("prompt", "Words", None),
        ("image", "Pictures", None),
        (SIZE, "Size and file", None),
        ("steps", "Guidance", None),
        ("nonsense", "Pictures", None),
        ("scheduler", "More options", "Scheduler"),
        ("loras", "More options", "LoRAs"),
        ("face_blur", "More options", "Face mask"),
    ],
)
async def test_a_fault_marks_where_to_mend_it(make: Any, option: str, basic: str, more: str | None) -> None:
    sheet = faulty(make, BadOption(option, "It is wrong."))
    view = cards.draft(sheet)
    assert "**One thing to mend before it can be sent**\n- It is wrong." in said(view)
    assert [label for label, button in buttons(view).items() if button["style"] == DANGER] == [basic]
    further = buttons(cards.draft(sheet, Page.MORE))
    assert [label for label, button in further.items() if button["style"] == DANGER] == ([more] if more else [])


async def test_every_fault_is_said_and_what_has_no_room_is_counted(make: Any) -> None:
    faults = [BadOption("steps", f"Fault {number} is wrong.") for number in range(33)]
    view = said(cards.draft(faulty(make, *faults)))
    assert "**33 things to mend before it can be sent**" in view
    assert view.count("is wrong.") == 33
    long = [BadOption("steps", f"{number} {'x' * 150}") for number in range(33)]
    view = said(cards.draft(faulty(make, *long)))
    assert f"- and {33 - view.count('x' * 150)} more" in view
    assert len(view) <= 4000


async def test_what_is_set_is_listed_as_far_as_there_is_room(make: Any) -> None:
    view = said(cards.draft(a_sheet(make, values=dict.fromkeys(BY_NAME, "value " * 20))))
    [line] = [line for line in view.splitlines() if line.startswith("Set: ")]
    assert line.count("**") % 2 == 0
    left = len(BY_NAME) - 1 - line.count("`") // 2
    assert line.endswith(f" · and {left} more")
    assert left > 0


async def test_a_picture_that_cannot_be_used_is_not_named(make: Any) -> None:
    secret = replace(CAT, label="#12", result_id=12, description=None)
    sheet = faulty(make, BadOption("image", "Picture 1: no."), pictures=[Shown(secret, fault="no.")])
    view = cards.draft(sheet)
    assert "⚠️ the picture cannot be used now" in said(view)
    assert "#12" not in said(view)
    assert not [part for part in parts(view) if part["type"] == 12]


async def test_words_that_are_gone_with_their_result_are_said_to_be(make: Any) -> None:
    view = cards.draft(faulty(make, BadOption("prompt", "empty"), prompt=None, words_of=12))
    assert "Its words were those of #12, which cannot be used now." in said(view)


@pytest.mark.parametrize(
    ("forecast", "words", "colour"),
    [
        (Forecast(PRICE), "", 0x3BA55D),
        (Forecast(PRICE, OverQuota("It is too dear.")), "⛔ It is too dear.", 0x5865F2),
        (Forecast(PRICE, waits=True, asks=True), "🕰️ A manager has to approve it.", 0x3BA55D),
        (Forecast(PRICE, asks=True), "❔ You will be asked about its price first.", 0x3BA55D),
    ],
)
async def test_a_card_says_what_would_become_of_the_edit(
    make: Any, forecast: Forecast, words: str, colour: int
) -> None:
    view = cards.draft(a_sheet(make, forecast=forecast))
    assert words in said(view)
    assert view.to_components()[0]["accent_color"] == colour


async def test_the_worst_draft_keeps_to_discords_bounds(make: Any) -> None:
    long = "_*`|~ 🙂" * 8000
    house = House(1, defaults={**dict.fromkeys(BY_NAME, long), SIZE: long})
    faults = [BadOption(parameter.name, "y" * 250) for parameter in PARAMETERS]
    pictures = [Shown(replace(CAT, label=long), file=f"picture-{number}.jpg") for number in (1, 2, 3)]
    worst = Forecast(PRICE, OverQuota("z" * 300))
    for page in (Page.BASIC, Page.MORE):
        for values in ({}, dict.fromkeys(BY_NAME, long), {f"unknown{n}": long for n in range(50)}):
            for sheet in (
                faulty(make, *faults, values=values, house=house, prompt=long, pictures=pictures),
                a_sheet(make, values=values, house=house, prompt=long, pictures=pictures, forecast=worst),
            ):
                view = cards.draft(sheet, page, note="n" * 5000)
                assert len(said(view)) <= 4000
                assert len(parts(view)) <= 40
                ids = [part["custom_id"] for part in parts(view) if "custom_id" in part]
                assert len(ids) == len(set(ids))
                assert all(len(part.get("label") or "") <= 80 for part in parts(view))


@pytest.mark.parametrize(
    ("values", "now"),
    [({}, "**Euler a**"), ({"scheduler": "none"}, "left to the model"), ({"scheduler": "Heun"}, "**Heun**")],
)
async def test_the_servers_scheduler_can_be_had_and_left_to_the_model(
    make: Any, values: dict[str, str], now: str
) -> None:
    families = cards.families(a_sheet(make, values=values).draft, House(1, {"scheduler": "Euler a"}))
    assert f"Now: {now}." in said(families)
    [menu] = [part for part in parts(families) if part["type"] == 3]
    assert [(option["label"], option["value"]) for option in menu["options"][:2]] == [
        ("Leave it to the model", "none"),
        ("Euler a, as this server set it", "leave"),
    ]


async def test_families_lead_to_their_schedulers_and_mark_the_one_there_is(make: Any) -> None:
    draft, house = a_sheet(make, values={"scheduler": "Euler"}).draft, House()
    families = cards.families(draft, house)
    assert "Now: **Euler**." in said(families)
    [menu] = [part for part in parts(families) if part["type"] == 3]
    assert menu["options"][0] == {"label": "Leave it to the model", "value": "leave", "default": False}
    assert menu["options"][1]["description"] == "the one you have is here"
    assert said(cards.schedulers(draft, house, 99)) == said(families)
    inside = cards.schedulers(draft, house, 0)
    [menu] = [part for part in parts(inside) if part["type"] == 3]
    assert [option["value"] for option in menu["options"] if option["default"]] == ["Euler"]
    stochastic = {option["value"] for option in menu["options"] if option.get("description")}
    assert "Euler a" in stochastic
    assert "Euler" not in stochastic


async def test_what_takes_the_place_of_a_draft_says_what_to_do() -> None:
    for view in (cards.sent(), cards.discarded(), cards.gone()):
        assert "opens a new one" in said(view)
        assert not buttons(view)
    assert GONE in said(cards.gone())
    assert "You had typed:\n> a hat" in said(cards.gone("a hat"))
    assert len(said(cards.gone("*" * 40_000))) <= 4000
