"""The units of work that forget a person: one server's account of theirs at a time, all of it or nothing.

What goes is what tells who they are, what they wrote and what they gave. What stays are numbers under an account that is
nobody's any more: the ledger is not touched, so the books balance as before.

Locks are taken in the order that everybody keeps: sessions, rounds, results, the account, grants, and drafts last. The
account's row is locked against all who are about to write in its name (``accounts.ensure``): they wait, and then open
another account for a person who comes back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from storage import (
    announcements,
    consents,
    drafts,
    jobs,
    ledger,
    lineage,
    offers,
    pictures,
    rounds,
    servers,
    sessions,
    showings,
    stars,
    sweeps,
)
from storage.database import Tx
from storage.records import Consent, EditRequest, Status

#: What stands where a text named them.
_SOMEBODY: Final = "somebody who was forgotten"
#: Why rounds about their pictures end.
_TAKEN_DOWN: Final = "Its picture was taken down, so nothing can be made of it."

_OWN_JOBS: Final = "SELECT id FROM jobs WHERE account_id = ?1"
_OWN_RESULTS: Final = (
    "SELECT made.id FROM jobs CROSS JOIN results AS made WHERE jobs.account_id = ?1 AND made.job_id = jobs.id"
)

# What has to be locked ---------------------------------------------------------------------------------------------

_OPEN_ROUNDS: Final = f"""
SELECT id, session_id FROM rounds WHERE state = 'open' AND (
    id IN (SELECT round_id FROM proposals WHERE account_id = ?1)
    OR id IN (SELECT round_id FROM votes WHERE account_id = ?1)
    OR result_id IN ({_OWN_RESULTS})
)
ORDER BY session_id
"""  # noqa: S608 - the constants above only
_LOCK_RESULTS: Final = f"""
SELECT id FROM results WHERE id IN (
    {_OWN_RESULTS} UNION SELECT result_id FROM stars WHERE account_id = ?1
)
ORDER BY id /* FOR UPDATE OF results */
"""  # noqa: S608 - the constants above only
_LOCK_ACCOUNT: Final = """
SELECT guild_id, holder_id FROM accounts WHERE id = ?1 AND scope = 'member' /* FOR UPDATE OF accounts */
"""
_AT_RUNWARE: Final = """
SELECT first_post_at FROM jobs
WHERE account_id = ?1 AND status IN ('submitting', 'submitted') ORDER BY first_post_at DESC LIMIT 1
"""
_NOT_SENT: Final = "SELECT id FROM jobs WHERE account_id = ?1 AND status IN ('waiting', 'queued') ORDER BY id"

# Results -----------------------------------------------------------------------------------------------------------

_RESULTS: Final = f"SELECT id, sha256 FROM results WHERE id IN ({_OWN_RESULTS}) ORDER BY id"  # noqa: S608 - a constant
_ASK_RUNWARE: Final = f"""
INSERT INTO remote_deletions (image_uuid, due_at)
SELECT DISTINCT image_uuid, CAST(?2 AS BIGINT) FROM results WHERE id IN ({_OWN_RESULTS})
ON CONFLICT (image_uuid) DO NOTHING
"""  # noqa: S608 - the constants above only
_TAKE_DOWN: Final = f"""
UPDATE results SET
    deleted_at = coalesce(deleted_at, CAST(?2 AS BIGINT)), copy_at = NULL, url = '', sha256 = NULL, media_type = NULL
WHERE id IN ({_OWN_RESULTS})
"""  # noqa: S608 - the constants above only
# A result that goes is known by its bytes from then on, like a file, should somebody who saved it give it.
_KEEP_CLOSED: Final = f"""
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at, result_id)
SELECT jobs.guild_id, results.sha256, jobs.account_id, jobs.channel_id, coalesce(jobs.thread_id, jobs.reply_id),
    jobs.created_at, results.id
