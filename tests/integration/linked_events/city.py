"""A small Linked Events for tests: pages, changes, deletions, gone places, and the bad moods of a real server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = "/linkedevents/v1/"


class City:
    """What the server knows. `moods` are used up one a request: a status, "truncated", "html" or "hang"."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.changed: dict[str, datetime] = {}
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"place": {}, "keyword": {}, "organization": {}}
        self.moods: list[int | str] = []
        self.asked: list[str] = []
        self.unhang = threading.Event()
        self.hanging = threading.Event()
        self.address = ""

    def put(self, record: dict[str, Any], now: datetime) -> None:
        self.events[record["id"]] = record
        self.changed[record["id"]] = now
        self.deleted.discard(record["id"])

    def delete(self, id_: str, now: datetime) -> None:
        self.deleted.add(id_)
        self.changed[id_] = now

    def pages_asked(self) -> list[int]:
        """The page numbers of the event list that were asked for, in order."""
        queries = [urlsplit(url) for url in self.asked]
        return [int(parse_qs(url.query)["page"][0]) for url in queries if url.path == ROOT + "event/"]

    def paths_asked(self) -> list[str]:
        """What was asked for, without the questions' details, in order."""
        return [url.partition("?")[0].removeprefix(ROOT) for url in self.asked]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        kind, _, id_ = path.removeprefix(ROOT).strip("/").partition("/")
        if id_:
            found = self.objects[kind].get(unquote(id_))
            return (410 if found is None else 200), found
        rows = self._events(query) if kind == "event" else list(self.objects[kind].values())
        size, page = int(query["page_size"]), int(query["page"])
        if page > max(1, -(-len(rows) // size)):
            return 404, {"detail": "Invalid page."}
        more = page * size < len(rows)
        query["page"] = str(page + 1)
        next_ = f"{self.address}{kind}/?{'&'.join(f'{k}={v}' for k, v in query.items())}" if more else None
        meta = {"count": len(rows), "next": next_, "previous": None}
        return 200, {"meta": meta, "data": rows[(page - 1) * size : page * size]}

    def _events(self, query: dict[str, str]) -> list[dict[str, Any]]:
        ids = sorted(self.events, key=lambda i: (str(self.events[i].get("start_time")), i))
        if (since := query.get("last_modified_since")) is not None:
            ids = [i for i in ids if self.changed[i] >= datetime.fromisoformat(since)]
        if query.get("show_deleted") != "true":
            ids = [i for i in ids if i not in self.deleted]
        return [
            {"id": i, "deleted": True, "name": {"fi": "POISTETTU"}} if i in self.deleted else self.events[i]
            for i in ids
        ]


@contextmanager
def serving(city: City) -> Iterator[str]:
    """Serve a city on a free port; yield the interface's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            city.asked.append(self.path)
            mood = city.moods.pop(0) if city.moods else None
            if mood == "hang":
                city.hanging.set()
                city.unhang.wait(30)
            if isinstance(mood, int):
                return self.send(mood, b"busy", {"Retry-After": "0"})
            url = urlsplit(self.path)
            status, content = city.answer(url.path, {k: v[0] for k, v in parse_qs(url.query).items()})
            body = b"<html>" if mood == "html" else json.dumps(content).encode()
            return self.send(status, body[: len(body) // 2] if mood == "truncated" else body, length=len(body))

        def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int = 0) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(length or len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    city.address = f"http://127.0.0.1:{server.server_address[1]}{ROOT}"
    try:
        yield city.address
    finally:
        city.unhang.set()
        server.shutdown()
        server.server_close()
        thread.join()
