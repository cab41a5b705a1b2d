"""A server's own rules: what its managers may set, what of it is refused to them, and what it does to edits."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot import house, options
from bot.errors import BadOption, EditError, NotFound
from bot.house import MAX_ALLOWED, Houses
from storage import audit
from storage import house as rows
from storage.database import Tx
from storage.offers import Offer
from storage.records import Bound, House, Job

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

GUILD = 10


async def log_of(studio: Studio) -> list[tuple[str, str, str]]:
    """What was written down, oldest first."""
    changes = await studio.database.read(audit.last, GUILD, 100)
    return [(change.subject, change.before, change.after) for change in reversed(changes)]


class Manager:
    """Somebody who manages the studio's server."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.houses: Houses = studio.houses

    async def default(self, name: str, value: object = None) -> House:
        return await self.houses.set_default(self.studio.MODERATOR, name, value)

    async def bound(self, name: str, least: object = None, most: object = None) -> House:
        return await self.houses.set_bound(self.studio.MODERATOR, name, least, most)

    async def allow(self, air: str, name: str = "Paper Cut") -> bool:
        return await self.houses.allow(self.studio.MODERATOR, air, name)

    async def refused(self, change: Awaitable[object], by: type[EditError] = BadOption) -> str:
        return await self.studio.refusal(change, by)


@pytest.fixture
def manager(studio: Studio) -> Manager:
    return Manager(studio)


# Defaults ------------------------------------------------------------------------------------------------------------

DEFAULTS: list[tuple[str, Any, Any]] = [
    ("steps", "25", 25),
    ("results", " 2 ", 2),
    ("cfg", "7,35", 7.35),
    ("scheduler", "euler A", "Euler a"),
    ("format", "jpeg", "JPG"),
    ("tea_cache", "on", True),
    ("size", "1024×768", "1024x768"),
    ("negative", " a logo \n a watermark ", "a logo \n a watermark"),
]


@pytest.mark.parametrize(("name", "typed", "stored"), DEFAULTS)
async def test_a_default_is_read_as_the_option_is_and_stands_where_it_is_left_out(
    manager: Manager, name: str, typed: str, stored: Any
) -> None:
    after = await manager.default(name, typed)
    assert after == await manager.houses.of(GUILD)
    assert after.defaults == {name: stored}
    assert after.filled({"prompt": "x", name: None}) == {"prompt": "x", name: stored}
    assert after.filled({"prompt": "x", name: "own"})[name] == "own"
    assert (await manager.default(name)).defaults == {}
    assert await manager.houses.of(GUILD) == House(GUILD)


@pytest.mark.parametrize("nothing", ["none", " NONE\n", "-"])
def test_what_is_said_to_be_nothing_is_left_to_the_model_with_a_default_or_without_one(nothing: str) -> None:
    rules = House(GUILD, {"negative": "a logo", "cfg": 4.0})
    said = {"prompt": nothing, "negative": nothing, "cfg": None, "scheduler": nothing}
    assert rules.filled(said) == {"prompt": nothing, "cfg": 4.0}, "but a prompt is never nothing"


async def test_a_default_of_nothing_is_none(manager: Manager) -> None:
    for name, value in (("negative", "a logo"), ("size", "512x512"), ("cfg", "4")):
        await manager.default(name, value)
        assert (await manager.default(name, "None")).defaults == {}


async def test_a_size_that_matches_the_picture_is_no_default(manager: Manager) -> None:
    await manager.default("size", "512x512")
    assert (await manager.default("size", options.MATCH)).defaults == {}


NO_DEFAULTS = [
    ("prompt", "a hat", "`prompt` takes no default: it is what each edit is about."),
    ("seed", "7", "`seed` takes no default: with one,"),
    ("step", "7", "`step` is no option of an edit; did you mean `steps`?"),
    ("steps", "51", "`steps` is a whole number from 1 to 50, and `51` was given."),
    ("tea_cache", "perhaps", "`tea_cache` is yes or no, and `perhaps` was given."),
    ("size", "1000x1000", "`size` takes a width in steps of 16, and 1000 was given; 992 and 1008 are nearest."),
    ("loras", "local:1@1", "`loras` takes those that the managers of this server let in, and `local:1@1` is none"),
]


