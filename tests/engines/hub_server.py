"""A hub on this machine: what a download needs of the Hugging Face hub's protocol, and caches laid out by hand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """Files by name; ``gated`` ones may be listed, not read."""

    files: dict[str, bytes]
    gated: bool = False


@dataclass
class Hub:
    """What the server holds, where it is, and every path it was asked for."""

    repositories: dict[str, Repository]
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(repositories: dict[str, Repository]) -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub(repositories)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(f"{self.command} {path}")
            status, headers, content = _respond(hub, path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), "X-Repo-Commit": COMMIT, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _respond(hub: Hub, path: str) -> tuple[int, dict[str, str], bytes]:
    api = path.startswith("/api/models/")
    parts = path.removeprefix("/api/models").strip("/").split("/")
    name, rest = "/".join(parts[:2]), parts[2:]
    repository = hub.repositories.get(name)
    if repository is None:
        return 404, {"X-Error-Code": "RepoNotFound"}, b'{"error": "Repository not found"}'
    if len(rest) > 1 and rest[1] not in ("main", COMMIT):
        return 404, {"X-Error-Code": "RevisionNotFound"}, b'{"error": "Revision not found"}'
    if api and rest[:1] == ["tree"]:
        listed = [{"type": "file", "path": n, "size": len(c), "oid": _sum(c)} for n, c in repository.files.items()]
        return 200, {"Content-Type": "application/json"}, json.dumps(listed).encode()
    if api:
        siblings = [{"rfilename": n, "size": len(c), "blobId": _sum(c)} for n, c in repository.files.items()]
        info = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
        return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
    if repository.gated:
        return 403, {"X-Error-Code": "GatedRepo"}, b'{"error": "Access to it is restricted"}'
    content = repository.files.get("/".join(rest[2:]))
    if content is None:
        return 404, {"X-Error-Code": "EntryNotFound"}, b'{"error": "Entry not found"}'
    return 200, {"ETag": f'"{_sum(content)}"'}, content


def _sum(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def lay_out(
    cache: Path, repository: str, source: Path, *, commit: str = COMMIT, leave_out: tuple[str, ...] = ()
) -> Path:
    """A repository in a hub cache as huggingface_hub writes it, its blobs links to the files of ``source``."""
    top = cache / f"models--{repository.replace('/', '--')}"
    snapshot = top / "snapshots" / commit
    for folder in (top / "refs", top / "blobs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (top / "refs" / "main").write_text(commit)
    for file in source.iterdir():
        if file.name not in leave_out:
            blob = top / "blobs" / hashlib.sha1(file.name.encode()).hexdigest()
            blob.symlink_to(file)
            (snapshot / file.name).symlink_to(blob)
    return snapshot