FROM results JOIN jobs ON jobs.id = results.job_id
WHERE results.id IN ({_OWN_RESULTS}) AND results.sha256 IS NOT NULL
    AND (CAST(?2 AS BIGINT) = 1 OR results.closed_at IS NOT NULL)
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""  # noqa: S608 - the constants above only
_ASK_RUNWARE_LATE: Final = """
INSERT INTO remote_deletions (image_uuid, due_at)
SELECT image_uuid, CAST(?2 AS BIGINT) FROM results WHERE job_id = ?1 AND deleted_at IS NULL
ON CONFLICT (image_uuid) DO NOTHING
"""
_TAKE_DOWN_LATE: Final = """
UPDATE results SET deleted_at = CAST(?2 AS BIGINT), copy_at = NULL, url = '', sha256 = NULL, media_type = NULL
WHERE job_id = ?1 AND deleted_at IS NULL
"""
_MADE_OF_THEM: Final = f"""
SELECT DISTINCT lineage.job_id FROM lineage JOIN jobs AS made ON made.id = lineage.job_id
WHERE lineage.result_id IN ({_OWN_RESULTS}) AND made.account_id <> ?1 ORDER BY lineage.job_id
"""  # noqa: S608 - the constants above only

# Files -------------------------------------------------------------------------------------------------------------

_OPEN_FILES: Final = """
DELETE FROM file_authors WHERE account_id = ?1 AND (result_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM results WHERE results.id = file_authors.result_id AND results.closed_at IS NOT NULL
))
"""
_FILES: Final = "SELECT DISTINCT sha256 FROM file_authors WHERE account_id = ?1 ORDER BY sha256"
_OTHER_AUTHOR: Final = """
SELECT file_authors.account_id FROM file_authors JOIN accounts ON accounts.id = file_authors.account_id
WHERE file_authors.sha256 = ?1 AND file_authors.guild_id = ?2 AND file_authors.account_id <> ?3 LIMIT 1
"""
_USED_BY: Final = """
SELECT jobs.id FROM job_pictures JOIN jobs ON jobs.id = job_pictures.job_id
WHERE job_pictures.sha256 = ?1 AND jobs.guild_id = ?2 AND jobs.account_id <> ?3 ORDER BY jobs.id
"""
_UNBIND_FILE: Final = """
DELETE FROM job_pictures WHERE sha256 = ?1
    AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_pictures.job_id AND jobs.guild_id = ?2)
"""
_GIVEN_WITH: Final = f"""
SELECT sha256 FROM job_pictures WHERE job_id IN ({_OWN_JOBS})
UNION SELECT sha256 FROM tray_pictures WHERE account_id = ?1
UNION SELECT sha256 FROM pick_pictures WHERE pick_id IN (SELECT id FROM picks WHERE account_id = ?1)
UNION SELECT sha256 FROM draft_pictures WHERE draft_id IN (SELECT id FROM drafts WHERE account_id = ?1)
"""  # noqa: S608 - the constants above only
_FROM_TRAYS: Final = """
DELETE FROM tray_pictures WHERE sha256 = ?1
    AND EXISTS (SELECT 1 FROM accounts WHERE accounts.id = tray_pictures.account_id AND accounts.guild_id = ?2)
"""
_FROM_PICKS: Final = """
DELETE FROM pick_pictures WHERE sha256 = ?1
    AND EXISTS (SELECT 1 FROM picks WHERE picks.id = pick_pictures.pick_id AND picks.guild_id = ?2)
"""
_PICKED: Final = "DELETE FROM picks WHERE author_id = ?1"
_IN_DRAFTS: Final = """
SELECT draft_pictures.draft_id FROM draft_pictures JOIN drafts ON drafts.id = draft_pictures.draft_id
WHERE draft_pictures.sha256 = ?1 AND drafts.guild_id = ?2 ORDER BY draft_pictures.draft_id
"""
# Questions stand for an hour, so all of them are few.
_ASKED_OFFERS: Final = """
SELECT id, channel_id, reply_id, thread_id, request FROM offers
WHERE made_at > 0 AND guild_id = ?1 AND account_id <> ?2 ORDER BY made_at, id
"""
_ASKED_SWEEPS: Final = """
SELECT id, channel_id, reply_id, thread_id, request FROM sweeps
WHERE state = 'asked' AND guild_id = ?1 AND account_id <> ?2 ORDER BY made_at, id
"""

# Edits -------------------------------------------------------------------------------------------------------------