@pytest.mark.parametrize(("name", "typed", "said"), NO_DEFAULTS, ids=[name for name, _, _ in NO_DEFAULTS])
async def test_what_can_be_no_default_is_refused_by_name(manager: Manager, name: str, typed: str, said: str) -> None:
    assert (await manager.refused(manager.default(name, typed))).startswith(said)


async def test_defaults_that_contradict_each_other_are_refused_when_the_second_is_set(manager: Manager) -> None:
    await manager.default("cache_start", "10")
    said = await manager.refused(manager.default("cache_end", "10"))
    assert said.startswith("`cache_end` comes after `cache_start`, and 10 was given for 10")
    said = await manager.refused(manager.default("cache_end_percent", "80"))
    assert "`cache_start` and `cache_end_percent` exclude each other" in said
    await manager.default("cache_end", "25")
    said = await manager.refused(manager.default("steps", "20"))
    assert said == (
        "That does not go with the other defaults here: `cache_end` goes up to the number of `steps`, which is 20, "
        "and 25 was given. `/options show` lists what is set."
    )
    await manager.default("cache_end")
    await manager.default("steps", "20")


async def test_what_an_earlier_version_took_does_not_keep_anybody_from_mending_the_rest(
    manager: Manager, studio: Studio
) -> None:
    await studio.database.run(rows.put_default, GUILD, "scheduler", "Gone Since")
    await manager.default("steps", "20")
    await manager.default("scheduler", "Euler")
    assert (await manager.houses.of(GUILD)).defaults == {"steps": 20, "scheduler": "Euler"}


# Bounds --------------------------------------------------------------------------------------------------------------


async def test_a_bound_binds_edits_and_is_named_with_what_was_given(manager: Manager, studio: Studio) -> None:
    assert (await manager.bound("steps", "2", "40")).bounds == {"steps": Bound(2, 40)}
    request = replace(studio.request(), steps=41)
    said = await studio.refusal(studio.edits.request(studio.ANA, studio.PLACE, request), BadOption)
    assert said == "`steps` goes up to 40 in this server, and 41 was given."
    assert await studio.edits.request(studio.ANA, studio.PLACE, replace(request, steps=40))
    other = studio.STRANGER
    assert await studio.edits.request(other, studio.ELSEWHERE, request), "another server has none of it"
    assert await manager.bound("steps") == House(GUILD)
    assert await studio.edits.request(studio.ANA, studio.PLACE, request)


async def test_an_offer_made_before_a_bound_is_refused_when_its_asker_says_yes(
    manager: Manager, studio: Studio
) -> None:
    await studio.budgets.change(studio.MODERATOR, confirm_above=0)
    offer = await studio.edits.ask(studio.ANA, studio.PLACE, studio.request(images=5))
    assert isinstance(offer, Offer)
    await manager.bound("results", most="4")
    said = await studio.refusal(studio.edits.accept(offer.id, studio.ANA), BadOption)
    assert said == "`results` goes up to 4 in this server, and 5 was given."
    await manager.bound("results", most="5")
    assert isinstance(await studio.edits.accept(offer.id, studio.ANA), Job)


