"""Links that people give: what is fetched, over real TLS on loopback, and what never is."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import socket
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from PIL import Image
from yarl import URL

from bot import images
from bot.errors import BadPicture
from bot.links import Links, check, is_public
from bot.links._links import _Resolver
from tests.hostile_links import LINKS, PUBLIC, REFUSED, SAYS
from tests.hosts import LOOPBACK, Authority, Host, Names, Trap, WatchedLinks, head, redirect, trap, whole

#: What begins like a picture, which is all that a link has to lead to.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
HERE = [[LOOPBACK]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def host(authority: Authority) -> AsyncGenerator[Host]:
    async with authority.host() as host:
        yield host


@pytest.fixture
async def caught() -> AsyncGenerator[Trap]:
    async with trap() as caught:
        yield caught


class Pieces:
    """What came of a file."""

    def __init__(self) -> None:
        self.data = b""

    async def keep(self, piece: bytes) -> None:
        self.data += piece


async def refused(links: Links, url: str) -> str:
    """Return the sentence, which names the option and says what was given."""
    with pytest.raises(BadPicture) as error:
        await links.fetch("image_url", url, Pieces().keep)
    assert error.value.option == "image_url"
    assert error.value.__cause__ is None
    sentence = str(error.value)
    assert sentence.startswith("The link `")
    assert "given as `image_url`" in sentence
    assert sentence.endswith(".")
    return sentence


@pytest.fixture
async def links(authority: Authority, host: Host) -> AsyncGenerator[WatchedLinks]:
    """Links to the host, under any of the names that tests use."""
    async with WatchedLinks(authority, Names(pictures=HERE, more=HERE), host) as links:
        yield links


async def fetched(links: Links, host: Host, path: str = "/cat.png") -> tuple[bytes, str]:
    """Return the file and its name."""
    pieces = Pieces()
    name = await links.fetch("image_url", f"https://pictures.test:{host.port}{path}", pieces.keep)
    return pieces.data, name


async def refused_at(links: Links, host: Host, path: str = "/cat.png") -> str:
    return await refused(links, f"https://pictures.test:{host.port}{path}")


# Which addresses are public


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_for_few_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_for_everybody_is_public(address: str) -> None:
    assert is_public(ip_address(address))


# Hostile links


@pytest.mark.parametrize(("link", "kind"), LINKS)
async def test_a_hostile_link_is_refused_before_anything_is_looked_up(
    authority: Authority, caught: Trap, link: str, kind: str
) -> None:
    names = Names(pictures=HERE)
    async with WatchedLinks(authority, names, traps=[caught]) as links:
        sentence = await refused(links, link.format(port=caught.port))
    assert SAYS[kind] in sentence
    assert names.asked == []
    assert links.opened == []
    assert caught.connections == 0


@pytest.mark.parametrize(("link", "kind"), LINKS)
def test_a_hostile_link_is_refused_before_the_acknowledgement(link: str, kind: str) -> None:
    with pytest.raises(BadPicture) as error:
        check("image_url", link.format(port=443))
    assert SAYS[kind] in str(error.value)


@pytest.mark.parametrize(
    "link",
    [
        "https://pictures.test/cat.png",
        "https://pictures.test./cat.png",
        "https://PICTURES.test:443/a%20cat.png?size=large#top",
        "https://bücher.example/kätzchen.png",
        "https://notdiscord.com/cat.png",
        "https://discord.com.pictures.test/cat.png",
        "https://1.1.1.1/cat.png",
        "https://[2606:4700::1111]/cat.png",
        "https://0x.pictures.test/cat.png",
        "https://pictures.test/" + "a" * (2000 - len("https://pictures.test/")),
    ],
)
def test_an_ordinary_link_passes_the_check(link: str) -> None:
    check("image_url", link)


@pytest.mark.parametrize("address", REFUSED)
async def test_no_socket_is_made_for_a_name_that_leads_to_a_refused_address(
    authority: Authority, caught: Trap, address: str
) -> None:
    async with WatchedLinks(authority, Names(pictures=[[address]]), traps=[caught]) as links:
        sentence = await refused(links, f"https://pictures.test:{caught.port}/")
    assert SAYS["address"] in sentence
    assert links.opened == []
    assert caught.connections == 0


@pytest.mark.parametrize("literal", ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "10.0.0.1"])
async def test_an_address_that_stands_in_a_link_is_judged_at_its_socket_too(
    authority: Authority, caught: Trap, literal: str
) -> None:
    async with WatchedLinks(authority, Names(), traps=[caught]) as links:
        with pytest.raises(aiohttp.ClientConnectorError):
            await links._follow(URL(f"https://{literal}:{caught.port}/"), Pieces().keep)
    assert links.opened == []
    assert caught.connections == 0


@pytest.mark.parametrize("answer", ["127.1", "0x7f000001", "localhost", "2130706433"])
async def test_an_answer_that_would_be_looked_up_once_more_is_refused(
    authority: Authority, caught: Trap, answer: str
) -> None:
    async with WatchedLinks(authority, Names(pictures=[[answer]]), traps=[caught]) as links:
        assert SAYS["address"] in await refused(links, f"https://pictures.test:{caught.port}/")
    assert links.opened == []
    assert caught.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        [LOOPBACK, "1.1.1.1"],
        ["1.1.1.1", LOOPBACK],
        ["1.1.1.1", "10.0.0.1", "2606:4700::1111", "::1", LOOPBACK],
        ["::1", "2606:4700::1111"],
    ],
)
async def test_of_several_addresses_only_public_ones_are_tried(
    authority: Authority, caught: Trap, answer: list[str]
) -> None:
    async with WatchedLinks(authority, Names(pictures=[answer]), traps=[caught]) as links:
        await refused(links, f"https://pictures.test:{caught.port}/")
    assert {address for address, _ in links.opened} == {a for a in answer if is_public(ip_address(a))}
    assert caught.connections == 0


async def test_a_host_whose_addresses_are_all_refused_is_refused_in_the_same_words(
    authority: Authority, caught: Trap
) -> None:
    async with WatchedLinks(authority, Names(pictures=[["::1", "10.0.0.1", LOOPBACK]]), traps=[caught]) as links:
        assert SAYS["address"] in await refused(links, f"https://pictures.test:{caught.port}/")
    assert links.opened == []


async def test_a_name_that_is_rebound_between_two_fetches_is_refused(authority: Authority, caught: Trap) -> None:
    async with WatchedLinks(authority, Names(pictures=[["1.1.1.1"], [LOOPBACK]]), traps=[caught]) as links:
        assert "does not answer" in await refused(links, f"https://pictures.test:{caught.port}/")
        assert SAYS["address"] in await refused(links, f"https://pictures.test:{caught.port}/")
    assert links.opened == [("1.1.1.1", caught.port)]
    assert caught.connections == 0


async def test_a_name_that_is_rebound_between_two_redirects_is_refused(
    authority: Authority, host: Host, caught: Trap
) -> None:
    names = Names(pictures=[[LOOPBACK], ["10.0.0.1"]])
    host.answers["/cat.png"] = redirect("/again.png")
    async with WatchedLinks(authority, names, host, traps=[caught]) as links:
        assert SAYS["address"] in await refused_at(links, host)
    assert names.asked == ["pictures.test", "pictures.test"]
    assert links.opened == [(LOOPBACK, host.port)]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary", "308 Gone"])
async def test_a_redirect_to_a_name_that_leads_to_this_machine_is_refused(
    authority: Authority, host: Host, caught: Trap, status: str
) -> None:
    host.answers["/cat.png"] = redirect(f"https://inside.test:{caught.port}/", status)
    async with WatchedLinks(authority, Names(pictures=HERE, inside=HERE), host, traps=[caught]) as links:
        assert SAYS["address"] in await refused_at(links, host)
    assert links.opened == [(LOOPBACK, host.port)]
    assert caught.connections == 0


#: A redirect has no control characters, and one without a host stays at the same one.
REDIRECTS = [
    (link, kind)
    for link, kind in LINKS
    if link.startswith(("http:", "https://", "ftp:", "file:", "gopher:", "data:", "javascript:", "//"))
    and not {"\r", "\n", "\0", "\t"} & set(link)
    and not link.startswith(("https:///", "https://?"))
    and link != "https://"
    and kind != "long"
]


@pytest.mark.parametrize(("link", "kind"), REDIRECTS)
async def test_a_redirect_to_a_hostile_link_is_refused(
    authority: Authority, host: Host, caught: Trap, link: str, kind: str
) -> None:
    host.answers["/cat.png"] = redirect(link.format(port=caught.port))
    names = Names(pictures=HERE)
    async with WatchedLinks(authority, names, host, traps=[caught]) as links:
        sentence = await refused_at(links, host)
    assert "leads on to" in sentence
    if link.startswith("https://"):
        assert SAYS[kind] in sentence or "what is no link" in sentence
    assert names.asked == ["pictures.test"]
    assert links.opened == [(LOOPBACK, host.port)]
    assert caught.connections == 0


async def test_every_refused_address_is_refused_in_the_same_words(authority: Authority, caught: Trap) -> None:
    said: set[str] = set()
    for address in (LOOPBACK, "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1"):
        async with WatchedLinks(authority, Names(pictures=[[address]]), traps=[caught]) as links:
            said.add(await refused(links, f"https://pictures.test:{caught.port}/"))
    assert len(said) == 1


async def test_a_proxy_of_the_environment_is_not_used(
    authority: Authority, host: Host, caught: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{caught.port}")
    host.answers["/cat.png"] = whole(PNG)
    async with WatchedLinks(authority, Names(pictures=HERE), host) as links:
        assert (await fetched(links, host))[0] == PNG
    assert caught.connections == 0


async def test_the_strict_door_refuses_what_these_tests_allow(host: Host) -> None:
    host.answers["/cat.png"] = whole(PNG)
    async with Links(resolver=Names(pictures=HERE)) as links:
        assert SAYS["port"] in await refused(links, f"https://pictures.test:{host.port}/cat.png")
        assert SAYS["address"] in await refused(links, "https://pictures.test/cat.png")
    assert host.asked == []


async def test_a_certificate_that_nobody_known_vouches_for_is_refused(authority: Authority, host: Host) -> None:
    host.answers["/cat.png"] = whole(PNG)
    async with Links(
        resolver=Names(pictures=HERE), is_allowed=lambda address, port: port == host.port, ports={host.port}
    ) as links:
        assert "no valid certificate" in await refused_at(links, host)
    assert host.asked == []


async def test_a_certificate_for_another_name_is_refused(authority: Authority, host: Host) -> None:
    host.answers["/cat.png"] = whole(PNG)
    async with WatchedLinks(authority, Names(pictures=HERE), host) as links:
        assert "no valid certificate" in await refused(links, f"https://pictures.example:{host.port}/cat.png")
    assert host.asked == []


# What is fetched


async def test_a_picture_is_fetched_and_named_after_its_path(links: WatchedLinks, host: Host) -> None:
    host.answers["/cats/a%20cat.png?size=large"] = whole(PNG, "Content-Type: text/html")
    assert await fetched(links, host, "/cats/a%20cat.png?size=large#top") == (PNG, "a cat.png")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
async def test_every_kind_of_picture_that_is_taken_passes_the_first_look(
    links: WatchedLinks, host: Host, kind: str
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, kind)
    host.answers["/cat.png"] = whole(picture.getvalue())
    assert (await fetched(links, host))[0] == picture.getvalue()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "picture"),
        ("/cats/", "picture"),
        ("/%2e%2e%2f", "picture"),
        ("/..%2f..%2fetc%2fpasswd", "etcpasswd"),
        ("/%60@everyone%60%0a<b>.png", "everyoneb.png"),
        ("/k%C3%A4tzchen.png", "kätzchen.png"),
        ("/" + "a" * 100 + ".png", "a" * 56 + ".png"),
    ],
)
async def test_the_name_of_a_file_is_short_and_harmless(links: WatchedLinks, host: Host, path: str, name: str) -> None:
    host.answers[str(URL(path))] = whole(PNG)
    assert (await fetched(links, host, path))[1] == name


async def test_three_redirects_are_followed_and_the_last_one_names_the_file(links: WatchedLinks, host: Host) -> None:
    host.answers = {
        "/cat.png": redirect("/second"),
        "/second": redirect(f"//more.test:{host.port}/third"),
        "/third": redirect(f"https://pictures.test:{host.port}/last.jpg"),
        "/last.jpg": whole(PNG),
    }
    assert await fetched(links, host) == (PNG, "last.jpg")


async def test_a_fourth_redirect_is_not_followed(links: WatchedLinks, host: Host) -> None:
    host.answers["/cat.png"] = redirect("/cat.png")
    assert "leads on more than 3 times" in await refused_at(links, host)
    assert len(host.asked) == 4


@pytest.mark.parametrize("place", ["https://[::1", "https://pictures.test:port/"])
async def test_a_redirect_to_what_is_no_link_is_refused(links: WatchedLinks, host: Host, place: str) -> None:
    host.answers["/cat.png"] = redirect(place)
    assert "leads on to what is no link" in await refused_at(links, host)


async def test_a_redirect_that_says_no_place_is_a_status_like_others(links: WatchedLinks, host: Host) -> None:
    host.answers["/cat.png"] = whole(b"", status="302 Found")
    assert "was answered with status 302 (Found);" in await refused_at(links, host)
    assert len(host.asked) == 1


async def test_a_request_says_nothing_about_who_asks(links: WatchedLinks, host: Host) -> None:
    host.answers["/cat.png"] = whole(b"", "Set-Cookie: who=you", "Location: /next.png", status="302 Found")
    host.answers["/next.png"] = whole(PNG, "Set-Cookie: who=you")
    await fetched(links, host)
    await fetched(links, host)
    assert len(host.asked) == 4
    for asked in host.asked:
        sent = dict(line.split(": ", 1) for line in asked.split("\r\n")[1:] if line)
        assert sent.pop("Accept").startswith("image/jpeg, ")
        assert sent == {
            "Host": f"pictures.test:{host.port}",
            "User-Agent": "Darkroom (a Discord bot)",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }


async def test_a_link_stands_in_no_log(links: WatchedLinks, host: Host, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await refused_at(links, host, "/secret.png?key=secret")
        await refused(links, f"https://nowhere.test:{host.port}/secret.png")
    assert "a link gave no picture: status_404" in caplog.messages
    assert "secret" not in caplog.text
    assert ".test" not in caplog.text


async def test_a_sentence_shows_a_link_without_its_secrets_and_marks(links: WatchedLinks) -> None:
    sentence = await refused(links, "http://ana:password@pictures.test/`@everyone`\n.png?key=secret#more")
    assert sentence.startswith("The link `http://pictures.test/@everyone.png` given as `image_url` ")


async def test_a_sentence_shortens_a_long_link(links: WatchedLinks) -> None:
    sentence = await refused(links, "http://pictures.test/" + "a" * 500)
    assert f"`http://pictures.test/{'a' * 58}…`" in sentence


# What is no picture


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!DOCTYPE html><html><body>a cat, described", "not a picture but text"),
        (b"<!", "not a picture but text"),
        (b"\0\0\0\x1cftypavif" + bytes(60), "an AVIF picture"),
        (b"%PDF-1.7" + bytes(60), "a PDF document"),
        (bytes(60), "not a picture I can read"),
    ],
)
async def test_what_is_no_picture_is_refused_whatever_type_it_claims(
    links: WatchedLinks, host: Host, body: bytes, what: str
) -> None:
    host.answers["/cat.png"] = whole(body, "Content-Type: image/png")
    assert f"is {what}; give the link of a JPEG" in await refused_at(links, host)


async def test_a_page_is_refused_after_its_first_bytes(links: WatchedLinks, host: Host) -> None:
    host.endless("/cat.png", b"<!DOCTYPE html>", chunk=b"<p>a cat</p>" * 5000)
    assert "not a picture but text" in await refused_at(links, host)
    await host.left.wait()
    assert host.sent.get("/cat.png", 0) < images.MAX_BYTES / 2


async def test_a_page_that_is_slow_after_its_first_bytes_is_not_waited_for(links: WatchedLinks, host: Host) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head() + b"<!DOCTYPE html><html lang=en><title>")
        await host.over.wait()

    host.answers["/cat.png"] = answer
    assert "not a picture but text" in await refused_at(links, host)


async def test_an_empty_answer_is_refused(links: WatchedLinks, host: Host) -> None:
    host.answers["/cat.png"] = whole(b"")
    assert "leads to nothing" in await refused_at(links, host)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("404 Not Found", "404 (Not Found)"),
        ("403 Forbidden", "403 (Forbidden)"),
        ("206 Partial Content", "206 (Partial Content)"),
        ("500 @everyone", "500 (Internal Server Error)"),
        ("300 Multiple", "300 (Multiple Choices)"),
        ("599 Own", "599"),
    ],
)
async def test_any_status_but_200_is_told(links: WatchedLinks, host: Host, status: str, shown: str) -> None:
    host.answers["/cat.png"] = whole(PNG, status=status)
    assert f"was answered with status {shown};" in await refused_at(links, host)


async def test_a_compressed_body_is_not_expanded(links: WatchedLinks, host: Host) -> None:
    bomb = gzip.compress(PNG + bytes(64 * 2**20))
    host.answers["/cat.png"] = whole(bomb, "Content-Encoding: gzip", "Content-Type: image/png")
    assert "not a picture I can read" in await refused_at(links, host)


# What is bounded


async def test_a_file_may_have_as_many_bytes_as_an_upload(links: WatchedLinks, host: Host) -> None:
    picture = PNG + bytes(images.MAX_BYTES - len(PNG))
    host.answers = {"/told": whole(picture), "/untold": head() + picture}
    assert (await fetched(links, host, "/told"))[0] == picture
    assert (await fetched(links, host, "/untold"))[0] == picture


async def test_a_file_with_one_byte_more_than_an_upload_is_refused(links: WatchedLinks, host: Host) -> None:
    host.answers["/cat.png"] = head() + PNG + bytes(images.MAX_BYTES - len(PNG) + 1)
    assert "leads to more than 25 MB" in await refused_at(links, host)


async def test_a_length_that_is_too_large_is_refused_before_the_body(links: WatchedLinks, host: Host) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", f"Content-Length: {images.MAX_BYTES + 1}"))
        await host.over.wait()

    host.answers["/cat.png"] = answer
    assert "leads to more than 25 MB" in await refused_at(links, host)


async def test_a_body_without_end_is_ended(links: WatchedLinks, host: Host) -> None:
    host.endless("/cat.png", PNG)
    assert "leads to more than 25 MB" in await refused_at(links, host)
    await host.left.wait()
    assert host.sent["/cat.png"] < 2 * images.MAX_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        head("200 OK", "Content-Length: 1000") + PNG,
        head("200 OK", f"Content-Length: {len(PNG)}") + PNG + b"more",
        head("200 OK", "Transfer-Encoding: chunked") + b"44\r\n" + PNG + b"\r\nno number\r\n",
        head("200 OK", "Transfer-Encoding: chunked") + b"no number\r\n",
        head("200 OK", "Content-Length: many") + PNG,
        head("200 OK", "Content-Length: 10", "Content-Length: 20") + PNG,
        b"no HTTP at all\r\n\r\n",
        b"",
        head("200 OK", "X: " + "x" * 100_000) + PNG,
        head("200 OK", *(f"X-{number}: x" for number in range(10_000))) + PNG,
    ],
)
async def test_a_broken_answer_is_told(links: WatchedLinks, host: Host, answer: bytes) -> None:
    host.answers["/cat.png"] = answer
    assert "does not answer as it should" in await refused_at(links, host)


@pytest.mark.parametrize("start", [b"", head(), head() + PNG], ids=["no head", "no body", "no end"])
async def test_a_host_that_falls_silent_is_given_up(authority: Authority, host: Host, start: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await host.over.wait()

    host.answers["/cat.png"] = answer
    async with WatchedLinks(authority, Names(pictures=HERE), host, seconds=0.5) as links:
        assert "gave no picture within 0.5 seconds" in await refused_at(links, host)


async def test_a_host_that_drips_is_given_up(authority: Authority, host: Host) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head() + PNG)
        while not writer.is_closing():
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(0.01)

    host.answers["/cat.png"] = answer
    async with WatchedLinks(authority, Names(pictures=HERE), host, seconds=0.5) as links:
        assert "gave no picture within 0.5 seconds" in await refused_at(links, host)
        await host.left.wait()


async def test_redirects_share_one_bound_of_time(authority: Authority, host: Host) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(redirect("/cat.png"))

    host.answers["/cat.png"] = answer
    async with WatchedLinks(authority, Names(pictures=HERE), host, seconds=0.5) as links:
        assert "gave no picture within 0.5 seconds" in await refused_at(links, host)
    assert len(host.asked) == 2


async def test_a_name_server_that_never_answers_is_given_up(authority: Authority) -> None:
    class Silent(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            await asyncio.Event().wait()
            return await super().resolve(host, port, family)

    async with WatchedLinks(authority, Silent(), seconds=0.5) as links:
        assert "does not answer as it should" in await refused(links, "https://pictures.test/")


async def test_a_host_that_does_not_speak_tls_is_given_up_before_the_whole_time_is_over(authority: Authority) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        host = Host(port=silent.getsockname()[1])
        async with WatchedLinks(authority, Names(pictures=HERE), host, seconds=0.5) as links:
            assert "does not answer as it should" in await refused_at(links, host)


async def test_four_links_are_fetched_at_a_time(links: WatchedLinks, host: Host) -> None:
    inside, most = 0, 0
    full, go_on = asyncio.Event(), asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == 4:
            full.set()
        await go_on.wait()
        inside -= 1
        writer.write(whole(PNG))

    host.answers["/cat.png"] = answer
    async with asyncio.TaskGroup() as fetches:
        for _ in range(8):
            fetches.create_task(fetched(links, host))
        await full.wait()
        await asyncio.sleep(0.1)  # for a fifth to come, if it may
        go_on.set()
    assert most == 4
    assert len(host.asked) == 8


async def test_a_host_that_is_deaf_to_the_goodbye_is_left_all_the_same(links: WatchedLinks, host: Host) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        tls: Any = writer.transport
        tls._ssl_protocol._transport.pause_reading()
        writer.write(head() + b"<!DOCTYPE html><html lang=en><title>")
        await host.over.wait()

    host.answers["/cat.png"] = answer
    assert "not a picture but text" in await refused_at(links, host)
    async with asyncio.timeout(10):  # TLS would wait for 30 s
        while links.sockets[0].fileno() != -1:
            await asyncio.sleep(0.01)


# Names


async def test_a_name_that_nobody_has_is_told(authority: Authority, host: Host) -> None:
    async with WatchedLinks(authority, Names(), host) as links:
        assert "names a host that cannot be found" in await refused_at(links, host)


async def test_names_are_looked_up_as_this_machine_does() -> None:
    resolver = _Resolver()
    found = await resolver.resolve("localhost", 443)
    with pytest.raises(OSError, match=r".+"):
        await resolver.resolve("a name with spaces", 443)
    await resolver.close()
    assert {ip_address(answer["host"]).is_loopback for answer in found} == {True}
    assert {answer["port"] for answer in found} == {443}


async def test_names_are_looked_up_while_the_threads_of_the_rest_are_busy() -> None:
    resolver, over = _Resolver(), threading.Event()
    with ThreadPoolExecutor(1) as rest:
        asyncio.get_running_loop().set_default_executor(rest)
        rest.submit(over.wait)
        try:
            async with asyncio.timeout(10):
                assert await resolver.resolve("localhost", 443)
        finally:
            over.set()
    await resolver.close()
