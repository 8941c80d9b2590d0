"""A small HTTP server that answers as the Hugging Face hub does, and fails when it is told to."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "1f" * 20
REPOSITORY = "lerobot/libero-assets"
# As on the hub, large files are stored elsewhere, and asking for one is answered by a redirect.
LARGE = 20_000


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class HubServer(ThreadingHTTPServer):
    """Serves files of one dataset repository below /datasets, and of no repository below /plain.

    Attributes:
        files: Name -> contents.
        cuts: Name -> after how many bytes the next answer ends; ``reset`` tells how.
        reset: End by a reset of the connection, which clients do not try to mend, and not by closing it.
        stalls: Names whose answer stops in the middle until `release` is set.
        log: What was asked for: (method, name, its Range header), of files alone.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, int] = {}
        self.reset = False
        self.ranges = True
        self.stalls: set[str] = set()
        self.stalled, self.release = threading.Event(), threading.Event()
        self.log: list[tuple[str, str, str | None]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, method: str = "GET") -> list[str]:
        return [name for used, name, _ in self.log if used == method]

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""

    def close(self) -> None:
        self.release.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = unquote(urlsplit(self.path).path)
        api = re.fullmatch(rf"/api/datasets/{REPOSITORY}/(revision|tree)/([^/]+)", path)
        file = re.fullmatch(rf"/datasets/{REPOSITORY}/resolve/([^/]+)/(.+)", path)
        if api and api[2] in (COMMIT, "main"):
            self.send_json(self.info() if api[1] == "revision" else self.tree())
        elif file and file[1] in (COMMIT, "main") and file[2] in self.server.files:
            self.send_resolved(file[2])
        elif path.startswith(("/cdn/", "/plain/")) and path.split("/", 2)[2] in self.server.files:
            self.send_file(path.split("/", 2)[2])
        else:
            self.send_json({"error": "Not found"}, status=404, code="RevisionNotFound" if api else "EntryNotFound")

    def info(self):
        siblings = [{"rfilename": name} for name in self.server.files]
        return {"id": REPOSITORY, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "siblings": siblings}

    def tree(self):
        entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "scenes"}]
        for name, data in self.server.files.items():
            entry = {"type": "file", "oid": blob_id(data), "size": len(data), "path": name}
            if len(data) >= LARGE:
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 132}
            entries.append(entry)
        return entries

    def send_json(self, content, status=200, code=None):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def send_resolved(self, name):
        data = self.server.files[name]
        if len(data) < LARGE:
            self.send_file(name, {"X-Repo-Commit": COMMIT})
            return
        self.server.log.append((self.command, name, None))
        self.send_response(302)
        # Another host than the hub's, as its storage is.
        self.send_header("Location", f"http://localhost:{self.server.server_port}/cdn/{name}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, name, headers=()):
        data = self.server.files[name]
        etag = f'"{blob_id(data)}"'
        asked = self.headers.get("Range")
        self.server.log.append((self.command, name, asked))
        start = 0
        if asked and self.server.ranges and self.headers.get("If-Range", etag) == etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(data):
                self.send_json({}, status=416)
                return
        self.send_response(206 if start else 200)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "GET":
            self.send_body(name, data[start:])

    def send_body(self, name, data):
        cut = self.server.cuts.pop(name, None)
        if name in self.server.stalls:
            self.wfile.write(data[: len(data) // 2])
            self.server.stalled.set()
            self.server.release.wait(30)
            self.end()
        elif cut is not None:
            self.wfile.write(data[:cut])
            self.end()
        else:
            self.wfile.write(data)

    def end(self):
        """Ends the connection in the middle of an answer."""
        self.wfile.flush()
        if self.server.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.close_connection = True
