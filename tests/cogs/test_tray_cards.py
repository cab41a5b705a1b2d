"""The card and the form of a tray: what they say and offer, that they keep to Discord's bounds, and how a form is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord.components import walk_components

from bot.tray import MOST_HELD
from cogs import _tray_cards as cards
from cogs import _tray_forms as forms
from cogs._layout import TEXT
from cogs._tray_cards import Shown
from storage.records import Basis, Price, Reference, Source

NOON = 1_767_268_800_000
CAT = Reference("a" * 64, 512, 384, "cat_*1*.png", description="a cat")
RESULT = Reference("b" * 64, 1024, 768, "#12", result_id=12)
LINK = "https://discord.com/channels/1/2/3"
FILE = Shown(1, CAT, LINK, user_id=71, file="picture-1.jpg")
PRICES = [Price(number * 10_000, number * 15_000, Basis(Source.SERVER, 12)) for number in (3, 4, 5)]
COMPONENTS = 40
DESCRIPTION = 100


def parts(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    return list(walk_components(view.to_components()))


def said(view: discord.ui.LayoutView) -> list[str]:
    return [line for part in parts(view) if part["type"] == 10 for line in part["content"].splitlines()]


def buttons(view: discord.ui.LayoutView) -> list[str]:
    return [part["custom_id"] for part in parts(view) if part["type"] == 2]


async def test_a_card_shows_each_picture_beside_its_words_with_what_can_be_done_below() -> None:
    view = cards.tray([FILE, Shown(2, RESULT, LINK, file="picture-2.jpg")], NOON, notes=["Added 1 picture."])
    assert said(view) == [
        "### 🗂️ Your references",
        "Your next edit without a picture of its own uses these, in this order.",
        "Added 1 picture.",
        "**1** · cat\\_\\*1\\*.png · 512 × 384",
        f"-# <@71>’s, from [this message]({LINK})",
        "**2** · #12 · 1024 × 768",
        f"-# A result, from [this message]({LINK})",
        f"-# Only you see it. Left alone, it goes away <t:{NOON // 1000}:R>.",
    ]
    assert buttons(view) == ["trayremove:1", "trayearlier:2", "trayremove:2", "trayedit", "trayclear"]
    thumbnails = [part for part in parts(view) if part["type"] == 11]
    assert [(one["media"]["url"], one["description"]) for one in thumbnails] == [
        ("attachment://picture-1.jpg", "Picture 1: a cat"),
        ("attachment://picture-2.jpg", "Picture 2: #12"),
    ]


@pytest.mark.parametrize(
    ("shown", "origin"),
    [
        (FILE, "<@71>’s, from"),
        (replace(FILE, own=True), "A file of yours, from"),
        (replace(FILE, user_id=None), "From"),
        (replace(FILE, reference=RESULT), "A result, from"),
    ],
)
async def test_it_says_where_a_picture_is_from(shown: Shown, origin: str) -> None:
    assert f"-# {origin} [this message]({LINK})" in said(cards.tray([shown], NOON))


async def test_what_cannot_be_used_says_why_and_only_goes() -> None:
    view = cards.tray([replace(FILE, fault="It was taken down.", file=None)], NOON)
    assert "⚠️ It was taken down." in said(view)
    assert buttons(view) == ["trayremove:1", "trayclear"]
    assert [part for part in parts(view) if part["type"] == 11] == []


async def test_more_than_an_edit_takes_becomes_a_choice() -> None:
    pictures = [replace(FILE, id=number, file=f"picture-{number}.jpg") for number in range(1, 6)]
    view = cards.tray(pictures, NOON)
    assert "**2 more wait, and an edit takes 3.** Choose those to keep: the others go." in said(view)
    [menu] = [part for part in parts(view) if part["type"] == 3]
    assert (menu["custom_id"], menu["min_values"], menu["max_values"]) == ("traykeep", 1, 3)
    assert [(one["value"], one.get("default", False)) for one in menu["options"]] == [
        *(("1", True), ("2", True), ("3", True), ("4", False), ("5", False)),
    ]
    [gallery] = [part for part in parts(view) if part["type"] == 12]
    assert [item["media"]["url"] for item in gallery["items"]] == [f"attachment://picture-{n}.jpg" for n in (4, 5)]
    assert "**4** · cat\\_\\*1\\*.png · 512 × 384" in said(view)
    one_more = said(cards.tray(pictures[:4], NOON))
    assert "**1 more waits, and an edit takes 3.** Choose those to keep: the others go." in one_more


async def test_an_empty_tray_says_how_it_is_filled() -> None:
    view = cards.tray([], 0, notes=["⚠️ The file was no picture."])
    assert "There are none yet." in said(view)
    assert "⚠️ The file was no picture." in said(view)
    assert cards.HOW_TO in said(view)
    assert buttons(view) == []


async def test_the_fullest_card_keeps_to_discords_bounds() -> None:
    worst = replace(CAT, label="*" * 900, description="d" * 1024, width=2048, height=2048)
    link = f"https://discord.com/channels/{2**63}/{2**63}/{2**63}"
    pictures = [
        Shown(
            2**63 - number, worst, link, 2**63, fault="f" * 2000 if number < 3 else None, file=f"picture-{number}.jpg"
        )
        for number in range(1, MOST_HELD + 1)
    ]
    view = cards.tray(pictures, NOON, notes=["n" * 300] * 20)
    assert sum(len(part["content"]) for part in parts(view) if part["type"] == 10) <= TEXT
    assert len(parts(view)) <= COMPONENTS
    assert all(len(part["description"]) <= 1024 for part in parts(view) if part["type"] == 11)
    [menu] = [part for part in parts(view) if part["type"] == 3]
    assert all(1 <= len(option["label"]) <= 100 for option in menu["options"])


async def test_a_form_says_which_picture_is_which_and_takes_as_many_more_as_go_with_them() -> None:
    form = forms.edit([CAT, RESULT], PRICES[:2])
    assert form.custom_id == "tray-edit:30000-40000"
    above, prompt, files = form.to_dict()["components"]
    assert above["content"] == "Picture 1 is cat\\_\\*1\\*.png and picture 2 is #12."
    assert prompt["description"].startswith("About $0.03, going by 12 edits here")
    assert (files["component"]["max_values"], files["component"]["required"]) == (1, False)
    assert files["description"] == "A person, a thing, a style to bring in. 1 more: $0.04."
    assert len(forms.edit([CAT] * 3, PRICES[:1]).to_dict()["components"]) == 2
    assert form.is_finished(), "discord.py keeps no form"


async def test_a_sent_form_is_read_from_what_discord_sends() -> None:
    attached = {"99": {"id": "99"}, "98": {"id": "98"}, "97": {"id": "97"}}
    upload = {"type": 19, "custom_id": "files", "values": ["99"]}
    prompt = {"type": 4, "custom_id": "prompt", "value": " a *hat* "}

    def sent(custom_id: str = "tray-edit:30000-40000", *files: str) -> Any:
        labels = [{"type": 18, "component": part} for part in (prompt, {**upload, "values": list(files)})]
        return forms.read({"custom_id": custom_id, "components": labels, "resolved": {"attachments": attached}})

    read = sent()
    assert (read.prompt, read.price, read.files) == ("a *hat*", 30_000, ())
    assert str(read) == "a \\*hat\\*"
    assert (sent("tray-edit:30000-40000", "99").price, sent("tray-edit:30000-40000", "99", "98").price) == (
        40_000,
        40_000,
    )
    assert sent("tray-edit:0") is sent("tray-edit:") is sent("form-edit:1:2") is None
