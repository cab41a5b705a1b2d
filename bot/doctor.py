"""``python -m bot doctor``: tries everything the bot needs, one line each, and says what to do about what fails."""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot import quota
from bot.client import Identity, identify
from bot.errors import NotFound, OutOfReach, StartError
from bot.network import UNREACHED, reason
from bot.pictures import open_store
from bot.runware.client import RunwareClient
from bot.runware.errors import Kind, RunwareError
from bot.settings import Settings
from bot.web import delivery_url, public_app, serve
from storage.database import DatabaseError, open_database, pending_migrations


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: whether it is well, and one sentence."""

    subject: str
    well: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'ok     ' if self.well else 'PROBLEM'}  {self.subject}: {self.sentence}"


async def examine(
    settings: Settings, *, identify: Callable[[str, frozenset[int]], Awaitable[Identity]] = identify
) -> list[Finding]:
    """Check the database, the disk, the bucket, Runware, Discord and the public address; none stops the others."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        runware = RunwareClient(
            session, url=settings.runware_url, api_key=settings.runware_api_key.get_secret_value(), retries=0
        )
        return [
            Finding("settings", well=True, sentence="every setting is possible"),
            await _database(settings),
            await asyncio.to_thread(_folder, settings.data_dir),
            *await asyncio.to_thread(_bucket, settings),
            *await _runware(runware, settings.runware_url),
            *await _discord(settings, identify),
            await _public_url(settings, session),
        ]


async def _database(settings: Settings) -> Finding:
    try:
        async with open_database(settings.database_url) as database:
            waiting = await pending_migrations(database)
    except DatabaseError as error:
        return Finding("database", well=False, sentence=str(error))
    if waiting:
        names = ", ".join(waiting)
        return Finding("database", well=True, sentence=f"answers; `run` or `migrate` will apply {names}")
    return Finding("database", well=True, sentence="answers, and every migration is applied")