_REQUEST: Final = "SELECT request FROM jobs WHERE id = ?1"
_REQUESTS: Final = "SELECT id, request FROM jobs WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT 100"
_PUT_REQUEST: Final = "UPDATE jobs SET request = ?2 WHERE id = ?1"
_BLANK_JOB: Final = "UPDATE jobs SET request = ?2, error_message = NULL, errors_seen = NULL WHERE id = ?1"
_REPLIES: Final = """
SELECT id, guild_id, channel_id, reply_id, thread_id FROM jobs WHERE id = ?1 AND pooled = 0 AND sweep_id IS NULL
"""
_SWEEP_OF: Final = """
SELECT sweeps.id, sweeps.request FROM jobs JOIN sweeps ON sweeps.id = jobs.sweep_id WHERE jobs.id = ?1
"""
_PUT_SWEEP_REQUEST: Final = "UPDATE sweeps SET request = ?2 WHERE id = ?1"
_SWEEPS: Final = """
SELECT id, state, guild_id, channel_id, reply_id, thread_id, request, axes FROM sweeps WHERE account_id = ?1 ORDER BY id
"""
_BLANK_SWEEP: Final = "UPDATE sweeps SET request = ?2, axes = ?3 WHERE id = ?1"
_OFFERS: Final = """
DELETE FROM offers WHERE account_id = ?1 RETURNING guild_id, channel_id, reply_id, thread_id
"""

# Rounds ------------------------------------------------------------------------------------------------------------

_ROUNDS: Final = """
SELECT rounds.id, rounds.message_id, sessions.guild_id, sessions.thread_id
FROM rounds JOIN sessions ON sessions.id = rounds.session_id
WHERE rounds.id IN (
    SELECT id FROM rounds WHERE opener_id = ?1
    UNION SELECT round_id FROM proposals WHERE account_id = ?1
    UNION SELECT votes.round_id FROM votes JOIN rounds AS voted ON voted.id = votes.round_id
    WHERE votes.account_id = ?1 AND voted.state = 'open'
)
ORDER BY rounds.id
"""
_END_ROUNDS: Final = f"""
UPDATE rounds SET state = 'refused', reason = ?2 WHERE state = 'open' AND result_id IN ({_OWN_RESULTS})
"""  # noqa: S608 - the constant above
_BLANK_PROPOSALS: Final = "UPDATE proposals SET prompt = '' WHERE account_id = ?1"
_REASONS: Final = """
UPDATE rounds SET reason = replace(replace(reason, ?2, ?4), ?3, ?4)
WHERE reason IS NOT NULL AND session_id IN (SELECT id FROM sessions WHERE guild_id = ?1)
    AND (replace(reason, ?2, '') <> reason OR replace(reason, ?3, '') <> reason)
"""

# What is theirs alone ----------------------------------------------------------------------------------------------

_STARS: Final = """
SELECT stars.result_id, results.job_id FROM stars JOIN results ON results.id = stars.result_id
WHERE stars.account_id = ?1 ORDER BY stars.result_id
"""
_CLAIMS: Final = "DELETE FROM claims WHERE account_id = ?1 RETURNING result_id"
_JOB_OF: Final = "SELECT job_id FROM results WHERE id = ?1"
_BONUSES: Final = "SELECT id FROM grants WHERE subject_id = ?1 AND scope = 'member' AND ended_at IS NULL ORDER BY id"
_LIMITS: Final = "DELETE FROM allowances WHERE guild_id = ?2 AND scope = 'member' AND subject_id = ?1"
#: In this order; drafts are locked last.
_GOES: Final = {
    "preferences": "DELETE FROM preferences WHERE account_id = ?1",
    "trays": "DELETE FROM trays WHERE account_id = ?1",
    "picks": "DELETE FROM picks WHERE account_id = ?1",
    "presets": "DELETE FROM presets WHERE owner_id = ?1",
    "session_people": "DELETE FROM session_people WHERE account_id = ?1",
    "job_pictures": f"DELETE FROM job_pictures WHERE job_id IN ({_OWN_JOBS})",  # noqa: S608 - the constant above
    "drafts": "DELETE FROM drafts WHERE account_id = ?1",
}
_AUDIT: Final = """
UPDATE audit SET
    subject = replace(replace(subject, ?2, ?4), ?3, ?4), before = replace(replace(before, ?2, ?4), ?3, ?4),
    after = replace(replace(after, ?2, ?4), ?3, ?4)
WHERE guild_id = ?1 AND (
    replace(subject || before || after, ?2, '') <> subject || before || after
    OR replace(subject || before || after, ?3, '') <> subject || before || after
)
"""
_PAUSES: Final = """
UPDATE pauses SET reason = replace(replace(reason, ?2, ?4), ?3, ?4)
WHERE guild_id = ?1 AND (replace(reason, ?2, '') <> reason OR replace(reason, ?3, '') <> reason)
"""
_ACCOUNT: Final = "DELETE FROM accounts WHERE id = ?1"
_LEAVE: Final = """
INSERT INTO leftovers (message_id, guild_id, channel_id, round_id, job_id, due_at)
VALUES (?1, ?2, ?3, CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), ?6) ON CONFLICT (message_id) DO NOTHING
"""


