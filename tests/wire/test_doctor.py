"""``doctor`` against real services: what it finds, and what it says to do."""

from __future__ import annotations

import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import discord as discord_py
import pytest
from aiohttp import web

from bot.app import open_program
from bot.client import NEEDED, identify
from bot.doctor import Finding, examine
from bot.web import serve
from playground.discord import Fault, File, LocalDiscord, pointed_at
from playground.discord.shapes import BOT_ID, GUILD_ID
from playground.runware import LocalRunware

SERVER = frozenset({int(GUILD_ID)})


async def findings(
    settings_for: Any, *, discord: LocalDiscord, runware: LocalRunware, **settings: Any
) -> dict[str, Finding]:
    """Return what doctor finds, by subject."""
    with pointed_at(discord.host):
        return {finding.subject: finding for finding in await examine(settings_for(discord, runware, **settings))}


async def test_all_is_well_where_all_is_well(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware)
    assert [str(finding) for finding in found.values() if not finding.well] == []
    assert "balance is $100" in found["Runware"].sentence
    assert "may do what it needs" in found[f"server {GUILD_ID}"].sentence
    assert found["Discord"].sentence.startswith("the token is Darkroom's; invite it with https://discord.com/")


async def test_identify_names_the_bot_and_links_an_invitation_for_the_rights_it_needs() -> None:
    async with LocalDiscord() as discord:
        with pointed_at(discord.host):
            identity = await identify(discord.rest.token, SERVER)
    assert (identity.name, [guild.missing for guild in identity.guilds]) == ("Darkroom", [()])
    assert f"client_id={BOT_ID}" in identity.invite
    assert f"permissions={NEEDED.value}" in identity.invite


async def test_a_refused_token_is_said_to_be_refused(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware, discord_token="wrong")
    assert not found["Discord"].well
    assert found["Discord"].sentence.startswith("DISCORD_TOKEN was refused; copy it again")


@pytest.mark.parametrize("fault", [Fault(), Fault(503), Fault(429, via=False)], ids=str)
async def test_a_discord_that_fails_is_not_taken_for_a_wrong_token(settings_for: Any, fault: Fault) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        discord.faults.plan("GET", "/users/@me", fault, fault)  # a broken GET is tried twice
        found = await findings(settings_for, discord=discord, runware=runware)
    assert not found["Discord"].well
    assert "cannot be reached" in found["Discord"].sentence


async def test_rights_that_lack_are_named(settings_for: Any) -> None:
    lacking = discord_py.Permissions(NEEDED.value & ~discord_py.Permissions(attach_files=True).value)
    async with LocalDiscord(permissions=lacking.value) as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware)
    assert not found[f"server {GUILD_ID}"].well
    assert "lacks: attach_files; grant" in found[f"server {GUILD_ID}"].sentence


async def test_a_server_without_the_bot_is_named_with_the_invitation(settings_for: Any) -> None:
    async with LocalDiscord(joined=False) as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware)
    assert not found[f"server {GUILD_ID}"].well
    assert "is not in it; open https://" in found[f"server {GUILD_ID}"].sentence