def _folder(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Finding("pictures", well=False, sentence=f"DATA_DIR {folder} cannot be made: {error.strerror}")
    if not os.access(folder, os.W_OK):
        return Finding(
            "pictures", well=False, sentence=f"DATA_DIR {folder} cannot be written; give the bot's user the right"
        )
    return Finding("pictures", well=True, sentence=f"DATA_DIR {folder} can be written")


def _bucket(settings: Settings) -> list[Finding]:
    """Do with a small object whatever the bot does with pictures. The name of its subject is that of the setting."""
    try:
        store = open_store(settings)
    except StartError as error:
        return [Finding("PICTURE_STORE", well=False, sentence=str(error))]
    if store is None:
        return []
    data = os.urandom(32)
    sha256 = hashlib.sha256(data).hexdigest()
    trying: list[tuple[str, Callable[[], object]]] = [
        ("write to", lambda: store.put(sha256, data)),
        ("read from", lambda: store.get(sha256)),
        ("list", lambda: next(store.entries())),
        ("delete from", lambda: store.delete(sha256)),
    ]
    for what, do in trying:
        try:
            do()
        except OutOfReach as error:
            sentence = f"the bot cannot {what} {settings.picture_store}: {_bucket_complaint(error.reason)}"
            return [Finding("PICTURE_STORE", well=False, sentence=sentence)]
    try:
        store.get(sha256)
    except NotFound:
        sentence = f"{settings.picture_store} can be written, read, listed and deleted from"
        return [Finding("PICTURE_STORE", well=True, sentence=sentence)]
    except OutOfReach as error:
        sentence = f"the bot cannot tell what is missing in {settings.picture_store}: {_bucket_complaint(error.reason)}"
    else:
        sentence = f"{settings.picture_store} still hands out what was deleted; switch off whatever caches it"
    return [Finding("PICTURE_STORE", well=False, sentence=sentence)]


def _bucket_complaint(reason: str) -> str:
    """Say which setting is wrong, by the service's word for it."""
    advice = {
        "NoSuchBucket": "there is no such bucket; make it, or check PICTURE_STORE and S3_ENDPOINT",
        "InvalidBucketName": "that is no name of a bucket; check PICTURE_STORE",
        "InvalidAccessKeyId": "it does not know the key; check S3_ACCESS_KEY_ID",
        "SignatureDoesNotMatch": "the secret does not fit the key; check S3_SECRET_ACCESS_KEY",
        "NoCredentials": "no key was found; set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY",
        "PermanentRedirect": "the bucket is in another region; check S3_REGION",
        "AuthorizationHeaderMalformed": "the bucket is in another region; check S3_REGION",
        "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
        "NoAnswer": "nothing answers there; check this machine's network and S3_ENDPOINT",
    }
    refused = (
        "it refuses; check S3_ACCESS_KEY_ID, and let the key put, get, delete and list objects there (Amazon's names: "
        "s3:PutObject, s3:GetObject, s3:DeleteObject, s3:ListBucket)"
    )
    if reason in {"AccessDenied", "401", "403"}:
        return refused
    return advice.get(reason, f"it answered {reason}; check S3_ENDPOINT, or try again later")


async def _runware(runware: RunwareClient, url: str) -> list[Finding]:
    try:
        await runware.ping()
        balance = await runware.balance()
    except RunwareError as error:
        return [Finding("Runware", well=False, sentence=_complaint(error, url))]
    if balance is None:
        return [Finding("Runware", well=True, sentence="the key works; the balance is not told")]
    well = balance > 0
    advice = "" if well else "; put money on the account, or every edit fails"
    return [Finding("Runware", well=well, sentence=f"the key works; the balance is {quota.dollars(balance)}{advice}")]


def _complaint(error: RunwareError, url: str) -> str:
    """Say what is wrong with Runware and whose matter it is: the network's, the key's, the account's, the address's."""
    if error.http_status is None:
        return f"{url} cannot be reached; check this machine's network and RUNWARE_URL"
    if error.kind is Kind.AUTH:
        return "it refused the key; copy RUNWARE_API_KEY again from the dashboard"
    if error.kind is Kind.QUOTA:
        return "the account is empty; put money on it, or every edit fails"
    return f"{url} answered {error.code}; check RUNWARE_URL, or try again later"


async def _discord(settings: Settings, identify: Callable[[str, frozenset[int]], Awaitable[Identity]]) -> list[Finding]:
    try:
        identity = await identify(settings.discord_token.get_secret_value(), settings.allowed_guilds)
    except ConnectionError as error:
        cause = error.__cause__
        network = isinstance(cause, UNREACHED)
        sentence = f"it cannot be reached: {reason(cause)}; check this machine's network" if network else str(error)
        return [Finding("Discord", well=False, sentence=sentence)]
    findings = [
        Finding("Discord", well=True, sentence=f"the token is {identity.name}'s; invite it with {identity.invite}")
    ]
    for guild in identity.guilds:
        if guild.name is None:
            sentence = f"the bot is not in it; open {identity.invite} to invite it"
        elif guild.missing:
            sentence = f"in {guild.name} the bot lacks: {', '.join(guild.missing)}; grant them to its role"
        else:
            sentence = f"in {guild.name} the bot may do what it needs"
        well = guild.name is not None and not guild.missing
        findings.append(Finding(f"server {guild.id}", well=well, sentence=sentence))
    return findings


async def _public_url(settings: Settings, session: aiohttp.ClientSession) -> Finding:
    if settings.public_url is None:
        return Finding("PUBLIC_URL", well=True, sentence="is not set: the bot will poll for every result")
    task_uuid = str(uuid.uuid4())
    door = f"{settings.listen_host}:{settings.listen_port}"
    async with _listening(settings, task_uuid):
        try:
            async with session.get(f"{settings.public_url}/healthz", allow_redirects=False) as answer:
                sentence = f"{settings.public_url}/healthz answered {answer.status}, not the listener's answer"
            reached = await _takes_deliveries(settings.public_url, settings.webhook_key, task_uuid, session)
        except UNREACHED as error:
            reached, sentence = False, f"{settings.public_url}/healthz cannot be reached: {reason(error)}"
    if reached:
        return Finding("PUBLIC_URL", well=True, sentence="reaches the listener")
    return Finding("PUBLIC_URL", well=False, sentence=f"{sentence}; have it lead to {door}")


async def _takes_deliveries(public_url: str, key: bytes, task_uuid: str, session: aiohttp.ClientSession) -> bool:
    """Tell whether a listener with our key is there: it takes a delivery, which says nothing, and refuses a forged one.

    Headers would not tell, since proxies write their own.
    """
    statuses: list[int] = []
    for signed in (key, b"forged"):
        url = delivery_url(public_url, signed, task_uuid)
        async with session.post(url, json={"data": []}, allow_redirects=False) as answer:
            statuses.append(answer.status)
    return statuses == [204, 404]


@asynccontextmanager
async def _listening(settings: Settings, expected: str) -> AsyncGenerator[None]:
    """Answer on the listener's port for the time of the check, unless the bot itself is running there."""

    async def nobody(task_uuid: str, _body: bytes) -> None:
        """Take the check's own delivery, and let every other that comes now be sent again: nothing here records it."""
        if task_uuid != expected:
            raise ConnectionRefusedError

    try:
        async with serve(
            public_app(key=settings.webhook_key, record=nobody), settings.listen_host, settings.listen_port
        ):
            yield
            return
    except OSError:
        pass
    yield
