"""Consent: whose a picture is, and whether they let it be edited, by whom and where. Asked anew at each use.

Whose it is follows from what the bot has seen. A file is its bytes: its authors are who posted the message or bears the
avatar that it came from, and whoever was seen with the same bytes before. A result is of whoever asked for it, and the
authors of the files that it was made of, near and far, are asked about it too: else an edit that changes nothing would
take a picture away from who said no. Nobody is asked about their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import NoConsent, NotAllowed, NotFound
from bot.signals import Signals
from storage import accounts, announcements, audit, authors, consents, results, servers
from storage import jobs as job_rows
from storage.database import Database, Tx
from storage.records import Asker, Author, Consent, Origin, Reference, Result, Scope

#: No channel: where avatars are from.
NOWHERE: Final = Origin()
#: The code of a job that was stopped because consent was withdrawn before it was sent.
WITHDRAWN: Final = "consentWithdrawn"


@dataclass(frozen=True, slots=True)
class Posted:
    """Who posted a picture, where and when, as Discord tells it."""

    user_id: int
    #: In milliseconds since the epoch.
    at: int
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server says about its members' pictures."""

    #: What stands for those who said nothing.
    standard: Consent = Consent.ANYONE
    #: Channels whose pictures only those edit who posted them.
    spared: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PrivacyView:
    """What holds for a member's pictures now."""

    #: What they said themselves; ``None`` leaves it to the server.
    said: Consent | None
    rules: Rules


