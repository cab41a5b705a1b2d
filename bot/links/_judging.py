"""What a link must be before anything is fetched, and the words for one that is not. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from yarl import URL

from bot.errors import BadPicture
from bot.links._addresses import is_public

#: The port of https, the only one that links may name.
HTTPS: Final = (443,)
_LONGEST: Final = 2000
#: The most characters that a name can have in the DNS.
_LONGEST_HOST: Final = 253
#: Characters of a link that a sentence repeats.
_SHOWN: Final = 80
#: What helps whoever has no other link.
OR_ATTACH: Final = "or attach the picture itself"

#: The consent of a message's author is asked where the message is known. A link to Discord's copy of a picture names no
#: author, so following it would pass by whoever said no.
_DISCORD: Final = frozenset(
    {
        "discord.com",
        "discord.gg",
        "discord.media",
        "discordapp.com",
        "discordapp.net",
        "discordcdn.com",
    }
)
#: Names that lead into one's own network (RFC 6761, 6762 and 8375, and the one that ICANN keeps for private use), as
#: those without a dot do. They are refused unasked: whether such a name exists is nobody's business.
_LOCAL: Final = frozenset({"localhost", "local", "home.arpa", "internal"})
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
#: The user and password in a link.
_USER: Final = re.compile(r"//[^/?#]*@")


class Refused(Exception):
    """A link is not fetched, or gave no picture. ``str()`` completes a sentence that begins with the link."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        #: The kind of reason, for the log.
        self.code = code


def check(option: str, url: str, ports: Collection[int] = HTTPS) -> None:
    """Refuse a link that needs no look at the network to be refused. Raises :class:`~bot.errors.BadPicture`."""
    try:
        read(url, ports)
    except Refused as refused:
        raise refusal(option, url, refused) from None


def refusal(option: str, url: str, refused: Refused) -> BadPicture:
    """Return the error that tells the person who gave ``url`` as ``option`` why there is no picture."""
    # Without what follows the path: a query may hold a key, and the sentence may be read by others.
    shown = _USER.sub("//", url.partition("?")[0].partition("#")[0])
    shown = "".join(c for c in shown if c.isprintable() and c != "`").strip() or "link"
    if len(shown) > _SHOWN:
        shown = f"{shown[: _SHOWN - 1]}…"
    return BadPicture(option, f"The link `{shown}` given as `{option}` {refused}.")


def read(url: str, ports: Collection[int] = HTTPS) -> URL:
    """Return the link that a person gave as what is asked for, or raise :class:`Refused`."""
    if len(url) > _LONGEST:
        raise Refused("too_long", f"has {len(url)} characters and I take up to {_LONGEST}; give a shorter one")
    return judge(url, ports)


def judge(url: str, ports: Collection[int] = HTTPS) -> URL:
    """Return a link, given or redirected to, as what is asked for, or raise :class:`Refused`.

    Judged is what the HTTP client will use, after it has decoded and normalised: never a second reading of the text.
    """
    if not url.isprintable() or " " in url or "\\" in url:
        raise Refused("unreadable", "has a space, a backslash or a hidden character in it; copy it again")
    try:
        address = URL(url)
    except ValueError:
        raise _unreadable() from None
    if address.scheme != "https":
        raise Refused("scheme", f"is not https; give one that begins with https://, {OR_ATTACH}")
    if address.user is not None or address.password is not None:
        raise Refused("user", "has a user name or a password in it; give one that works without")
    _judge_host(address.raw_host or "")
    if address.port not in ports:
        raise Refused(
            "port", f"names the port {address.port} and I fetch from https's own only; give one without a port"
        )
    return address


def _judge_host(host: str) -> None:
    """Raise :class:`Refused` for a host that is no name, or one that is never fetched from."""
    name = host.removesuffix(".")
    # No name ends in a part that begins with a digit, but IPv4 addresses do, in decimal, octal or hex.
    if ":" in host or name.rpartition(".")[2][:1].isdigit():
        _judge_number(host)
        return
    if len(name) > _LONGEST_HOST or not _NAME.fullmatch(name):
        raise _unreadable()
    if "." not in name or _within(name, _LOCAL):
        raise refused_address()
    if _within(name, _DISCORD):
        raise Refused(
            "discord",
            "stands on Discord, where I ask whose picture it is: use the menu **Edit image** on its message, "
            "or give the #number of a result as `from`",
        )


def is_discords(host: str) -> bool:
    """Return whether a host is Discord's: what stands there was posted by somebody, whom a link does not name."""
    return _within(host.lower().rstrip("."), _DISCORD)


def _within(name: str, domains: Collection[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _judge_number(host: str) -> None:
    """Raise :class:`Refused` for an address that is not public, or not in its one canonical spelling."""
    try:
        public = is_public(ip_address(host))
    except ValueError:
        public = False
    if not public:
        raise refused_address()


def refused_address() -> Refused:
    """Return the one refusal for every address that is not fetched from, so that it tells nothing about a network."""
    return Refused(
        "address",
        f"leads to an address that is not on the public internet; give one that is open to everybody on the internet, {OR_ATTACH}",
    )


def _unreadable() -> Refused:
    return Refused("unreadable", f"cannot be read; copy it again from the browser, {OR_ATTACH}")