NO_BOUNDS = [
    ("prompt", None, "4", "`prompt` takes no bounds."),
    (
        "size",
        None,
        "1024x768",
        "`size` is bounded by its longest side in pixels, such as 1024, and `1024x768` is no such number.",
    ),
    (
        "size",
        None,
        "-16",
        "`size` is bounded by its longest side in pixels, such as 1024, and `-16` is no such number.",
    ),
    ("size", None, "2064", "`size` takes a longest side of 128 to 2048, and 2064 was given."),
    ("size", None, "1000", "`size` takes a longest side in steps of 16, and 1000 was given; 992 and 1008 are nearest."),
    ("seed", None, None, "`seed` takes no bounds."),
    ("scheduler", None, "4", "`scheduler` is no number, so it has no bounds; a server can set a default for it."),
    ("steeps", None, None, "`steeps` is no option of an edit; did you mean `steps`?"),
    ("steps", "40", "30", "`steps` cannot begin at 40 and go up to 30."),
    ("steps", None, "51", "`steps` is a whole number from 1 to 50, and `51` was given."),
    ("results", "2", "4", "`results` takes only a most: an edit of a result, a recipe and a cell of a sweep make one."),
    ("size", "512", None, "`size` takes only a most: the longest side in pixels, such as 1024."),
    ("true_cfg", None, "1e300", "`true_cfg` takes bounds up to 1,000,000, and 1e+300 was given."),
    ("true_cfg", "0.005", None, "`true_cfg` takes bounds in steps of 0.01, and 0.005 was given."),
    (
        "db_skip",
        None,
        "9000000000000000000",
        "`db_skip` takes bounds up to 1,000,000, and 9000000000000000000 was given.",
    ),
]


@pytest.mark.parametrize(("name", "least", "most", "said"), NO_BOUNDS, ids=[f"{a}-{b}-{c}" for a, b, c, _ in NO_BOUNDS])
async def test_what_can_be_no_bound_is_refused_by_name(
    manager: Manager, name: str, least: str | None, most: str | None, said: str
) -> None:
    assert await manager.refused(manager.bound(name, least, most)) == said


SAID_BOUNDS = {
    ("steps", Bound(2, 40)): "2 to 40",
    ("size", Bound(None, 1024)): "at most 1024 a side",
    ("true_cfg", Bound(-1.5, None)): "at least -1.5",
    ("true_cfg", Bound(None, 1_000_000)): "at most 1000000",
    ("true_cfg", Bound(None, 12_345.67)): "at most 12345.67",
    ("cfg", Bound()): "",
}


@pytest.mark.parametrize(("rule", "said"), SAID_BOUNDS.items())
def test_a_bound_is_said_as_it_was_typed(rule: tuple[str, Bound], said: str) -> None:
    assert house.said_bound(*rule) == said


async def test_a_bound_that_the_default_breaks_says_so(manager: Manager) -> None:
    said = await manager.refused(manager.bound("steps", most="20"))
    assert said.startswith("`steps` is 30 where nobody says otherwise, and a bound of at most 20 leaves that out")
    await manager.default("steps", "15")
    said = await manager.refused(manager.bound("steps", least="16"))
    assert said.startswith("`steps` is 15 by default here, and a bound of at least 16 leaves that out")
    await manager.bound("steps", most="20")
    said = await manager.refused(manager.bound("quality", most="50"))
    assert said.startswith("`quality` is 95 where nobody says otherwise, and a bound of at most 50 leaves that out")
    await manager.default("quality", "50")
    await manager.bound("quality", most="50")
    assert "Without a default, `quality` does not fit" in await manager.refused(manager.default("quality"))


async def test_a_default_outside_the_bound_is_refused_and_so_is_taking_away_the_one_that_it_needs(
    manager: Manager,
) -> None:
    await manager.default("steps", "15")
    await manager.bound("steps", most="20")
    said = await manager.refused(manager.default("steps", "21"))
    assert said.startswith("`steps` goes up to 20 in this server, and 21 was given.")
    said = await manager.refused(manager.default("steps"))
    assert said.startswith("Without a default, `steps` does not fit what is set here")
    assert said.endswith("Change the bound first, with `/options bound`.")


FITTED = {
    (4000, 3000): (1024, 768),
    (3000, 4000): (768, 1024),
    (2048, 1365): (1024, 688),
    (608, 608): (608, 608),
    (20_000, 30): (1024, 128),
}


