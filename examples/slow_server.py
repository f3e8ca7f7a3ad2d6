"""A web server on this machine that takes its time: what the examples of HTTP calls talk to."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

LATENCY = 0.05  # seconds from a request to its answer
CITIES = ("Oslo", "Rome", "Bern", "Lima", "Cairo", "Quito", "Hanoi", "Accra")


@contextmanager
def slow_server() -> Iterator[str]:
    """Serve ``/temperature?city=…``; gives the address."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024),
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def temperature(city: str) -> float:
    """What the server says about a city."""
    return sum(map(ord, city)) % 400 / 10


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    city = parse_qs(urlsplit(request.split()[1].decode()).query)["city"][0]
    await asyncio.sleep(LATENCY)
    body = json.dumps({"city": city, "temperature": temperature(city)}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()
    writer.close()