class Consents:
    """What members and managers say about pictures, and the question whether one may be edited."""

    def __init__(self, database: Database, signals: Signals, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signals = signals
        self._clock = clock

    # asking ------------------------------------------------------------------------------------------------

    async def check(self, asker: Asker, thread_id: int | None, references: Sequence[Reference]) -> None:
        """Refuse, before anything is read or held, what would be refused with the hold; see :func:`check`.

        ``thread_id``: where the edit is asked for, if that is a thread.
        """
        await self._database.read(check, asker, thread_id or 0, references)

    async def refusals(
        self, asker: Asker, thread_id: int | None, references: Sequence[Reference], called: Sequence[str] = ()
    ) -> list[str | None]:
        """Say of each picture why it is not to be edited; ``None``: it may be. See :meth:`check`.

        ``called`` says what each file is called in its sentence; else they are numbered as they stand.
        """
        names = called or [_numbered(number) for number in range(1, len(references) + 1)]
        return await self._database.read(_refusals, asker, thread_id or 0, references, names)

    async def check_posted(self, asker: Asker, thread_id: int | None, posted: Posted) -> None:
        """Refuse a picture by who posted it, before it is read. Raises NoConsent."""
        await self._database.read(_check_posted, asker, thread_id or 0, posted)

    # learning whose pictures are ---------------------------------------------------------------------------

    async def learn(self, asker: Asker, given: str, kept: str, posted: Posted | None, *, own: bool, at: int) -> None:
        """Record whose a file is.

        ``given`` is the hash of its bytes as they came, ``kept`` the hash of what was made of them. ``posted`` is who
        posted it, where that is known; else, if it is the asker's ``own``, it counts as theirs unless it was somebody
        else's before. ``at`` is when it was handed in, by Discord's clock, in milliseconds since the epoch.
        """
        await self._database.run(_learn, asker, given, kept, posted, at, own=own)

    async def copied_file(self, guild_id: int, sha256: str, to: str) -> None:
        """Record that a file is shown in other bytes: ``to`` is the hash of these."""
        await self._database.run(authors.hand_on, guild_id, sha256, to)

    async def copied_result(self, result_id: int, to: str) -> None:
        """Record that a result is shown in other bytes: ``to`` is the hash of these."""
        await self._database.run(authors.hand_on_result, result_id, to)

    # what people say ---------------------------------------------------------------------------------------

    async def view(self, asker: Asker) -> PrivacyView:
        """Return what holds for a member's pictures."""
        return await self._database.read(_view, asker)

    async def say(self, asker: Asker, consent: Consent | None) -> PrivacyView:
        """Set who may edit a member's pictures in a server; ``None`` leaves it to the server."""
        return await self._database.run(_say, asker, consent, self._clock())

    async def set_standard(self, manager: Asker, consent: Consent) -> PrivacyView:
        """Set what stands for those who say nothing. Whoever calls this has seen that they manage the server."""
        return await self._database.run(_set_standard, manager, consent, self._clock())

    async def spare(self, manager: Asker, channel_id: int, *, spared: bool) -> PrivacyView:
        """Keep the pictures of a channel from being edited by others, or no longer. See :meth:`set_standard`."""
        return await self._database.run(_spare, manager, channel_id, self._clock(), spared=spared)

    async def close(self, asker: Asker, result_id: int, *, closed: bool) -> Result:
        """Keep a result as it is, so that nobody else edits it, or open it again.

        Raises:
            NotFound: there is none in this server, or it was taken down.
            NotAllowed: somebody else asked for it.
        """
        result = await self._database.run(_close, asker, result_id, self._clock(), closed=closed)
        self._signals.notices.set()
        return result


# units of work ---------------------------------------------------------------------------------------------


async def check(tx: Tx, asker: Asker, thread_id: int, references: Sequence[Reference]) -> None:
    """Raise NoConsent where one of the pictures is not to be edited by this person in this thread.

    ``thread_id`` is the session's thread, or 0 for one that has none of these pictures yet.
    """
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    refused = await refusal(tx, asker.guild_id, account_id, thread_id, references)
    if refused is not None:
        raise NoConsent(refused)


async def refusal(
    tx: Tx, guild_id: int, account_id: int | None, thread_id: int, references: Sequence[Reference]
) -> str | None:
    """Say why one of the pictures is not to be edited by an account in a thread; ``None``: all may be."""
    rules = await _rules(tx, guild_id)
    for number, reference in enumerate(references, 1):
        said = await _refusal_of(tx, guild_id, account_id, thread_id, rules, _numbered(number), reference)
        if said is not None:
            return said
    return None


async def _refusal_of(
    tx: Tx, guild_id: int, account_id: int | None, thread_id: int, rules: Rules, called: str, reference: Reference
) -> str | None:
    for whose, found in await _authors_of(tx, guild_id, called, reference):
        said = _refused(found, rules, account_id, thread_id, whose)
        if said is not None:
            return said
    return None


async def _refusals(
    tx: Tx, asker: Asker, thread_id: int, references: Sequence[Reference], called: Sequence[str]
) -> list[str | None]:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    rules = await _rules(tx, asker.guild_id)
    return [
        await _refusal_of(tx, asker.guild_id, account_id, thread_id, rules, name, reference)
        for name, reference in zip(called, references, strict=True)
    ]


async def _authors_of(tx: Tx, guild_id: int, called: str, reference: Reference) -> list[tuple[str, list[Author]]]:
    """Return who is asked about a picture, each time with how a sentence says whose it is."""
    if reference.result_id is None:
        return [(f"{called} is {{}}’s", await authors.of_file(tx, guild_id, reference.sha256))]
    name = f"#{reference.result_id}"
    return [
        (f"{name} is {{}}’s", await authors.of_result(tx, reference.result_id)),
        (f"{name} was made of {{}}’s picture", await authors.of_sources(tx, reference.result_id)),
    ]


def _refused(found: Iterable[Author], rules: Rules, account_id: int | None, thread_id: int, whose: str) -> str | None:
    """Say who of a picture's authors does not let it be edited, and how that stands; ``whose`` takes their name."""
    for author in found:
        if author.account_id == account_id:
            continue
        said = whose.format(_named(author))
        if author.user_id is None:
            return f"{said}, and they asked to be forgotten: nobody edits it any more."
        if author.closed is not None:
            return f"{said}, and they keep #{author.closed} as it is: ask them to open it."
        free = {origin for origin in author.origins if origin.channel_id not in rules.spared}
        if not free:
            return f"{said}, and in this server nobody edits what others post in <#{min(author.origins).channel_id}>."
        consent = author.consent or rules.standard
        if consent is Consent.NOBODY:
            return f"{said}, and they let nobody else edit their pictures. Ask them to change that with `/privacy set`, or use another picture."
        if consent is Consent.SESSION and thread_id not in {origin.thread_id for origin in free if origin.thread_id}:
            return (
                f"{said}, and they let others edit their pictures only in the thread where these stand. "
                "Ask them to change that with `/privacy set`, or use another picture."
            )
    return None


def _numbered(number: int) -> str:
    return f"Picture {number}"


def _named(author: Author) -> str:
    return "somebody" if author.user_id is None else f"<@{author.user_id}>"


async def settle(tx: Tx, guild_id: int, account_id: int, origin: Origin, references: Sequence[Reference]) -> None:
    """Record that an asker uses their own files in a session: they stand there from now on."""
    for reference in references:
        if reference.result_id is None:
            await authors.settle(tx, guild_id, reference.sha256, account_id, origin)


async def _check_posted(tx: Tx, asker: Asker, thread_id: int, posted: Posted) -> None:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, posted.user_id)
    if posted.user_id == asker.user_id:
        return
    said = None if account_id is None else await consents.said(tx, account_id)
    author = Author(account_id or 0, posted.user_id, said, frozenset({posted.origin}))
    refused = _refused([author], await _rules(tx, asker.guild_id), None, thread_id, "This picture is {}’s")
    if refused is not None:
        raise NoConsent(refused)


