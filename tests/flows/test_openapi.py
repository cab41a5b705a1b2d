"""Every body the bot sends is what Discord's OpenAPI document allows.

The document is not part of the project; where it is absent the test says that it is skipped. discord.py writes the ids
of new attachments, of those who may be mentioned and of what a menu shows as chosen as whole numbers, where the
document has strings (reference/discord.md, trap 10); Discord takes both, so they are rewritten first.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from playground.world import World, open_world
from storage.records import Asker, Consent

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "discord-openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    if not DOCUMENT.exists():
        pytest.skip("Discord's OpenAPI document is not here")
    return json.loads(DOCUMENT.read_text())


async def everything(world: World) -> None:
    """Live through every kind of message: cards, results, forms, refusals, failures, a deletion, a quota."""
    cat = ("cat.png", world.photos["chelsea.png"])
    await world.ana.slash(world.channel, "edit", prompt="make it <night> @everyone", image=cat, results=3)
    await world.idle()
    await world.ana.slash(world.thread, "edit", prompt="x" * 5000, image=cat, seed="0", size="512x512")
    await world.idle()
    await world.ana.slash(world.channel, "edit", prompt="make it night", image=("cat.png", b"no picture"))
    await world.ana.autocomplete(world.channel, "edit", "scheduler", "karras")
    await world.ana.slash(world.channel, "quota")
    shown = next(thread for thread in world.channel.threads if thread.id != world.thread.id).last_message
    assert shown is not None
    form = await world.bo.click(shown, label="Edit")
    await world.bo.submit_modal(form, {"prompt": "now in snow", "picture": ["2"], "files": [cat]})
    await world.idle()
    for label in ("Reroll", "Star", "More"):
        await world.bo.click(shown, label=label)
        await world.idle()
    asked = await world.ana.click(shown, label="Delete")
    assert asked.response is not None
    await world.ana.select(asked.response, ["1"])
    await world.idle()
    world.runware.faults.fail = "providerError"
    await world.cleo.slash(world.channel, "edit", prompt="make it fail", image=cat)
    await world.idle()
    for by in ("day", "member"):
        await world.cleo.slash(world.channel, "usage", by=by)
    await _sweeps(world)
    await money(world)
    await _together_rounds(world)
    await _together_sessions(world)
    await _together_lineage(world)
    await _together_presses(world)
    await recipes(world)
    await _presets(world)
    await drafts(world)
    await trays(world)
    await rules(world)


async def recipes(world: World) -> None:
    """Live through a recipe: shown, run with another picture than its own, and refused with a list of faults."""
    recipe: dict[str, Any] = {
        "recipe": 2,
        "model": "runware:108@22",
        "options": {"prompt": "make it <night> @everyone"},
        "pictures": [{"file": "cat.png", "width": 3, "height": 4, "sha256": "a" * 64}],
    }
    cat = ("cat.png", world.photos["chelsea.png"])
    await world.ana.slash(world.channel, "recipe run", file=("recipe.json", json.dumps(recipe).encode()), image=cat)
    await world.idle()
    recipe["options"] = {"steps": 99, "cfg": 99}
    await world.ana.slash(world.channel, "recipe run", file=("recipe.json", json.dumps(recipe).encode()), image=cat)
    await world.ana.slash(world.channel, "recipe show", result="#2")


async def _sweeps(world: World) -> None:
    """Live through sweeps: refused cells, both answers, the card on its way, the sheet, a picture that is taken down."""
    world.runware.faults.fail = None
    cat = ("cat.png", world.photos["chelsea.png"])
    options = {"prompt": "a <sweep> @everyone", "image": cat, "x": "steps", "x_values": "5, 10, 60"}
    asked = await world.ana.slash(world.channel, "sweep", **options)
    assert asked.response is not None
    await world.ana.click(asked.response, label="No, thanks")
    asked = await world.ana.slash(world.thread, "sweep", y="scheduler", y_values="Euler, UniPC", **options)
    assert asked.response is not None
    await world.ana.click(asked.response, label="Yes, make them")
    await world.idle()
    told = {message: str([part.to_dict() for part in message.components]) for message in world.thread.history()}
    shown = next(message for message, said in told.items() if "Cell 1 of 6" in said)
    await world.ana.click(shown, label="Delete")
    await world.idle()


async def rules(world: World) -> None:
    """Live through a server's own rules and its LoRAs: empty and full, refused, and chosen from a menu."""
    for name, options in (
        ("options show", {}),
        ("options default", {"name": "negative", "value": "a <logo> @everyone"}),
        ("options bound", {"name": "steps", "most": "40"}),
        ("options bound", {"name": "steps", "most": "4"}),
        ("options safety", {"channel": world.channel, "check": "on"}),
        ("lora list", {}),
        ("lora allow", {"air": "local:1@1"}),
        ("lora allow", {"air": "local:sdxl@1"}),
        ("lora forbid", {"air": "local:9@1"}),
        ("lora search", {"query": "nothing of the kind"}),
    ):
        await world.cleo.slash(world.channel, name, **options)
    found = (await world.cleo.slash(world.channel, "lora search", query="o")).response
    assert found is not None
    await world.cleo.select(found, ["local:3@1"], custom_id="lora-allow")
    for command, option in (
        ("edit", "loras"),
        ("lora allow", "air"),
        ("lora forbid", "air"),
        ("options bound", "name"),
    ):
        await world.cleo.autocomplete(world.channel, command, option, "l")


