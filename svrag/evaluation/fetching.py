"""Pictures by https address, kept on disk: only from public hosts, only so large, only what is a picture.

Lists of addresses come from strangers. So every hop of a redirect is https, its host's addresses are all public, and
the connection goes to the very address that was checked: a name that points elsewhere a moment later gains nothing.
Proxies are not used, since they look names up by themselves. Knows nothing of what the pictures are for.
"""

from __future__ import annotations

import hashlib
import io
import ipaddress
import os
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image

from svrag.errors import InputError

MOST_BYTES = 20 * 2**20
_MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_HOPS = 5
_SECONDS = 20.0  # to wait for anything
_SECONDS_IN_ALL = 60.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses as a translating router shows them

Resolver = Callable[[str, int], Sequence[str]]
"""A host's addresses, as `resolved` gives them; OSError where it has none."""


def resolved(host: str, port: int) -> list[str]:
    """The addresses of `host` according to this machine.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def cache_folder() -> Path:
    """Where pictures are kept: in the user's folder for what may be deleted."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "svrag" / "pictures"


class _Refused(Exception):
    """Why an address is not asked."""


class PublicOnly(httpx.BaseTransport):
    """Sends each request to a public address of its host, which was checked, and none but https."""

    def __init__(self, inner: httpx.BaseTransport, resolve: Resolver = resolved) -> None:
        self._inner = inner
        self._resolve = resolve

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme != "https":
            raise _Refused(f"leads to {url.scheme or 'no'}://{url.host}: only https is fetched")
        address = self._checked(url.host, url.port or 443)
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,  # with the Host that was asked for
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},  # whose certificate is wanted
        )
        return self._inner.handle_request(pinned)

    def close(self) -> None:
        self._inner.close()

    def _checked(self, host: str, port: int) -> str:
        try:
            addresses = self._resolve(host, port)
        except OSError:
            raise _Refused(f"no host {host}, or no network") from None
        for address in addresses:
            if not is_public(address):
                raise _Refused(f"{host} is {address}, which is no public address")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet: not private, of this machine, of the link, reserved, multicast.

    An IPv6 address that stands for one of IPv4 is what that is.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # such as fe80::1%eth0 on some systems
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id:
            return False
        within = ip.ipv4_mapped or ip.sixtofour
        if within is None and ip.teredo:
            within = ip.teredo[1]
        if within is None and ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


@dataclass(frozen=True)
class PictureFetcher:
    """Gets pictures by address.

    Attributes:
        folder: where they are kept, under the hash of their address.
        most_bytes: of one picture.
        resolve, transport: how hosts are looked up, and how bytes come and go once an address is found public.
    """

    folder: Path
    most_bytes: int = MOST_BYTES
    resolve: Resolver = resolved
    transport: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)

    def fetch(self, url: str) -> Path:
        """The file with the picture, from the network only when it is not there yet.

        Raises:
            InputError: not an https address, not a public host, no answer, too large, or no picture.
        """
        kept = self.folder / hashlib.sha256(url.encode()).hexdigest()
        if kept.is_file():
            return kept
        try:
            data = self._downloaded(url)
        except _Refused as error:
            raise InputError(f"cannot fetch {_shown(url)}: {error}") from None
        except httpx.TooManyRedirects:
            raise InputError(f"cannot fetch {_shown(url)}: more than {_HOPS} redirects") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise InputError(f"cannot fetch {_shown(url)}: {said[:200]}") from None
        checked_picture(data, f"what {_shown(url)} sends")
        self._keep(kept, data)
        return kept

    def _downloaded(self, url: str) -> bytes:
        end = time.monotonic() + _SECONDS_IN_ALL
        data = bytearray()
        with (
            httpx.Client(
                transport=PublicOnly(self.transport, self.resolve),
                follow_redirects=True,
                max_redirects=_HOPS,
                timeout=_SECONDS,
                trust_env=False,  # no proxies
                # Not packed: what counts is what came over the line.
                headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "svrag"},
            ) as client,
            client.stream("GET", url) as reply,
        ):
            if reply.status_code != 200:
                raise _Refused(f"the server says {reply.status_code} {reply.reason_phrase}".rstrip())
            for piece in reply.iter_raw():
                data += piece
                if len(data) > self.most_bytes:
                    raise _Refused(f"larger than {self.most_bytes / 2**20:g} MB")
                if time.monotonic() > end:
                    raise _Refused(f"not there after {_SECONDS_IN_ALL:g} s")
        return bytes(data)

    def _keep(self, path: Path, data: bytes) -> None:
        """Whole or not at all, whatever happens meanwhile."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, prefix="part-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise InputError(f"cannot keep pictures in {self.folder}: {error.strerror}") from None


def checked_picture(data: bytes, what: str) -> Image.Image:
    """`data` as RGB, wholly decoded.

    Args:
        what: it is, for the error.

    Raises:
        InputError: it is no picture, a broken one, or one of too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise InputError(f"{what} has {image.width} x {image.height} pixels: too many")
                return image.convert("RGB")
    except InputError:
        raise
    except Exception:  # Pillow's decoders raise whatever a broken file leads them to
        raise InputError(f"{what} is no picture that can be read") from None


def _shown(url: str) -> str:
    """The address without what may be a secret in it, on one line."""
    bare = "".join(character for character in url.split("?")[0] if character.isprintable())
    return bare if len(bare) <= 120 else bare[:117] + "..."
