"""``python -m bot playground --once DIR``: a short story without a browser, written down with its books audited."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import discord
from simcord import MemberActor

from bot import images
from bot.images import Refused
from bot.quota import dollars
from playground import books
from playground.books import Account, Finding
from playground.transcript import Transcript
from playground.world import World, open_world

#: Dollars a day: so little that the fourth scene's request does not fit.
_ALLOWANCE: Final = Decimal("0.15")
_FAILURE: Final = "timeoutProvider"


async def play(folder: Path) -> int:
    """Play the story into a folder; return 0 when seeds, costs and ledger agree, else 1."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with open_world(member_daily_usd=_ALLOWANCE) as world:
        story = _Story(world, folder)
        await story.tell()
        findings = await story.audit()
    return verdict(story.transcript.save(), findings)


def verdict(path: Path, findings: Sequence[Finding]) -> int:
    """Tell how the audit ended; return the exit status."""
    wrong = [finding.fact for finding in findings if not finding.holds]
    if wrong:
        print(f"{path}: seeds, costs and ledger do not agree. These are not so:", *wrong, sep="\n- ", file=sys.stderr)
        return 1
    print(f"{path}: seeds, costs and ledger agree in all {len(findings)} facts that were checked.")
    return 0


class _Story:
    """Six scenes in one world, and the audit after them."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._said: list[str] = []
        self._refusal: list[Finding] = []
        names = {member.id: member.name.title() for member in (world.ana, world.bo, world.cleo)}
        self.transcript = Transcript(folder, names)

    # the scenes --------------------------------------------------------------------------------------------

    async def tell(self) -> None:
        """Play every scene."""
        ana, bo, cleo = self._world.ana, self._world.bo, self._world.cleo
        self.transcript.write(
            "# A day in the darkroom",
            "Three members, the bot, and a local Runware that paints previews instead of edits. Each member may spend "
            f"${_ALLOWANCE} a day. What the bot said is read from Discord's messages.",
        )
        await self._command(
            "An edit of two photographs", ana, "edit",
            prompt="Put the cat beside the cup, in warm morning light", image="chelsea.png", image2="coffee.png",
        )  # fmt: skip
        await self._form("Somebody else carries on", bo, "Now at night, with an astronaut looking in", "astronaut.png")
        await self._scene(
            "The same with another seed",
            "Cleo presses **Reroll** under Bo's picture.",
            cleo,
            cleo.click(self._last_result(), label="Reroll"),
        )
        await self._over_quota(ana)
        self._world.runware.faults.fail = _FAILURE
        await self._command(
            f"An edit that fails at Runware, with `{_FAILURE}`", bo, "edit",
            prompt="A rocket made of glass", image="rocket.jpg",
        )  # fmt: skip
        self._world.runware.faults.fail = None
        await self._command("What is left", bo, "quota")

    async def _scene(self, title: str, done: str, by: MemberActor, action: Awaitable[object]) -> str:
        """Play one scene to its end; return what the bot said in it."""
        self.transcript.write(f"## {title}", done)
        await action
        await self._world.idle()
        heard: list[str] = []
        for channel in (self._world.channel, *self._world.channel.threads):
            place = f"the thread “{channel.name}”" if channel.is_thread else f"#{channel.name}"
            spoken = [message for message in channel.history(viewer=by) if _by_bot(message)]
            heard += await self.transcript.hear(place, spoken)
        self._said += heard
        return "\n".join(heard)

    async def _command(self, title: str, by: MemberActor, name: str, **options: str | int) -> str:
        """Play a slash command; an option that names a photograph is given its bytes."""
        photos = self._world.photos
        typed = " ".join([f"/{name}", *(f"{option}:{value}" for option, value in options.items())])
        given: dict[str, Any] = {
            option: (value, photos[value]) if isinstance(value, str) and value in photos else value
            for option, value in options.items()
        }
        action = by.slash(self._world.channel, name, **given)
        return await self._scene(title, f"{by.name.title()} runs `{typed}`.", by, action)

    async def _form(self, title: str, by: MemberActor, prompt: str, photo: str) -> None:
        """Press Edit under the newest result, and fill in the form."""

        async def fill() -> None:
            form = await by.click(self._last_result(), label="Edit")
            await by.submit_modal(form, {"prompt": prompt, "files": [(photo, self._world.photos[photo])]})

        done = (
            f"{by.name.title()} presses **Edit** under the picture, writes “{prompt}” into the form, and adds {photo}."
        )
        await self._scene(title, done, by, fill())

    async def _over_quota(self, by: MemberActor) -> None:
        """Ask for more than is left, and see that nothing comes of it."""
        before = await self._state()
        words = await self._command(
            "A request over the allowance", by, "edit", prompt="All three together", image="chelsea.png",
            image2="coffee.png", image3="astronaut.png", results=2,
        )  # fmt: skip
        self._refusal = [
            Finding("the request over the allowance was refused in words", "your own limits allow" in words),
            Finding("it made no job and no task, and held nothing", await self._state() == before),
        ]

    async def _state(self) -> tuple[int, list[tuple[int, int]]]:
        """Return what a refused request must leave as it was."""
        sums = [(one.held, one.spent) for one in await books.accounts(self._world)]
        return len(self._world.runware.requests), sums

    def _last_result(self) -> discord.Message:
        """Return the newest message that shows a result."""
        shown = [
            message
            for thread in self._world.channel.threads
            for message in thread.history()
            if any("-seed-" in attachment.filename for attachment in message.attachments)
        ]
        return max(shown, key=lambda message: message.id)

    # the books ---------------------------------------------------------------------------------------------

    async def audit(self) -> list[Finding]:
        """Write down the books and return every fact that was checked."""
        accounts = await books.accounts(self._world)
        said = "\n".join(self._said)
        findings = [finding for one in accounts for finding in books.examine(one, said)]
        findings += [*await books.examine_sums(self._world, accounts), *self._refusal, *self._pictures()]
        self.transcript.write("## The ledger", *(_table(one) for one in accounts), _sums(accounts))
        agree = all(finding.holds for finding in findings)
        self.transcript.write(
            f"## Seeds, costs and ledger {'agree' if agree else 'DO NOT AGREE'}",
            "\n".join(f"- {'✓' if finding.holds else '✗ NOT SO:'} {finding.fact}" for finding in findings),
        )
        text = json.dumps(_facts(accounts, findings), indent=2, ensure_ascii=False)
        (self._folder / "transcript.json").write_text(text + "\n", "utf-8")
        return findings

    def _pictures(self) -> list[Finding]:
        """Look at every picture that Discord was given."""
        return [Finding(f"{name} is a picture", _is_picture(data)) for name, data in self.transcript.pictures.items()]


def _by_bot(message: discord.Message) -> bool:
    """Tell whether the bot wrote a message itself; Discord announces new threads in its name."""
    return message.author.bot and message.type is not discord.MessageType.thread_created


def _is_picture(data: bytes) -> bool:
    try:
        images.describe(data)
    except Refused:
        return False
    return True


def _table(one: Account) -> str:
    """Return a job's results and its lines of the ledger."""
    job = one.job
    rows = [f"**Job {job.id}**, {job.status}: {job.request.prompt}", ""]
    rows += [f"- {result.short_id}: seed {result.seed}, {dollars(result.cost or 0)}" for result in one.results]
    rows += ["", "| line | kind | held | spent |", "|---|---|---|---|"]
    rows += [f"| {line.id} | {line.kind} | {_signed(line.held)} | {_signed(line.spent)} |" for line in one.lines]
    rows += [f"| | **sum** | **{_signed(one.held)}** | **{_signed(one.spent)}** |"]
    return "\n".join(rows)


def _sums(accounts: Sequence[Account]) -> str:
    held, spent = sum(one.held for one in accounts), sum(one.spent for one in accounts)
    return f"All jobs together: held {_signed(held)}, spent {_signed(spent)}."


def _signed(micros: int) -> str:
    return f"-{dollars(-micros)}" if micros < 0 else dollars(micros)


def _facts(accounts: Sequence[Account], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the books for machines; money in micro-dollars."""
    return {
        "jobs": [
            {
                "job": one.job.id,
                "task_uuid": one.job.task_uuid,
                "status": one.job.status,
                "cost": one.job.cost,
                "results": [
                    {"id": result.short_id, "seed": str(result.seed), "cost": result.cost} for result in one.results
                ],
                "ledger": [asdict(line) for line in one.lines],
            }
            for one in accounts
        ],
        "checked": [asdict(finding) for finding in findings],
        "agree": all(finding.holds for finding in findings),
    }
