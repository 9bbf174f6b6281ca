"""Pictures by address without a network: hosts, addresses and answers are made up here."""

from __future__ import annotations

import http.server
import io
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.evaluation import fetching
from svrag.evaluation.fetching import PictureFetcher, is_public, resolved

PUBLIC = "93.184.215.14"
Reply = Callable[[httpx.Request], httpx.Response]


def png(size: tuple[int, int] = (6, 4)) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", size, "teal").save(encoded, "PNG")
    return encoded.getvalue()


class Net:
    """Hosts with addresses, and what they answer; remembers which address was asked for what."""

    def __init__(self, reply: Reply, **hosts: list[str]) -> None:
        self.hosts = {"pictures.example": [PUBLIC], **{name.replace("_", "."): own for name, own in hosts.items()}}
        self.asked: list[tuple[str, str, object]] = []
        self._reply = reply

    def resolve(self, host: str, port: int) -> list[str]:
        if host not in self.hosts:
            raise socket.gaierror("unknown")
        return self.hosts[host]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.host, request.headers["Host"], request.extensions.get("sni_hostname")))
        return self._reply(request)

    def fetcher(self, folder: Path, most_bytes: int = fetching.MOST_BYTES) -> PictureFetcher:
        return PictureFetcher(folder, most_bytes, self.resolve, httpx.MockTransport(self.answer))


def sends(data: bytes, status: int = 200) -> Reply:
    return lambda request: httpx.Response(status, content=iter([data]))


def refused(net: Net, folder: Path, url: str, line: str, **limits: int) -> None:
    with pytest.raises(InputError, match=line) as error:
        net.fetcher(folder, **limits).fetch(url)
    assert "\n" not in str(error.value)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_picture_is_fetched_once_from_the_address_that_was_checked(tmp_path: Path) -> None:
    net = Net(sends(png()))
    fetcher = net.fetcher(tmp_path / "cache")
    path = fetcher.fetch("https://pictures.example/a/1.png?size=large")
    assert path.read_bytes() == png()
    assert net.asked == [(PUBLIC, "pictures.example", "pictures.example")]
    net.hosts.clear()  # no network any more
    assert fetcher.fetch("https://pictures.example/a/1.png?size=large") == path
    assert len(net.asked) == 1
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [path.name], "nothing half written is left"
    with pytest.raises(InputError, match="no host"):
        fetcher.fetch("https://pictures.example/a/1.png?size=small")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "240.0.0.1", "255.255.255.255", "192.0.2.7", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "2001:db8::1",
     "2001:0:4136:e378:8000:63bf:f5ff:fffe"],
)  # fmt: skip
def test_private_addresses_are_refused(address: str, tmp_path: Path) -> None:
    assert not is_public(address)
    for addresses in ([address], [PUBLIC, address]):
        net = Net(sends(png()), inside_example=addresses)
        refused(net, tmp_path / "cache", "https://inside.example/1.png", "no public address")
        assert net.asked == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"])
def test_public_addresses_are_not(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["https://127.0.0.1/1.png", "https://[::1]/1.png", "https://localhost/1.png",
                                 "https://2130706433/1.png", "https://0x7f.1/1.png"])  # fmt: skip
def test_addresses_in_other_clothes_are_looked_up_too(url: str, tmp_path: Path) -> None:
    net = Net(sends(png()))
    fetcher = PictureFetcher(tmp_path / "cache", resolve=resolved, transport=httpx.MockTransport(net.answer))
    with pytest.raises(InputError, match=r"no public address|no host"):
        fetcher.fetch(url)
    assert net.asked == []


@pytest.mark.parametrize("url", ["http://pictures.example/1.png", "ftp://pictures.example/1.png",
                                 "file:///etc/hostname", "pictures.example/1.png", "https://", "https://a b/"])  # fmt: skip
def test_only_https_is_fetched(url: str, tmp_path: Path) -> None:
    net = Net(sends(png()))
    refused(net, tmp_path / "cache", url, "cannot fetch")
    assert net.asked == []