class StillAtRunware(Exception):
    """An edit of theirs is at Runware, and its task has to be sent again as it was if its fate is unknown."""

    def __init__(self, first_post_at: int) -> None:
        super().__init__(first_post_at)
        #: When the last one was sent first.
        self.first_post_at = first_post_at


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a unit has forgotten."""

    #: Pictures that nothing names any more: their bytes are to go, now that this is committed.
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast Discord is told, so that others do not wait for it; times in milliseconds."""

    now: int
    #: Between two changes of what Discord shows.
    apart: int
    #: See :func:`jobs.queue_moved`.
    card_interval: int


async def check(tx: Tx, account_id: int) -> None:
    """Raise StillAtRunware where an account cannot be forgotten now."""
    row = await tx.fetch_one(_AT_RUNWARE, account_id)
    if row is not None:
        raise StillAtRunware(row["first_post_at"])


async def forget(tx: Tx, account_id: int, pace: Pace) -> Forgotten:
    """Forget whose account this is, in the account's server; one that is nobody's any more changes nothing.

    Raises:
        StillAtRunware: it has to wait; nothing was changed.
    """
    for found in await tx.fetch_all(_OPEN_ROUNDS, account_id):
        await sessions.lock(tx, found["session_id"])
        await rounds.lock(tx, found["id"])
    await tx.fetch_all(_LOCK_RESULTS, account_id)
    account = await tx.fetch_one(_LOCK_ACCOUNT, account_id)
    if account is None:
        return Forgotten(())
    await check(tx, account_id)
    return await _Forgetting(tx, account_id, account["guild_id"], account["holder_id"], pace).all()


async def take_down_late(tx: Tx, job_id: int, now: int) -> None:
    """Take down, in the unit that records them, pictures of a job whose asker was forgotten before they came."""
    await tx.execute(_ASK_RUNWARE_LATE, job_id, now)
    await tx.execute(_TAKE_DOWN_LATE, job_id, now)


