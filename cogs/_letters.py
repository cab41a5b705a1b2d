"""What goes into one message: the records and bytes behind it, gathered, and the files brought to size."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import discord
from discord import ui

from bot.client import EditBot
from bot.edits import Edits
from bot.errors import NotFound
from bot.services import Services
from cogs import _alt as alt
from cogs import _cards as cards
from cogs import _showcase_cards as showcase_cards
from cogs import _sweep_cards as sweep_cards
from cogs import _words as words
from cogs._cards import Parent, Post
from cogs._posts import carries
from cogs._smaller import smaller_result
from storage.lineage import FARTHEST
from storage.records import Announcement, AnnouncementKind, Job, Result

#: Discord's limit for one request, less what the rest of the request takes.
REQUEST_BYTES: Final = 24 * 1024 * 1024
#: Discord's limit for one file where no boost raises it (reference/discord.md, section 3).
FILE_BYTES: Final = 10 * 1024 * 1024 - 1024
#: What is said below a result that is shown once more has room for so many characters.
_RESERVED: Final = 800


@dataclass(frozen=True, slots=True)
class Letter:
    """A layout and the files it shows. A view is sent once; compose another to send it again."""

    view: ui.LayoutView
    files: list[discord.File] = field(default_factory=list[discord.File])


async def compose(
    services: Services, job: Job, announcement: Announcement, *, limit: int = FILE_BYTES, buttons: bool = True
) -> Letter:
    """Return a message about the end of a job, its files at most ``limit`` bytes each."""
    post = await _post(services, job, announcement, buttons=buttons)
    if announcement.kind is not AnnouncementKind.RESULTS:
        return Letter(cards.ending(post))
    usable = [result for result in post.results if result.usable]
    files = await _files(services, post, usable, min(limit, REQUEST_BYTES // max(1, len(usable))))
    post = replace(post, files={result_id: file.filename for result_id, file in files.items()})
    attached = list(files.values())
    if cards.needs_prompt_file(post):
        attached.append(_prompt_file(job))
    return Letter(cards.ending(post), attached)


async def compose_one(
    services: Services, job: Job, result: Result, *, limit: int = FILE_BYTES
) -> tuple[Post, list[discord.File]]:
    """Return what a message shows that has one result beside its own message, and the files for it."""
    post = await _one(services, job, result)
    files = await _files(services, post, [result] if result.usable else [], min(limit, REQUEST_BYTES))
    post = replace(post, files={number: file.filename for number, file in files.items()})
    attached = list(files.values())
    if cards.needs_prompt_file(post):
        attached.append(_prompt_file(job))
    return post, attached


async def renewed(services: Services, job: Job, result: Result, message: discord.Message) -> ui.LayoutView:
    """Return a message that shows a result as it should be now, with the files that it has; ``result`` is as it is now."""
    names = {cards.result_of(file.filename): file.filename for file in message.attachments}
    if message.id != result.message_id:
        named = names.get(str(result.id))
        post = replace(await _one(services, job, result), files={} if named is None else {result.id: named})
        if not carries(message, showcase_cards.mark(result.id)):
            return cards.ending(post)
        return showcase_cards.exhibit(post, result, await services.lineage.last_steps(result.id, FARTHEST + 1))
    posted = [said for said in await services.outbox.posted_messages(job.id) if said.message_id == message.id]
    post = await _post(services, job, posted[0], buttons=True)
    files = {shown.id: names[str(shown.id)] for shown in post.results if str(shown.id) in names}
    return cards.ending(replace(post, files=files))


async def _one(services: Services, job: Job, result: Result) -> Post:
    parent = await parent_of(services.edits, job.request.parent_id)
    writing, made = await _writing(services, job), len(await services.edits.results(job.id))
    before, note = await services.lineage.before(job.id), await _note(services, job)
    return Post(
        job,
        None,
        [result],
        made=made,
        parent=parent,
        before=before,
        reserved=_RESERVED,
        writing=writing,
        note=note,
    )


async def _note(services: Services, job: Job) -> str:
    """Say of which sweep an edit is a cell, if it is one."""
    note = await services.sweeps.note(job)
    return "" if note is None else sweep_cards.cell(note)


async def _writing(services: Services, job: Job) -> list[int]:
    return [claim.user_id for claim in await services.claims.writing(job.id)]


def _prompt_file(job: Job) -> discord.File:
    return discord.File(io.BytesIO(job.request.prompt.encode()), cards.PROMPT_FILE)


async def rewrite(bot: EditBot, services: Services, job: Job, announcement: Announcement) -> None:
    """Bring a message that was posted up to date: a cost that came, a picture that was taken down.

    A message whose last picture was taken down goes away.
    """
    if announcement.channel_id is None or not announcement.message_id:
        return
    channel = bot.get_partial_messageable(announcement.channel_id, guild_id=job.guild_id)
    message = await channel.fetch_message(announcement.message_id)
    in_server = announcement.channel_id in (job.place.thread_id, job.place.channel_id)
    post = await _post(services, job, announcement, buttons=in_server)
    attached = {attachment.filename: attachment for attachment in message.attachments}
    ids = {cards.result_of(name): name for name in attached}
    post = replace(post, files={result.id: ids[str(result.id)] for result in post.results if str(result.id) in ids})
    if post.results and all(result.deleted_at is not None for result in post.results):
        await message.delete()
        return
    shown = {post.files[result.id] for result in post.shown}
    if cards.needs_prompt_file(post):
        shown.add(cards.PROMPT_FILE)
    stays: list[discord.Attachment | discord.File] = [file for name, file in attached.items() if name in shown]
    if cards.PROMPT_FILE in shown and cards.PROMPT_FILE not in attached:
        stays.append(_prompt_file(job))  # the text below the prompt grew, and left no room for the whole of it
    anew = await _named_otherwise(services, post, attached)
    stays = [anew.get(file.filename, file) for file in stays]
    nobody = discord.AllowedMentions.none()
    if set(stays) == set(attached.values()):
        await message.edit(view=cards.ending(post), allowed_mentions=nobody)
    else:
        await message.edit(view=cards.ending(post), attachments=stays, allowed_mentions=nobody)


async def _named_otherwise(
    services: Services, post: Post, attached: Mapping[str, discord.Attachment]
) -> dict[str, discord.File]:
    """Return, by name, the files to post anew: their alt texts tell of what was taken down or forgotten since."""
    outdated = [
        result
        for result in post.shown
        if attached[post.files[result.id]].description != alt.of_result(post.job.request, result, post.before)
    ]
    made = await _files(services, post, outdated, min(FILE_BYTES, REQUEST_BYTES // max(1, len(outdated))))
    return {post.files[result_id]: file for result_id, file in made.items() if file.filename == post.files[result_id]}


async def parent_of(edits: Edits, result_id: int | None) -> Parent | None:
    """Return the result an edit started from, as far as it still stands."""
    if result_id is None:
        return None
    try:
        result, job = await edits.result(result_id)
    except NotFound:
        return Parent(result_id, gone=True)
    return Parent(result_id, job.user_id, words.address(job.guild_id, result))


async def _post(services: Services, job: Job, announcement: Announcement, *, buttons: bool) -> Post:
    edits = services.edits
    parent = await parent_of(edits, job.request.parent_id)
    if announcement.kind is not AnnouncementKind.RESULTS:
        return Post(job, announcement, parent=parent, buttons=buttons)
    all_results = await edits.results(job.id)
    results = [result for result in all_results if result.id in announcement.result_ids]
    writing, note = await _writing(services, job), await _note(services, job)
    return Post(
        job,
        announcement,
        results,
        made=len(all_results),
        parent=parent,
        before=await services.lineage.before(job.id),
        buttons=buttons,
        writing=writing,
        note=note,
    )


async def _files(services: Services, post: Post, results: Sequence[Result], limit: int) -> dict[int, discord.File]:
    files: dict[int, discord.File] = {}
    for result in results:
        try:
            data = await services.pictures.get(result.sha256 or "")
        except NotFound:
            continue  # the card tells that it is lost
        media_type = result.media_type or "image/png"
        if len(data) > limit:
            picture = await smaller_result(services, result, data, limit)
            data, media_type = picture.data, picture.media_type
        name = cards.file_name(result, media_type)
        files[result.id] = discord.File(
            io.BytesIO(data), name, description=alt.of_result(post.job.request, result, post.before)
        )
    return files