@pytest.mark.parametrize(("picture", "size"), FITTED.items())
async def test_a_picture_is_fitted_to_the_bound_of_the_size_where_none_is_typed(
    manager: Manager, studio: Studio, picture: tuple[int, int], size: tuple[int, int]
) -> None:
    rules = await manager.bound("size", most="1024")
    reference = replace(studio.request().references[0], width=picture[0], height=picture[1])
    made = options.build_request({"prompt": "x"}, [reference], house=rules, draw=lambda: 0)
    assert (made.width, made.height) == size
    options.check_house(made, rules)
    with pytest.raises(BadOption, match="`size` goes up to 1024 a side in this server, and 1040 was given"):
        options.build_request({"prompt": "x", "size": "1040x512"}, [reference], house=rules, draw=lambda: 0)


# The content check ---------------------------------------------------------------------------------------------------


async def test_an_offer_is_checked_as_the_place_decides_when_it_is_answered(studio: Studio) -> None:
    place = studio.PLACE
    await studio.houses.set_checked(studio.MODERATOR, place.channel_id, checked=False)
    await studio.budgets.change(studio.MODERATOR, confirm_above=0)
    request = replace(studio.request(), safety="none")
    made: list[str] = []
    for safety in ("none", "fast"):
        offer = await studio.edits.ask(studio.ANA, place, request)
        job = await studio.edits.accept(offer.id, studio.ANA, safety=safety)
        assert isinstance(job, Job)
        made.append(job.request.safety)
    assert made == ["none", "fast"]


async def test_what_was_to_be_checked_is_checked_also_where_the_place_asks_for_less(studio: Studio) -> None:
    """A recipe may ask for the check in a channel that has none; a question in between changes nothing of it."""
    await studio.houses.set_checked(studio.MODERATOR, studio.PLACE.channel_id, checked=False)
    await studio.budgets.change(studio.MODERATOR, confirm_above=0)
    offer = await studio.edits.ask(studio.ANA, studio.PLACE, studio.request())
    await studio.budgets.change(studio.MODERATOR, approve_above=0)
    job = await studio.edits.accept(offer.id, studio.ANA, safety="none")
    assert isinstance(job, Job)
    assert job.request.safety == "fast"
    job = await studio.edits.approve(job.id, manager=studio.MODERATOR, asker=studio.ANA, safety="none")
    assert job.request.safety == "fast"


@pytest.mark.parametrize(
    ("unchecked", "restricted", "sent"), [(True, "none", "none"), (True, "fast", "fast"), (False, "none", "fast")]
)
async def test_an_edit_that_waited_is_checked_as_the_place_decides_when_it_is_approved(
    studio: Studio, unchecked: bool, restricted: str, sent: str
) -> None:
    channel = studio.PLACE.channel_id
    await studio.houses.set_checked(studio.MODERATOR, channel, checked=False)
    await studio.budgets.change(studio.MODERATOR, approve_above=0)
    job = await studio.edits.request(studio.ANA, studio.PLACE, replace(studio.request(), safety="none"))
    assert job.request.safety == "none"
    await studio.houses.set_checked(studio.MODERATOR, channel, checked=not unchecked)
    job = await studio.edits.approve(job.id, manager=studio.MODERATOR, asker=studio.ANA, safety=restricted)
    assert job.request == replace(job.request, safety=sent)


async def test_nothing_goes_unchecked_in_a_channel_for_which_no_manager_said_so(studio: Studio) -> None:
    await studio.houses.set_checked(studio.MODERATOR, 999, checked=False)
    request = replace(studio.request(), safety="none")
    assert (await studio.edits.request(studio.ANA, studio.PLACE, request)).request.safety == "fast"


@pytest.mark.parametrize("safety", ["none", "fast"])
async def test_the_winner_of_a_round_is_checked_as_the_place_decides_when_it_is_made(
    studio: Studio, safety: str
) -> None:
    await studio.houses.set_checked(studio.MODERATOR, studio.PLACE.channel_id, checked=False)
    (parent,) = await studio.finish(
        await studio.edits.request(studio.ANA, studio.PLACE, replace(studio.request(), safety="none"))
    )
    await studio.fund(1_000_000)
    opened = await studio.open_round(parent)
    winner = await studio.propose(opened, studio.BO, studio.ANA, studio.CY)
    studio.now = opened.ends_at
    await studio.rounds.make(opened, winner, studio.BO, safety=safety)
    assert (await studio.jobs())[-1].request.safety == safety