class _Forgetting:
    """One account being forgotten, with everything locked but grants and drafts."""

    def __init__(self, tx: Tx, account_id: int, guild_id: int, user_id: int, pace: Pace) -> None:
        self._tx = tx
        self._id = account_id
        self._guild_id = guild_id
        self._user_id = user_id
        self._pace = pace
        self._now = pace.now
        #: When Discord is told of the next change.
        self._at = pace.now
        #: Pictures that may be named by nothing once this is done.
        self._hashes: set[str] = set()

    async def all(self) -> Forgotten:
        """Forget everything."""
        tx = self._tx
        await self._cancel()
        await self._blank_edits()  # first: a late result waits for its job's row, or is seen by what follows
        await self._leave_rounds()
        await self._give_stars_back()
        closed = await self._keep_a_no()
        await self._take_down()
        files = await self._files()
        await self._end_claims()
        await tx.execute(_LIMITS, self._id, self._guild_id)
        for grant in await tx.fetch_all(_BONUSES, self._id):
            await ledger.end_grant(tx, grant["id"], self._now)
        await self._unname()
        await self._from_questions(files)
        await self._from_drafts(files)
        if not closed:
            await tx.execute(_OPEN_FILES, self._id)
        for statement in _GOES.values():
            await tx.execute(statement, self._id)
        await tx.execute(_ACCOUNT, self._id)
        return Forgotten(tuple([sha256 for sha256 in sorted(self._hashes) if await pictures.release(tx, sha256)]))

    # edits that were not sent ------------------------------------------------------------------------------

    async def _cancel(self) -> None:
        """Cancel what was not sent, and give its holds back."""
        waiting = await self._tx.fetch_all(_NOT_SENT, self._id)
        for row in waiting:
            if not await jobs.move(self._tx, row["id"], Status.CANCELLED, self._now):
                raise StillAtRunware(self._now)  # it was sent at this very moment
            await ledger.release(self._tx, await jobs.known(self._tx, row["id"]), self._now)
        if waiting:
            await jobs.queue_moved(self._tx, self._now, self._pace.card_interval)

    # rounds ------------------------------------------------------------------------------------------------

    async def _leave_rounds(self) -> None:
        """Withdraw from open rounds, end those about their pictures, and leave votes alone in those that are over."""
        tx, shown = self._tx, await self._tx.fetch_all(_ROUNDS, self._id)
        for found in await tx.fetch_all(_OPEN_ROUNDS, self._id):
            await rounds.withdraw(tx, found["id"], self._id)
        await tx.execute(_END_ROUNDS, self._id, _TAKEN_DOWN)
        await tx.execute(_BLANK_PROPOSALS, self._id)
        for row in shown:
            await self._leave(row["message_id"], row["guild_id"], row["thread_id"], round_id=row["id"])

    # stars and results -------------------------------------------------------------------------------------

    async def _give_stars_back(self) -> None:
        for row in await self._tx.fetch_all(_STARS, self._id):
            await stars.take(self._tx, row["result_id"], self._id)
            await self._refresh(row["job_id"])

    async def _take_down(self) -> None:
        """Take their results down, with everything that shows them; what others made of them says so from now on."""
        tx = self._tx
        for row in await tx.fetch_all(_RESULTS, self._id):
            await stars.forget(tx, row["id"])
            if row["sha256"] is not None:
                self._hashes.add(row["sha256"])
        for row in await tx.fetch_all(_MADE_OF_THEM, self._id):
            await self._refresh(row["job_id"], reply=True)
        for job_id in await lineage.descendants_of_others(tx, self._id):
            await self._tell_anew(job_id)
        await tx.execute(_ASK_RUNWARE, self._id, self._now)
        await tx.execute(_TAKE_DOWN, self._id, self._now)

    async def _keep_a_no(self) -> bool:
        """Return whether all their pictures stay closed, to all: who said no is not opened by being forgotten.

        Results that they closed one by one stay so in any case. What says whose a file is names an account that is nobody's any more then.
        """
        said = await consents.said(self._tx, self._id) or (await servers.get(self._tx, self._guild_id)).consent
        closed = said is not Consent.ANYONE
        await self._tx.execute(_KEEP_CLOSED, self._id, int(closed))
        return closed

    # files -------------------------------------------------------------------------------------------------

    async def _files(self) -> frozenset[str]:
        """Take their pictures from whoever uses them, but for those that are somebody else's too; returns these."""
        tx = self._tx
        self._hashes.update([row["sha256"] for row in await tx.fetch_all(_FILES, self._id)])
        files = [one for one in sorted(self._hashes) if not await self._is_anothers(one)]
        self._hashes.update([row["sha256"] for row in await tx.fetch_all(_GIVEN_WITH, self._id)])
        users = {job_id for sha256 in files for job_id in await self._users(sha256)}
        for statement in (_UNBIND_FILE, _FROM_TRAYS, _FROM_PICKS):
            for sha256 in files:
                await tx.execute(statement, sha256, self._guild_id)
        await tx.execute(_PICKED, self._id)
        for job_id in sorted(users):
            await self._take_files(job_id, files)
        return frozenset(files)

    async def _is_anothers(self, sha256: str) -> bool:
        """Return whether a file is somebody else's too, in this server."""
        return await self._tx.fetch_one(_OTHER_AUTHOR, sha256, self._guild_id, self._id) is not None

    async def _users(self, sha256: str) -> list[int]:
        """Return the edits of others in this server that were made of a file."""
        rows = await self._tx.fetch_all(_USED_BY, sha256, self._guild_id, self._id)
        return [row["id"] for row in rows]

    async def _take_files(self, job_id: int, files: Sequence[str]) -> None:
        row = await self._tx.fetch_one(_REQUEST, job_id)
        if row is not None:
            request = EditRequest.from_json(row["request"]).without(files)
            await self._tx.execute(_PUT_REQUEST, job_id, request.to_json())
            await self._refresh(job_id, reply=True)
        sweep = await self._tx.fetch_one(_SWEEP_OF, job_id)
        if sweep is not None:
            request = EditRequest.from_json(sweep["request"]).without(files)
            await self._tx.execute(_PUT_SWEEP_REQUEST, sweep["id"], request.to_json())
            await sweeps.hurry(self._tx, sweep["id"], self._next())

    async def _from_questions(self, files: Collection[str]) -> None:
        """Take back what others were asked whether they want it made of their files: a yes would make it."""
        for statement, take in ((_ASKED_OFFERS, offers.take), (_ASKED_SWEEPS, sweeps.forget)):
            for row in await self._tx.fetch_all(statement, self._guild_id, self._id):
                named = {one.sha256 for one in EditRequest.from_json(row["request"]).references}
                if not named.isdisjoint(files) and await take(self._tx, row["id"]):
                    await self._leave(row["reply_id"], self._guild_id, row["thread_id"] or row["channel_id"])

    async def _from_drafts(self, files: Iterable[str]) -> None:
        """Take their files out of the drafts of others; each is another draft then, whose card asks anew."""
        tx = self._tx
        found = {row["draft_id"] for sha256 in files for row in await tx.fetch_all(_IN_DRAFTS, sha256, self._guild_id)}
        for draft_id in sorted(found):
            draft = await drafts.lock(tx, draft_id)
            if draft is not None and draft.account_id != self._id:
                stay = tuple(one for one in draft.references if one.result_id is not None or one.sha256 not in files)
                await drafts.save(tx, replace(draft, references=stay, changed_at=max(self._now, draft.changed_at + 1)))

    # their own edits ---------------------------------------------------------------------------------------

    async def _blank_edits(self) -> None:
        """Take the words and pictures out of what they asked for, and have Discord show it so."""
        tx, last = self._tx, 0
        while page := await tx.fetch_all(_REQUESTS, self._id, last):
            for row in page:
                await tx.execute(_BLANK_JOB, row["id"], EditRequest.from_json(row["request"]).blank().to_json())
                await announcements.hurry(tx, row["id"], self._next())
            last = page[-1]["id"]
        for row in await tx.fetch_all(_OFFERS, self._id):
            await self._leave(row["reply_id"], row["guild_id"], row["thread_id"] or row["channel_id"])
        for row in await tx.fetch_all(_SWEEPS, self._id):
            if row["state"] == sweeps.SweepState.ASKED:
                await sweeps.forget(tx, row["id"])
                await self._leave(row["reply_id"], row["guild_id"], row["thread_id"] or row["channel_id"])
                continue
            request = EditRequest.from_json(row["request"]).blank()
            axes = [{**axis, "lora": None} for axis in json.loads(row["axes"])]
            await tx.execute(_BLANK_SWEEP, row["id"], request.to_json(), json.dumps(axes, ensure_ascii=False))
            await sweeps.hurry(tx, row["id"], self._next())

    async def _end_claims(self) -> None:
        for claim in await self._tx.fetch_all(_CLAIMS, self._id):
            for row in await self._tx.fetch_all(_JOB_OF, claim["result_id"]):
                await self._refresh(row["job_id"])

    async def _unname(self) -> None:
        """Take them out of texts that name them as Discord does."""
        named = (f"<@{self._user_id}>", f"<@!{self._user_id}>", _SOMEBODY)
        for statement in (_AUDIT, _PAUSES, _REASONS):
            await self._tx.execute(statement, self._guild_id, *named)

    # what Discord shows ------------------------------------------------------------------------------------

    async def _refresh(self, job_id: int, *, reply: bool = False) -> None:
        """Have what was posted of a job drawn anew; ``reply``: the message that its thread hangs on, too."""
        await announcements.refresh(self._tx, job_id, self._next())
        for row in await self._tx.fetch_all(_REPLIES, job_id) if reply else ():
            await self._leave(row["reply_id"], row["guild_id"], row["thread_id"] or row["channel_id"], job_id=job_id)

    async def _tell_anew(self, job_id: int) -> None:
        """Have every picture of a job posted anew: their alt texts say what was asked for on the way to them."""
        await self._refresh(job_id)
        for shown in await showings.of_job(self._tx, job_id):
            await self._leave(shown.message_id, self._guild_id, shown.channel_id, round_id=shown.round_id)

    async def _leave(
        self, message_id: int, guild_id: int, channel_id: int, *, round_id: int | None = None, job_id: int | None = None
    ) -> None:
        """Have a message drawn anew as what it shows, or go."""
        await self._tx.execute(_LEAVE, message_id, guild_id, channel_id, round_id, job_id, self._next())

    def _next(self) -> int:
        """Return when the next change is told."""
        at, self._at = self._at, self._at + self._pace.apart
        return at