async def money(world: World) -> None:
    """Live through what managers and sponsors see: cards with every control, forms, menus that show what is chosen."""
    shown = await world.cleo.slash(world.channel, "budget show")
    assert shown.response is not None
    filled = {"measure": ["money"], "window": ["calendar-day"], "amount": "5", "ceiling": "1"}
    for whose, who in (("member", world.bo), ("channel", world.channel), ("everybody", None), ("server", None)):
        form = await world.cleo.select(shown.response, [whose], custom_id="limit-for:1")
        await world.cleo.submit_modal(form, filled if who is None else {**filled, "who": [who]})
    await world.cleo.select(shown.response, ["role"], custom_id="limit-for:1")
    form = await world.cleo.click(shown.response, label="Bonus")
    await world.cleo.submit_modal(form, {"who": [world.bo], "amount": "1", "days": "7"})
    form = await world.cleo.click(shown.response, label="Pause")
    await world.cleo.submit_modal(form, {"reason": "a break"})
    await world.cleo.select(shown.response, ["0"], custom_id="resume:1")
    await world.cleo.click(shown.response, label="Log")
    settings = await world.cleo.slash(world.channel, "settings")
    assert settings.response is not None
    await world.cleo.select(settings.response, [world.guild.create_role("Treasurers")], custom_id="settings-managers")
    await world.cleo.select(settings.response, [world.channel], custom_id="settings-alerts")
    await world.cleo.click(settings.response, custom_id="settings-more")
    await world.ana.slash(world.thread, "pool give", amount="0.1", days=3)
    for name in ("show", "close"):
        await world.ana.slash(world.thread, f"pool {name}")


async def drafts(world: World) -> None:
    """Live through a draft: every form empty and filled, wrong values, the menus of schedulers, sent, and thrown away."""
    answer = await world.ana.slash(world.channel, "draft", prompt="a <draft> @everyone")
    card: Any = answer.response
    cat = ("cat.png", world.photos["chelsea.png"])
    form = await world.ana.click(card, label="Pictures")
    await world.ana.submit_modal(form, {"files": [cat, cat]})
    for page, labels in (
        ("basic", ("Words", "Pictures", "Size and file", "Guidance")),
        ("more", ("LoRAs", "Cached steps", "Block caches", "CacheDiT", "Face", "Face mask")),
    ):
        if page == "more":
            await world.ana.click(card, label="More options")
        for label in labels:
            await world.ana.click(card, label=label)
    form = await world.ana.click(card, label="Cached steps")
    await world.ana.submit_modal(form, {"cache_start": "many", "cache_end": "3"})
    await world.ana.click(card, label="Scheduler")
    for chosen in ("0", "Euler"):
        await world.ana.select(card, [chosen])
    await world.ana.click(card, label="Start over")
    form = await world.ana.click(card, label="Words")
    await world.ana.submit_modal(form, {"prompt": "a draft"})
    await world.ana.click(card, label="Send")
    await world.idle()
    again: Any = (await world.ana.slash(world.channel, "draft")).response
    await world.ana.click(again, label="Discard")


async def trays(world: World) -> None:
    """Live through a tray: empty, full, with a choice, in another order, edited, and with what cannot be used."""
    await world.bo.slash(world.channel, "references")
    photos = next(message for message in world.thread.history() if len(message.attachments) > 1)
    answer = await world.bo.context_menu(world.thread, "Add as reference", photos)
    card: Any = answer.response
    choice = next(part for part in card.components[0]["components"] if part.get("components", [{}])[0].get("options"))
    await world.bo.select(card, [option["value"] for option in choice["components"][0]["options"]][2:])
    await world.bo.click(card, label="Move earlier")
    form = await world.bo.click(card, label="Edit")
    await world.bo.submit_modal(form, {"prompt": "a <tray> @everyone"})
    await world.idle()
    await world.program.services.consents.say(Asker(world.guild.id, world.cleo.id), Consent.NOBODY)
    await world.bo.slash(world.channel, "references")
    await world.program.services.consents.say(Asker(world.guild.id, world.cleo.id), None)
    await world.bo.click(card, label="Clear")