# LoRAs ---------------------------------------------------------------------------------------------------------------


async def test_only_loras_that_are_let_in_are_taken(manager: Manager, studio: Studio) -> None:
    request = replace(studio.request(), loras=options.BY_NAME["loras"].read("local:1@1 0.8"))
    asked = [studio.edits.request(studio.ANA, studio.PLACE, request) for _ in range(3)]
    said = await studio.refusal(asked[0], BadOption)
    assert "`local:1@1` is none of them; `/lora list` shows them." in said
    assert await manager.allow("local:1@1", " Paper \n Cut ")
    assert not await manager.allow("local:1@1")
    assert (await asked[1]).request.loras == request.loras
    assert await manager.houses.forbid(studio.MODERATOR, " local:1@1 ") == "Paper Cut"
    assert await studio.refusal(asked[2], BadOption) == said
    assert "not let in here" in await manager.refused(manager.houses.forbid(studio.MODERATOR, "local:1@1"), NotFound)


async def test_a_lora_that_the_default_uses_cannot_be_forbidden(manager: Manager, studio: Studio) -> None:
    await manager.allow("local:1@1")
    await manager.allow("local:2@1")
    await manager.default("loras", "local:1@1 0.5")
    said = await manager.refused(manager.houses.forbid(studio.MODERATOR, "local:1@1"))
    assert said.startswith("This server's default for `loras` uses it")
    assert await manager.houses.forbid(studio.MODERATOR, "local:2@1")


async def test_a_server_lets_in_so_many_loras_and_no_more(manager: Manager, studio: Studio) -> None:
    await studio.database.run(_let_in, MAX_ALLOWED)
    assert f"lets in {MAX_ALLOWED} LoRAs already" in await manager.refused(manager.allow("local:more@1"))
    assert not await manager.allow("local:0@1", "another name"), "one that is in already is no more"


async def _let_in(tx: Tx, number: int) -> None:
    for each in range(number):
        await rows.allow_lora(tx, GUILD, f"local:{each}@1", "one")


# The log -------------------------------------------------------------------------------------------------------------


async def test_every_change_is_written_down_from_and_to_and_what_changes_nothing_is_not(
    manager: Manager, studio: Studio
) -> None:
    for value in ("25", "25", "20", None, None):
        await manager.default("steps", value)
    await manager.default("negative", "a logo\n" * 100)
    await manager.bound("size", most="1024")
    await manager.bound("size")
    for checked in (False, False, True):
        await studio.houses.set_checked(studio.MODERATOR, 5, checked=checked)
    await manager.allow("local:1@1")
    await manager.default("loras", "local:1@1 0.5 high")
    await manager.default("loras")
    await studio.houses.forbid(studio.MODERATOR, "local:1@1")
    assert await log_of(studio) == [
        ("default of `steps`", "", "25"),
        ("default of `steps`", "25", "20"),
        ("default of `steps`", "20", ""),
        ("default of `negative`", "", ("a logo " * 100)[:200]),
        ("bound of `size`", "", "at most 1024 a side"),
        ("bound of `size`", "at most 1024 a side", ""),
        ("content check in <#5>", "on", "off"),
        ("content check in <#5>", "off", "on"),
        ("LoRA", "", "Paper Cut (local:1@1)"),
        ("default of `loras`", "", "local:1@1 0.5 high"),
        ("default of `loras`", "local:1@1 0.5 high", ""),
        ("LoRA", "Paper Cut (local:1@1)", ""),
    ]


def test_every_option_has_a_default_or_a_reason_for_none() -> None:
    assert {*house.DEFAULTED, "prompt", "seed"} == set(options.NAMES)
    for name in house.BOUNDED:
        assert house.read_bound(name, None, None) == Bound()