def test_redirects_are_checked_hop_by_hop(tmp_path: Path) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        target = request.url.params.get("to")
        return (
            httpx.Response(302, headers={"Location": target}) if target else httpx.Response(200, content=iter([png()]))
        )

    net = Net(reply, other_example=["8.8.8.8"], inside_example=["10.0.0.1"])
    start = "https://pictures.example/?to="
    path = net.fetcher(tmp_path / "kept").fetch(start + "https://other.example/2.png")
    assert path.read_bytes() == png()
    assert [host for host, _, _ in net.asked] == [PUBLIC, "8.8.8.8"]
    assert net.asked[1][1:] == ("other.example", "other.example")
    refused(net, tmp_path / "cache", start + "https://inside.example/", "inside.example is 10.0.0.1")
    refused(net, tmp_path / "cache", start + "http://other.example/", "only https")
    refused(net, tmp_path / "cache", start + "file:///etc/hostname", "cannot fetch")
    assert all(host in (PUBLIC, "8.8.8.8") for host, _, _ in net.asked)
    endless = Net(lambda request: httpx.Response(302, headers={"Location": "https://pictures.example/"}))
    refused(endless, tmp_path / "cache", "https://pictures.example/", "redirects")


def test_a_name_that_changes_its_address_gains_nothing(tmp_path: Path) -> None:
    """The connection goes where the check looked: the second answer of the name server is never asked for."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    net = Net(sends(png()))
    fetcher = PictureFetcher(
        tmp_path / "cache", resolve=lambda host, port: next(answers), transport=httpx.MockTransport(net.answer)
    )
    fetcher.fetch("https://pictures.example/1.png")
    assert [host for host, _, _ in net.asked] == [PUBLIC]
    with pytest.raises(InputError, match="no public address"):
        fetcher.fetch("https://pictures.example/2.png")


def test_what_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    sent = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            nonlocal sent
            while True:
                sent += 1000
                yield bytes(1000)

    net = Net(lambda request: httpx.Response(200, stream=Endless()))
    refused(net, tmp_path / "cache", "https://pictures.example/1.png", "larger than", most_bytes=50_000)
    assert sent <= 51_000


def test_what_comes_too_slowly_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SECONDS_IN_ALL", -1.0)
    refused(Net(sends(png())), tmp_path / "cache", "https://pictures.example/1.png", "not there after")


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"<html>Not found</html>", "no picture"), (b"", "no picture"), (png()[:40], "no picture"),
     (png((9000, 6000)), "too many")],
)  # fmt: skip
def test_what_is_no_picture_is_not_kept(data: bytes, line: str, tmp_path: Path) -> None:
    refused(Net(sends(data)), tmp_path / "cache", "https://pictures.example/1.png", line)


def test_errors_of_the_server_and_of_the_line_are_one_line(tmp_path: Path) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL] wrong\nvery wrong")

    gone = Net(sends(png(), status=404))
    refused(gone, tmp_path / "cache", "https://pictures.example/1.png?key=secret", r"1.png: the server says 404")
    refused(Net(broken), tmp_path / "cache", "https://pictures.example/1.png", "SSL. wrong$")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot keep"):
        Net(sends(png())).fetcher(tmp_path / "file").fetch("https://pictures.example/1.png")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Sends a picture over https on this machine as pictures.example; its port, and who trusts its certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    made = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pictures.example"),
        *("-addext", "subjectAltName=DNS:pictures.example", "-keyout", "key.pem", "-out", "certificate.pem"),
    ]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Host"].startswith("pictures.example") else 421)
            self.end_headers()
            self.wfile.write(png())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_port, ssl.create_default_context(cafile=str(folder / "certificate.pem"))
        listening.shutdown()
        thread.join()


def test_the_certificate_must_be_of_the_host_that_was_asked_for(
    server: tuple[int, ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real line, connected to a number: it is the name that the server must prove."""
    port, trusting = server
    monkeypatch.setattr(fetching, "is_public", lambda address: True)  # the server is on this machine

    def fetcher(transport: httpx.BaseTransport) -> PictureFetcher:
        return PictureFetcher(tmp_path / "cache", resolve=lambda host, port: ["127.0.0.1"], transport=transport)

    several = fetcher(httpx.HTTPTransport(verify=trusting))
    for name in ("1.png", "2.png"):
        assert several.fetch(f"https://pictures.example:{port}/{name}").read_bytes() == png()
    with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
        several.fetch(f"https://other.example:{port}/1.png")
    with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
        fetcher(httpx.HTTPTransport()).fetch(f"https://pictures.example:{port}/3.png")
