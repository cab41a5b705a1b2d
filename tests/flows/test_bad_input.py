"""Bad input is refused in words before any money is held, and spoils nothing for the next request."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import discord
import pytest
from PIL import Image

from bot.errors import BadOption
from bot.options import BY_NAME
from playground.world import GUILD_ID, World, open_world
from storage.records import Acceleration, Asker, EditRequest, Lora, Place, Reference
from tests.parameters_table import PICTURES, ROWS
from tests.schema_cases import limits

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}

# What is refused without a look at any file: the options, the one that is named, and what is said of it.
WITHOUT_BYTES: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": "   "}, "prompt", "is empty"),
    ({"size": "1000x1000"}, "size", "992 and 1008 are nearest"),
    ({"size": "4096x4096"}, "size", "128 to 2048"),
    ({"size": "64x1024"}, "size", "128 to 2048"),
    ({"size": "large"}, "size", "1024x768"),
    ({"scheduler": "DPM++ 3M Karas"}, "scheduler", "did you mean"),
    ({"scheduler": "zzz"}, "scheduler", "pick one from the list"),
    ({"seed": "lucky"}, "seed", "lucky"),
    ({"seed": "-1"}, "seed", "0 to 9223372036854775807"),
    ({"seed": "9223372036854775808"}, "seed", "0 to 9223372036854775807"),
    ({"seed": "1.5"}, "seed", "leave it out"),
    ({"cfg": 7.123}, "cfg", "steps of 0.01"),
    ({"negative": "half a \0 word"}, "negative", "no text"),
    ({"image": ("huge.png", bytes(40 * 2**20))}, "image", "40.0 MB and I take up to 25 MB"),
    ({"image": ("nothing.png", b"")}, "image", "is empty"),
    ({"from": "the one with the hat"}, "from", "#12"),
    ({"from": "0"}, "from", "#12"),
    ({"from": f"https://discord.com/channels/{GUILD_ID}/1/1"}, "from", "shows no result of mine"),
    ({"from": "https://discord.com/channels/2/1/1"}, "from", "shows no result of mine"),
]


def png(width: int, height: int) -> bytes:
    """Return a whole black PNG of one bit a pixel: small as a file, huge once decoded."""
    rows = zlib.compressobj(1)
    packed = b"".join(rows.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + rows.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (128, 128), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return buffer.getvalue()


class Forgetful(dict[str, bytes]):
    """Discord's files after they are gone: what is stored cannot be read."""

    def __setitem__(self, key: str, value: bytes) -> None:
        return


async def untouched(world: World, books: Any) -> None:
    """No job, no line in the books, no task at Runware, and nothing kept back."""
    assert await books.jobs() == []
    row = await world.program.database.read(_lines)
    assert row == 0
    assert world.runware.requests == []
    quota = await world.program.edits.quota(Asker(world.guild.id, world.ana.id))
    assert [standing.held for standing in (*quota.member, *quota.ceilings)] == [0, 0, 0]


async def _lines(tx: Any) -> int:
    return (await tx.fetch_one("SELECT count(*) AS number FROM ledger"))["number"]