async def _together_rounds(world: World) -> None:
    """Live through a round: its card without and with proposals, the form empty and filled, a vote, how it is told."""
    world.runware.faults.fail = None
    await world.ana.slash(world.channel, "edit", prompt="a round", image=("cat.png", world.photos["chelsea.png"]))
    await world.idle()
    thread = next(thread for thread in world.channel.threads if thread.name == "a round")
    shown = thread.last_message
    assert shown is not None
    result_id = shown.attachments[0].filename.split("-")[0]
    await world.ana.slash(thread, "round start", result=result_id)
    card = thread.last_message
    assert card is not None
    for prompt in ("make it <night> @everyone", "make it day"):
        form = await world.bo.click(card, label="Propose")
        await world.bo.submit_modal(form, {"prompt": prompt})
    await world.cleo.select(thread.history()[-1], ["1"], custom_id="vote:1")
    await world.bo.slash(thread, "round show")
    await world.ana.click(thread.history()[-1], label="Stop")
    async with asyncio.timeout(20):
        while "The round about" not in str(thread.history()[-1].components[0].to_dict()):
            await asyncio.sleep(0.02)


async def _together_sessions(world: World) -> None:
    """Live through a session: news, refusals, a closing with its best, an export; and through galleries, full and empty."""
    cat = ("cat.png", world.photos["chelsea.png"])
    await world.ana.slash(world.channel, "edit", prompt="a <session> @everyone", image=cat, results=8)
    await world.idle()
    thread = next(thread for thread in world.channel.threads if (thread.name or "").startswith("a <session>"))
    shown = thread.last_message
    assert shown is not None
    asked = await world.ana.click(shown, label="Star")
    assert asked.response is not None
    made = [file.filename.split("-")[0] for file in shown.attachments]
    await world.ana.select(asked.response, made)
    await world.idle()
    painters = world.guild.create_role("Painters")
    for name, options in (
        ("invite", {"member": world.bo}),
        ("access", {"who": "a role", "role": painters}),
        ("remove", {"member": world.bo}),
        *((state, {}) for state in ("show", "lock", "open", "close", "close", "export", "reopen")),
        ("owner", {"member": world.cleo}),
    ):
        await world.ana.slash(thread, f"session {name}", **options)
    seen = (await world.bo.slash(thread, "gallery")).response
    assert seen is not None
    await world.bo.click(seen, label="Next")
    await world.bo.click(seen, label="Back")
    await world.bo.select(seen, made[-1:], custom_id="gallery-open")
    await world.bo.select(seen, ["last week"], custom_id="gallery-hall")


async def _together_lineage(world: World) -> None:
    """Live through a tree, a comparison and a way of two pages, with their buttons and menus, and a result shown again."""
    small: dict[str, Any] = {"size": "128x128", "steps": 1}
    known = {thread.id for thread in world.channel.threads}
    start = {"image": ("cat.png", world.photos["chelsea.png"])}
    await world.ana.slash(world.channel, "edit", prompt="a way", **start, **small)
    await world.idle()
    [thread] = [thread for thread in world.channel.threads if thread.id not in known]
    for _ in range(8):
        shown = thread.last_message
        assert shown is not None
        await world.ana.slash(thread, "edit", prompt="on", **{"from": shown.jump_url}, **small)
        await world.idle()
    await world.bo.autocomplete(thread, "tree", "result", "on")
    tree, both, way = [await world.bo.slash(thread, name) for name in ("tree", "compare", "history")]
    assert tree.response is not None
    assert both.response is not None
    assert way.response is not None
    await world.bo.click(way.response, label="Page 2")
    for label in ("History", "Tree"):
        await world.bo.click(both.response, label=label)
    shown = thread.last_message
    assert shown is not None
    look = await world.bo.select(tree.response, [shown.attachments[0].filename.split("-")[0]], custom_id="step:1")
    assert look.response is not None
    await world.bo.click(look.response, label="Show here")
    await world.bo.click(look.response, label="Compare")


