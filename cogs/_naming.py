"""How people name a result: by its short id, by the link of a message that shows it, or not at all."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord.app_commands import Choice

from bot import options
from bot.errors import BadOption, NotFound
from bot.options import MessageLink
from bot.services import Services
from cogs import _rights as rights
from cogs import _words as words
from cogs._keeping import keep
from cogs._sight import Sight
from storage.lineage import Step
from storage.records import Reference, Result

#: The longest name of a choice that Discord takes.
_CHOICE: Final = 100
#: So many results of a session are looked through for the newest ones that somebody may see.
_LOOKED_THROUGH: Final = 100


async def result_named(services: Services, interaction: discord.Interaction[Any], option: str, typed: str) -> int:
    """Return the id of the result that an option names. Whether there is one, and who may see it, is not asked here.

    Raises:
        BadOption: it names none, or a message with several.
        NotFound: it is the link of a message that shows none.
    """
    named = options.parse_result_ref(typed, option)
    if isinstance(named, int):
        return named
    usable = [result for result in await _shown_by(services, interaction, named) if result.usable]
    if not usable:
        raise NotFound(
            f"`{option}` is the link of a message that shows no result of mine. Each result has its #id below."
        )
    if len(usable) > 1:
        ids = ", ".join(result.short_id for result in usable)
        raise BadOption(option, f"`{option}` is the link of a message with {len(usable)} pictures: name one of {ids}.")
    return usable[0].id


async def results_named(services: Services, interaction: discord.Interaction[Any], typed: str) -> list[Reference]:
    """Return the results that the option ``from`` names, to be edited: one that the person can read now each.

    Raises:
        BadOption, NotFound: see :func:`result_named`; or they are more than an edit takes.
        NotAllowed: one stands where the person cannot read.
    """
    names = options.split_refs(typed)
    ids = [await result_named(services, interaction, "from", name) for name in names]
    if len(ids := list(dict.fromkeys(ids))) > options.MAX_REFERENCES:
        raise BadOption("from", f"`from` takes up to {options.MAX_REFERENCES} results, and {len(ids)} were given.")
    return [await reference_of(services, interaction, result_id) for result_id in ids]


async def reference_of(services: Services, interaction: discord.Interaction[Any], result_id: int) -> Reference:
    """Return a result that the person can read now as the input of an edit, its bytes at hand.

    Raises:
        NotFound, NotAllowed: there is no such picture any more, or it stands where the person cannot read.
    """
    result, job = await services.edits.result(result_id)
    await rights.check_readable(interaction, result, job)
    return options.reference_to(await keep(services, interaction, result), job.request)


async def named_or_newest(services: Services, interaction: discord.Interaction[Any], typed: str | None) -> int:
    """Return the id of the result that the option ``result`` names; left out, it is the newest one of the thread.

    Raises:
        BadOption, NotFound: see :func:`result_named`; or there is none here.
    """
    if typed is not None:
        return await result_named(services, interaction, "result", typed)
    for step in await newest(services, interaction):
        return step.result.id
    raise NotFound(
        "There is no picture here to begin with: name one in `result`, as #12 or as the link of its message."
    )


async def choices(services: Services, interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Return what to offer for a result while it is being typed: the newest of the thread whose id or prompt fits."""
    steps = await newest(services, interaction)
    return [_choice(step) for step in steps if _is_meant(step, typed)][: options.MAX_CHOICES]


async def newest(services: Services, interaction: discord.Interaction[Any]) -> list[Step]:
    """Return the newest pictures of the thread somebody is in that they may see now, the newest first."""
    _, thread_id = rights.where(interaction)
    if thread_id is None:
        return []
    try:
        session = await services.sessions.of_thread(rights.asker(interaction).guild_id, thread_id)
    except NotFound:  # no edit was asked for in it yet
        return []
    sight = Sight(interaction)
    steps = await services.lineage.of_session(session.id, _LOOKED_THROUGH)
    return [step for step in reversed(steps) if step.result.usable and await sight.sees(step)]


async def _shown_by(services: Services, interaction: discord.Interaction[Any], link: MessageLink) -> list[Result]:
    """Return the results that a message shows: its own, or the one that it shows once more."""
    if link.guild_id != interaction.guild_id:
        return []
    found = await services.edits.results_of_message(link.channel_id, link.message_id)
    again = await services.lineage.shown_in(link.message_id)
    return found if again is None else [(await services.edits.result(again))[0]]


def _choice(step: Step) -> Choice[str]:
    prompt = words.one_line(step.request.prompt)
    return Choice(name=words.cut(f"{step.result.short_id} · {prompt}", _CHOICE), value=step.result.short_id)


def _is_meant(step: Step, typed: str) -> bool:
    """Tell whether what was typed so far may become a result's id, or stands in its prompt."""
    wanted = typed.strip().removeprefix("#").strip().casefold()
    return str(step.result.id).startswith(wanted) or wanted in step.request.prompt.casefold()