async def test_what_needs_no_bytes_is_refused_to_the_asker_alone_naming_the_option(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        before = len(world.channel.history(viewer=world.bo))
        for options, name, said in WITHOUT_BYTES:
            answer = await visit.ask(**options)
            words = visit.words(answer.response)
            assert answer.response.ephemeral, options
            assert f"`{name}`" in words, (options, words)
            assert said in words, (options, words)
        for options, said in (({}, "`image`"), ({"image": True, "from": "1"}, "`from`")):
            given = {"image": ("cat.png", world.photos["chelsea.png"])} if options.pop("image", False) else {}
            answer = await world.ana.slash(world.channel, "edit", prompt="make it night", **given, **options)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert said in visit.words(answer.response)
        assert len(world.channel.history(viewer=world.bo)) == before, "somebody else saw a refusal"
        await untouched(world, books_of(world))
        assert world.env.errors == []
        good = await visit.edit(seed="0")
        assert visit.results() == [good]
        assert [task["seed"] for task in world.runware.requests] == [0]
        await books_of(world).check()


async def test_what_is_no_usable_picture_is_refused_in_one_line_in_place_of_the_reply(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        cat = ("cat.png", world.photos["chelsea.png"])
        cases: list[tuple[dict[str, Any], str, str]] = [
            ({"image": ("notes.png", b"Dear diary, this is a text file.")}, "image", "notes.png"),
            ({"image": ("bomb.png", png(13_000, 13_000))}, "image", "13000x13000"),
            ({"image": ("dance.gif", animated_gif())}, "image", "dance.gif"),
            ({"image": cat, "image2": ("cut.png", world.photos["chelsea.png"][:5000])}, "image2", "cut.png"),
            ({"image": cat, "image3": ("dot.png", png(8, 8))}, "image3", "dot.png"),
        ]
        for options, name, said in cases:
            answer = await visit.ask(**options)
            words = visit.words(answer.response)
            assert f"`{name}`" in words, (said, words)
            assert said in words
            assert "\n" not in words
            assert answer.response.attachments == []
            assert visit.labels(answer.response) == []
        assert visit.threads() == []
        await untouched(world, books_of(world))
        assert world.env.errors == []
        good = await visit.edit(image=cat, image2=("still.png", world.photos["coffee.png"]))
        assert visit.results() == [good]
        await books_of(world).check()


async def test_a_file_that_discord_no_longer_has_is_asked_for_again(books_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        world.env.backend.cdn._blobs = Forgetful()
        answer = await visit.ask()
        assert "`image` could not be read from Discord; give it again." in visit.words(answer.response)
        await untouched(world, books_of(world))


async def test_a_result_is_used_where_it_belongs_and_while_it_stands(books_of: Any, visit_of: Any) -> None:
    elsewhere_id = GUILD_ID + 1
    async with open_world(allowed_guilds=frozenset({GUILD_ID, elsewhere_id}), **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        gone = await visit.edit()
        [deleted] = visit.ids(gone)
        await world.ana.click(gone, label="Delete")
        await world.idle()
        elsewhere = world.env.create_guild("Elsewhere", id=elsewhere_id)
        there = elsewhere.create_text_channel("pictures")
        ana_there = elsewhere.add_member(world.ana.user)
        await world.env.settle()
        link = f"https://discord.com/channels/{world.guild.id}/{shown.channel.id}/{shown.id}"
        for member, channel, named, said in (
            (world.ana, world.channel, "#999", "no picture #999"),
            (world.ana, world.channel, f"#{deleted}", f"#{deleted} was taken down"),
            (ana_there, there, "#1", "not a picture of this server"),
            (ana_there, there, link, "shows no result of mine"),
        ):
            answer = await visit.ask(member, channel, **{"from": named})
            assert answer.response.ephemeral
            assert said in visit.words(answer.response), named
        assert len(await books_of(world).jobs()) == 2
        several = await visit.edit(results=2)
        first, second = visit.ids(several)
        link_of_two = f"https://discord.com/channels/{world.guild.id}/{several.channel.id}/{several.id}"
        answer = await visit.ask(**{"from": link_of_two})
        assert answer.response.ephemeral
        assert f"`from` is the link of a message with 2 pictures: name one of #{first}, #{second}." in visit.words(
            answer.response
        )
        for named in ("1", f"<{link}>"):
            await visit.edit(world.bo, **{"from": named})
        assert [job.request.parent_id for job in await books_of(world).jobs()] == [None, None, None, 1, 1]
        await books_of(world).check()


async def test_a_server_that_may_not_spend_is_told_so(books_of: Any, visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        elsewhere = world.env.create_guild("Elsewhere")
        there = elsewhere.create_text_channel("pictures")
        stranger = elsewhere.add_member(world.env.create_user("dan"))
        await world.env.settle()
        answer = await visit.ask(stranger, there)
        assert answer.response.ephemeral
        assert "ALLOWED_GUILDS" in visit.words(answer.response)
        await untouched(world, books_of(world))


async def test_a_full_disk_refuses_new_edits_in_words(books_of: Any, visit_of: Any) -> None:
    async with open_world(min_free_gib=1_000_000) as world:
        answer = await visit_of(world).ask()
        assert answer.response.ephemeral
        assert "nearly full" in visit_of(world).words(answer.response)
        await untouched(world, books_of(world))


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("prompt", {"prompt": " "}),
    ("prompt", {"prompt": "x" * 32_001}),
    ("prompt", {"prompt": "a\0b"}),
    ("negative", {"negative": "x" * 32_001}),
    ("image", {"references": ()}),
    ("size", {"width": 1000}),
    ("size", {"height": 112}),
    ("size", {"width": 2064}),
    ("results", {"results": 0}),
    ("results", {"results": 21}),
    ("steps", {"steps": 0}),
    ("steps", {"steps": 51}),
    ("cfg", {"cfg": 0.99}),
    ("cfg", {"cfg": 20.01}),
    ("cfg", {"cfg": 7.123}),
    ("true_cfg", {"true_cfg": float("nan")}),
    ("true_cfg", {"true_cfg": float("inf")}),
    ("seed", {"seed": -1}),
    ("seed", {"seed": 2**63}),
    ("scheduler", {"scheduler": "Nope"}),
]


async def test_the_use_case_refuses_what_discord_would_have_refused(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        services = world.program.services
        picture = await services.pictures.prepare("image", "cat.png", world.photos["chelsea.png"])
        reference = Reference(await services.pictures.put(picture.data), picture.width, picture.height, "cat.png")
        good = EditRequest("make it night", (reference,), 1024, 768, seed=7)
        asker = Asker(world.guild.id, world.ana.id)
        place = Place(world.channel.id, 1, world.thread.id)
        for option, change in [*CHANGES, ("image", {"references": (reference,) * 4})]:
            with pytest.raises(BadOption, match=f"`{option}`") as refused:
                await services.edits.request(asker, place, replace(good, **change))
            assert refused.value.option == option
        await untouched(world, books_of(world))


def beyond() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each value one beyond a bound of Runware's schema: the option, and what a request says then."""
    for limit in limits():
        row = ROWS.get("lora[].model" if limit.path == "lora" else limit.path)
        if row is None or not row.by_members or limit.keyword == "type":
            continue
        for value in limit.beyond:
            if limit.path == PICTURES:
                yield "image", {"references": value}
            elif limit.path in {"width", "height"}:
                yield "size", {limit.path: value}
            elif row.option == "loras":
                parts = {"model": "civitai:1@2", row.names[1]: value}
                if limit.path != "lora":
                    yield "loras", {"loras": (Lora(**parts),)}
            elif value != "" or row.option == "prompt":  # what is blank is left out
                most = (limit.path, limit.keyword) == ("seed", "maximum")
                yield row.option, {BY_NAME[row.option].field: 2**63 if most else value}


def changed(request: EditRequest, change: dict[str, Any]) -> EditRequest:
    """Return a request with another value, in one of its parts too."""
    [(name, value)] = change.items()
    part, _, field = name.rpartition(".")
    return replace(request, **({part: replace(getattr(request, part), **{field: value})} if part else {name: value}))


async def test_the_use_case_refuses_what_is_one_beyond_any_bound_and_holds_nothing(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        services = world.program.services
        picture = await services.pictures.prepare("image", "cat.png", world.photos["chelsea.png"])
        reference = Reference(await services.pictures.put(picture.data), picture.width, picture.height, "cat.png")
        good = EditRequest("make it night", (reference,), 1024, 768, seed=7)
        asker, place = Asker(world.guild.id, world.ana.id), Place(world.channel.id, 1, world.thread.id)
        tried: set[str] = set()
        for option, change in beyond():
            if option == "image":
                change = {"references": (reference,) * len(change["references"])}  # noqa: PLW2901 (as many as were given)
            for ask in (services.edits.request, services.edits.ask, services.edits.forecast):
                with pytest.raises(BadOption, match=f"`{option}`") as refused:
                    await ask(asker, place, changed(good, change))
                assert refused.value.option == option
            tried.add(option)
        bounded = {row.option for row in ROWS.values() if row.by_members and row.takes not in {"a number", "yes or no"}}
        assert tried == bounded - {"face_prompt", "face_negative"}, "Runware bounds neither of these two"
        for faults in (
            Acceleration(cache_start=5, cache_end=5),
            Acceleration(cache_end=31),
            Acceleration(cache_start_percent=50, cache_end_percent=50),
            Acceleration(cache_start=5, cache_end_percent=50),
        ):
            with pytest.raises(BadOption):
                await services.edits.request(asker, place, replace(good, acceleration=faults))
        await untouched(world, books_of(world))


async def test_a_channel_that_has_no_threads_or_lacks_a_right_is_refused_before_anything(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        bot = world.guild.me
        assert bot is not None
        deny = discord.PermissionOverwrite(create_public_threads=False, attach_files=False)
        narrow = world.guild.create_text_channel("narrow", overwrites={bot: deny})
        voice = world.guild.create_voice_channel("lounge")
        await world.env.settle()
        for channel, said in ((narrow, "**Attach Files**, **Create Public Threads**"), (voice, "can have none")):
            answer = await visit.ask(channel=channel)
            assert answer.response.ephemeral
            assert said in visit.words(answer.response)
        await untouched(world, books_of(world))