async def _learn(tx: Tx, asker: Asker, given: str, kept: str, posted: Posted | None, at: int, *, own: bool) -> None:
    guild_id = asker.guild_id
    # Of two who give the same file at once, one is its author.
    await accounts.lock(tx, await accounts.ensure(tx, Scope.SERVER, at, guild_id))
    if given != kept:
        await authors.hand_on(tx, guild_id, given, kept)
    copied = await results.copy_of(tx, guild_id, given)
    if copied is not None:
        await authors.hand_on_result(tx, copied.id, kept)
    # Both are known: what is made of the same file may be other bytes one day.
    for sha256 in dict.fromkeys((kept, given)):
        if posted is not None:
            account_id = await accounts.ensure(tx, Scope.MEMBER, at, guild_id, posted.user_id)
            await authors.posted(tx, guild_id, sha256, account_id, posted.origin, posted.at)
        elif own:
            account_id = await accounts.ensure(tx, Scope.MEMBER, at, guild_id, asker.user_id)
            await authors.given(tx, guild_id, sha256, account_id, at)


async def _rules(tx: Tx, guild_id: int) -> Rules:
    return Rules((await servers.get(tx, guild_id)).consent, frozenset(await consents.spared(tx, guild_id)))


async def _view(tx: Tx, asker: Asker) -> PrivacyView:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    said = None if account_id is None else await consents.said(tx, account_id)
    return PrivacyView(said, await _rules(tx, asker.guild_id))


async def _say(tx: Tx, asker: Asker, consent: Consent | None, now: int) -> PrivacyView:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    await consents.say(tx, account_id, consent)
    return await _view(tx, asker)


async def _set_standard(tx: Tx, manager: Asker, consent: Consent, now: int) -> PrivacyView:
    server = await servers.get(tx, manager.guild_id)
    await servers.put(tx, replace(server, consent=consent))
    await _log(tx, manager, "who may edit pictures", server.consent.value, consent.value, now)
    return await _view(tx, manager)


async def _spare(tx: Tx, manager: Asker, channel_id: int, now: int, *, spared: bool) -> PrivacyView:
    change = consents.spare if spared else consents.spare_no_more
    if await change(tx, manager.guild_id, channel_id):
        words = ("edited", "not edited by others") if spared else ("not edited by others", "edited")
        await _log(tx, manager, f"pictures of <#{channel_id}>", *words, now)
    return await _view(tx, manager)


async def _log(tx: Tx, manager: Asker, subject: str, before: str, after: str, now: int) -> None:
    by = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, manager.user_id)
    await audit.record(tx, manager.guild_id, by, subject, before=before, after=after, now=now)


async def _close(tx: Tx, asker: Asker, result_id: int, now: int, *, closed: bool) -> Result:
    found = await results.get(tx, result_id)
    job = None if found is None else await job_rows.known(tx, found.job_id)
    if found is None or job is None or job.guild_id != asker.guild_id:
        raise NotFound.result(result_id)
    if job.user_id != asker.user_id:
        raise NotAllowed(f"Only whoever asked for {found.short_id} can say whether others may edit it.")
    if not await results.close(tx, result_id, now if closed else None):
        raise NotFound.taken_down(result_id)
    await announcements.refresh(tx, job.id, now)
    return replace(found, closed_at=now if closed else None)
