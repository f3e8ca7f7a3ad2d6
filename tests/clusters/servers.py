"""Servers on this machine that speak S3 and Azure, for tests of what is kept in object stores.

`make servers` installs them; tests that need one that is not there are skipped.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

# The account that Azurite always has; it is no secret.
AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def program(name: str, *folders: Path) -> str:
    """The path of a server's program; skips the test when it is not there."""
    path = ":".join(str(folder) for folder in folders)
    found = shutil.which(name, path=path) or shutil.which(name)
    if found is None:
        pytest.skip(f"`{name}` is not here: `make servers` installs it")
    return found


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """Start moto; gives the environment variables for it."""
    command = program("moto_server", Path(sys.executable).parent, ROOT / ".venv-clusters/bin")
    port = free_port()
    with running([command, "-H", "127.0.0.1", "-p", str(port)], port, folder / "moto.log"):
        yield {
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }


def make_bucket(environment: dict[str, str], name: str) -> None:
    """Make a bucket of moto, which asks for no signature."""
    put(f"{environment['AWS_ENDPOINT']}/{name}")


@contextmanager
def azure(folder: Path) -> Iterator[dict[str, str]]:
    """Start Azurite; gives the environment variables for it."""
    command = program("azurite-blob", ROOT / ".servers/node_modules/.bin")
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    options += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with running([command, *options], port, folder / "azurite.log"):
        yield {
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/devstoreaccount1",
            "AZURE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": "devstoreaccount1",
            "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY,
        }


def make_container(environment: dict[str, str], name: str) -> None:
    """Make a container of Azurite, with the signature that it asks for."""
    import base64
    import hashlib
    import hmac
    from email.utils import formatdate

    account = environment["AZURE_STORAGE_ACCOUNT_NAME"]
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    canonical = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    # Verb, eleven empty headers, ours, and the resource (the account is in the path as well).
    resource = f"/{account}/{account}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + canonical + resource
    key = base64.b64decode(environment["AZURE_STORAGE_ACCOUNT_KEY"])
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    headers["Authorization"] = f"SharedKey {account}:{signature}"
    put(f"{environment['AZURE_STORAGE_ENDPOINT']}/{name}?restype=container", headers)


def put(url: str, headers: dict[str, str] | None = None) -> None:
    request = urllib.request.Request(url, method="PUT", headers=headers or {})
    with urllib.request.urlopen(request, timeout=30):
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a server until the block ends; it answers at `port` when the block begins."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`{command[0]}` did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