async def _together_presses(world: World) -> None:
    """Press everything that leads on from a result: a claimed form, a branch, a merge, the menus, a star, a timelapse."""
    await world.ana.slash(
        world.channel, "edit", prompt="pressed", image=("cat.png", world.photos["chelsea.png"]), results=2
    )
    await world.idle()
    thread = next(thread for thread in world.channel.threads if thread.name == "pressed")

    def last() -> Any:
        return max(thread.history(), key=lambda message: message.id)

    several = last()
    first, second = [file.filename.split("-")[0] for file in several.attachments]
    await world.bo.click(several, label="Edit")
    form = await world.ana.click(several, label="Edit")
    await world.ana.submit_modal(form, {"prompt": "a child", "picture": [second]})
    await world.idle()
    child = last()
    await world.bo.click(child, label="Star")
    look = (await world.bo.click(child, label="More")).response
    assert look is not None
    await world.bo.click(look, label="Branch")
    menu = (await world.bo.click(look, label="Merge")).response
    assert menu is not None
    await world.bo.select(
        menu, [first, second], custom_id=menu.components[0]["components"][1]["components"][0]["custom_id"]
    )
    look = (await world.bo.click(child, label="More")).response
    assert look is not None
    back = (await world.bo.click(look, label="Back")).response
    assert back is not None
    await world.bo.select(back, [first], custom_id=f"go:{second}")
    await world.bo.context_menu(thread, "Edit image", child)
    photographs = world.thread.last_message
    assert photographs is not None
    await world.bo.context_menu(world.thread, "Edit image", photographs)
    await world.bo.slash(thread, "timelapse")
    await world.bo.autocomplete(thread, "edit", "from", "#")


async def _presets(world: World) -> None:
    """Live through presets: kept short and long, listed, shown, their forms with blanks and without, and deleted."""
    await world.ana.slash(world.channel, "preset save", name="night", prompt="a {subject} <@1>", options="steps=9")
    await world.ana.slash(world.channel, "preset save", name="long", prompt="x" * 5000)
    for number in range(8):
        await world.ana.slash(world.channel, "preset save", name=f"number {number}", options="fb_cache=yes")
    listed = (await world.ana.slash(world.channel, "preset list")).response
    assert listed is not None
    await world.ana.click(listed, label="Next")
    for key in ("merge-three", "lettering-zh"):
        shown = (await world.ana.select(listed, [key], custom_id="presets-show")).response
        assert shown is not None
        await world.ana.click(shown, label="Use it")
        await world.ana.click(shown, label="All presets")
        await world.ana.click(shown, label="Next")
    for name in ("night", "long", "number 1"):
        await world.ana.slash(world.channel, "preset show", name=name)
        await world.ana.slash(world.channel, "preset use", name=name)
    form = await world.ana.slash(world.channel, "preset use", name="night")
    await world.ana.submit_modal(form, {"blank-1": "cat", "files": [("cat.png", world.photos["chelsea.png"])]})
    await world.idle()
    for typed in ("", "n"):
        await world.ana.autocomplete(world.channel, "preset use", "name", typed)
        await world.ana.autocomplete(world.channel, "preset save", "options", typed)
    await world.ana.slash(world.channel, "preset delete", name="night")


async def test_every_body_sent_is_valid(document: dict[str, Any]) -> None:
    registry: Any = Registry().with_resource("urn:discord", Resource(contents=document, specification=DRAFT202012))
    templates = sorted(document["paths"], key=lambda path: path.count("{"))
    checked: set[str] = set()
    async with open_world() as world:
        await everything(world)
        for request in world.env.http_requests:
            body = request.json
            if body is None:
                continue
            method, path = request.method.lower(), request.path.split("?")[0]
            template = next(
                t
                for t in templates
                if method in document["paths"][t] and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", t), path)
            )
            steps = ("paths", template, method, "requestBody", "content", "application/json", "schema")
            pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
            schema: Any = {"$ref": f"urn:discord#/{pointer}"}
            errors = list(Draft202012Validator(schema, registry=registry).iter_errors(stringified(body)))
            assert not errors, f"{method} {path}: {errors[0].message[:2000]} in {json.dumps(body)[:2000]}"
            checked.add(f"{method} {template}")
    assert len(checked) >= 6, checked


def stringified(body: Any) -> Any:
    body = json.loads(json.dumps(body, default=str))
    for part in (body, body.get("data") or {}) if isinstance(body, dict) else ():
        for attachment in part.get("attachments") or []:
            attachment["id"] = str(attachment["id"])
        mentions = part.get("allowed_mentions") or {}
        if "users" in mentions:
            mentions["users"] = [str(user) for user in mentions["users"]]
        for default in defaults(part.get("components") or []):
            default["id"] = str(default["id"])
    return body


def defaults(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what all menus among components show as chosen."""
    inner = [default for part in components for default in defaults(part.get("components") or [])]
    return [*(default for part in components for default in part.get("default_values") or []), *inner]