async def test_a_wrong_runware_key_is_named(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware(key="another") as runware:
        found = await findings(settings_for, discord=discord, runware=runware)
    assert not found["Runware"].well
    assert found["Runware"].sentence == "it refused the key; copy RUNWARE_API_KEY again from the dashboard"


async def test_a_runware_that_cannot_be_reached_is_no_matter_of_the_key(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware, runware_url="http://127.0.0.1:9/v1")
    assert not found["Runware"].well
    assert found["Runware"].sentence == (
        "http://127.0.0.1:9/v1 cannot be reached; check this machine's network and RUNWARE_URL"
    )


async def test_an_address_that_is_not_runware_s_is_no_matter_of_the_key(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        elsewhere = f"http://{discord.host}/nothing-here"
        found = await findings(settings_for, discord=discord, runware=runware, runware_url=elsewhere)
    assert not found["Runware"].well
    assert found["Runware"].sentence.startswith(f"{elsewhere} answered ")
    assert "check RUNWARE_URL" in found["Runware"].sentence
    assert "RUNWARE_API_KEY" not in found["Runware"].sentence


async def test_a_discord_without_a_network_is_named_in_words(settings_for: Any) -> None:
    async with LocalRunware() as runware:
        async with LocalDiscord() as discord:
            pass  # its port is closed again
        found = await findings(settings_for, discord=discord, runware=runware)
    assert found["Discord"].sentence == "it cannot be reached: nothing listens there; check this machine's network"


async def test_a_database_out_of_reach_hides_no_other_finding(settings_for: Any, tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    async with LocalDiscord() as discord, LocalRunware() as runware:
        url = f"sqlite:///{tmp_path / 'folder.db'}"
        found = await findings(settings_for, discord=discord, runware=runware, database_url=url)
    assert "folder.db cannot be opened: unable to open database file." in found["database"].sentence
    assert [finding.subject for finding in found.values() if not finding.well] == ["database"]
    assert {"settings", "pictures", "Runware", "Discord", "PUBLIC_URL"} <= set(found)


async def test_an_empty_account_is_no_good(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware(balance=Decimal(0)) as runware:
        found = await findings(settings_for, discord=discord, runware=runware)
    assert not found["Runware"].well
    assert "put money on the account" in found["Runware"].sentence


async def test_a_public_address_that_leads_to_the_listener_is_well(settings_for: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with LocalDiscord() as discord, LocalRunware() as runware:
        places = {"public_url": f"http://127.0.0.1:{port}", "listen_port": port}
        found = await findings(settings_for, discord=discord, runware=runware, **places)
        assert found["PUBLIC_URL"] == Finding("PUBLIC_URL", well=True, sentence="reaches the listener")
        async with open_program(settings_for(discord, runware, **places)):  # and while the bot itself is there
            found = await findings(settings_for, discord=discord, runware=runware, **places)
            assert found["PUBLIC_URL"].well


async def test_a_public_address_that_leads_nowhere_or_elsewhere_is_named(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        nowhere = await findings(settings_for, discord=discord, runware=runware, public_url="http://127.0.0.1:9")
        assert not nowhere["PUBLIC_URL"].well
        assert nowhere["PUBLIC_URL"].sentence.startswith(
            "http://127.0.0.1:9/healthz cannot be reached: nothing listens there; have it lead to 127.0.0.1:"
        )
        elsewhere = await findings(settings_for, discord=discord, runware=runware, public_url=f"http://{runware.host}")
        assert not elsewhere["PUBLIC_URL"].well
        assert "/healthz answered 404, not the listener's answer" in elsewhere["PUBLIC_URL"].sentence
        page = discord.memory.keep("pages", File("healthz", b"ok\n"), {})["url"].removesuffix("/healthz")
        polite = await findings(settings_for, discord=discord, runware=runware, public_url=page)
        assert not polite["PUBLIC_URL"].well
        assert "/healthz answered 200, not the listener's answer" in polite["PUBLIC_URL"].sentence


async def test_another_program_on_the_listener_s_port_is_found_out(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        port = int(runware.host.rpartition(":")[2])
        found = await findings(
            settings_for, discord=discord, runware=runware, public_url=f"http://{runware.host}", listen_port=port
        )
    assert not found["PUBLIC_URL"].well
    assert f"have it lead to 127.0.0.1:{port}" in found["PUBLIC_URL"].sentence


async def test_a_bucket_is_tried_with_all_that_the_bot_does(settings_for: Any, bucket_settings: dict[str, Any]) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        found = await findings(settings_for, discord=discord, runware=runware, **bucket_settings)
    bucket = bucket_settings["picture_store"]
    assert found["PICTURE_STORE"] == Finding(
        "PICTURE_STORE", well=True, sentence=f"{bucket} can be written, read, listed and deleted from"
    )


async def test_a_bucket_that_is_not_there_or_does_not_answer_is_named_with_the_setting(
    settings_for: Any, bucket_settings: dict[str, Any]
) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        missing = {**bucket_settings, "picture_store": "s3://nobodys-bucket"}
        found = await findings(settings_for, discord=discord, runware=runware, **missing)
        assert not found["PICTURE_STORE"].well
        assert found["PICTURE_STORE"].sentence == (
            "the bot cannot write to s3://nobodys-bucket: there is no such bucket; make it, or check PICTURE_STORE and "
            "S3_ENDPOINT"
        )
        nowhere = {**bucket_settings, "s3_endpoint": "http://127.0.0.1:9"}
        found = await findings(settings_for, discord=discord, runware=runware, **nowhere)
        assert not found["PICTURE_STORE"].well
        assert "nothing answers there; check this machine's network and S3_ENDPOINT" in found["PICTURE_STORE"].sentence


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("InvalidAccessKeyId", "check S3_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "check S3_SECRET_ACCESS_KEY"),
        ("PermanentRedirect", "check S3_REGION"),
        ("AccessDenied", "s3:ListBucket"),
        ("Strange", "it answered Strange; check S3_ENDPOINT"),
    ],
)
async def test_a_bucket_that_refuses_is_named_with_the_setting_that_is_wrong(
    settings_for: Any, bucket_settings: dict[str, Any], code: str, setting: str
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=403, text=f"<Error><Code>{code}</Code></Error>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with LocalDiscord() as discord, LocalRunware() as runware, serve(app, "127.0.0.1", 0) as (host, port):
        elsewhere = {**bucket_settings, "s3_endpoint": f"http://{host}:{port}"}
        found = await findings(settings_for, discord=discord, runware=runware, **elsewhere)
    assert not found["PICTURE_STORE"].well
    assert setting in found["PICTURE_STORE"].sentence
