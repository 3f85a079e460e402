"""Models of the Hugging Face hub: those in the local cache, and downloading the others.

The cache is read by its documented layout (``models--OWNER--NAME/refs`` and ``/snapshots``), so that looking needs no
network and no import; downloads are made by huggingface_hub in a process of its own (see `download`).
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentspec.engines.package import Progress, last_lines, own_code, run_child
from agentspec.errors import ModelMissing

logger = logging.getLogger("agentspec.models")

PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
IDENTIFIER = re.compile(rf"({PART}/{PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")
COMMIT = re.compile("[0-9a-f]{40}")

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json", "vocab.txt", "spiece.model")
"""One of these a model must have; which ones transformers reads is the model's affair."""

PATIENCE = {"ask": 30.0, "download": 120.0}
"""Seconds without an answer, or without a new byte, after which the hub counts as unreachable."""


@dataclass(frozen=True, slots=True)
class HubId:
    """``OWNER/NAME``, and a branch, tag or commit where the user named one after ``@``."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository

    @property
    def folder(self) -> Path:
        """Where the cache keeps all that it has of this repository."""
        return hub_cache() / f"models--{self.repository.replace('/', '--')}"

    @property
    def snapshot(self) -> Path | None:
        """The folder of this revision in the cache, whole or not; None if there is none."""
        revision = self.revision or "main"
        try:
            commit = (self.folder / "refs" / revision).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            commit = revision
        found = self.folder / "snapshots" / commit
        return found if COMMIT.fullmatch(commit) and found.is_dir() else None


def read_id(text: str) -> HubId | None:
    """The hub id that a text is, None if it is none."""
    found = IDENTIFIER.fullmatch(text)
    if found is None or ".." in text or "--" in found[1]:
        return None
    return HubId(found[1], found[2])


def hub_cache() -> Path:
    """The cache that all of Hugging Face's tools share: ``HF_HUB_CACHE``, else ``hub`` in ``HF_HOME``."""
    shared = os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    home = os.path.expandvars(os.path.expanduser(os.environ.get("HF_HOME", os.path.join(shared, "huggingface"))))
    chosen = os.environ.get("HF_HUB_CACHE", os.environ.get("HUGGINGFACE_HUB_CACHE", os.path.join(home, "hub")))
    return Path(os.path.expandvars(os.path.expanduser(chosen)))


def is_offline() -> bool:
    """Whether the environment forbids the network, as huggingface_hub reads it: ``HF_HUB_OFFLINE=1``."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def lacking(folder: Path) -> list[str]:
    """What a snapshot lacks to be loaded: nothing, for a whole one. Weights are taken as safetensors only."""
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    if not (folder / "model.safetensors").is_file():
        try:
            index: Any = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
            shards = sorted(set(index["weight_map"].values()))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            shards = ["model.safetensors"]
        missing += [name for name in shards if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append("a tokenizer")
    return missing


def locate(asked: HubId) -> Path | None:
    """The snapshot of a model in the cache, None where it is not there whole."""
    found = asked.snapshot
    return found if found is not None and not lacking(found) else None


def cached() -> list[HubId]:
    """The repositories of models in the cache whose snapshots are whole, by name; for ``main`` or else a commit."""
    found = []
    for folder in sorted(hub_cache().glob("models--*--*")):
        repository = folder.name.removeprefix("models--").replace("--", "/")
        commits = sorted(entry.name for entry in folder.glob("snapshots/*"))
        for asked in (HubId(repository), *(HubId(repository, commit) for commit in commits)):
            if locate(asked) is not None:
                found.append(asked)
                break
    return found


def download(asked: HubId, progress: Progress) -> Path:
    """The snapshot of a model, downloaded into the cache. Raises ModelMissing when the hub does not give it.

    Only weights (safetensors), configuration, tokenizer and chat template are taken; no code of the repository is.
    """
    import agentspec.engines.download as child

    place = hub_cache()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ModelMissing(f"the Hugging Face cache {place} cannot be written: {problem.strerror}") from problem
    blobs = asked.folder / "blobs"
    already = _bytes(blobs)
    watch = _Watch(asked, progress)
    progress("ask", 0, None)
    with tempfile.TemporaryDirectory(prefix="agentspec-") as scratch:
        output = Path(scratch) / "output.txt"
        code, said = run_child(
            [sys.executable, "-m", child.__name__, asked.repository, asked.revision or "main"],
            environment={
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_CACHE": str(place.absolute()),
                **own_code(),
            },
            folder=Path(scratch),
            meanwhile=lambda: watch.look(output, _bytes(blobs) - already),
            output=output,
        )
    logger.debug("the download of %s said:\n%s", asked, said)
    if code != 0:
        why = last_lines(said).removeprefix("error: ")
        advice = f"\n{by_hand(asked)}" if code == child.UNREACHABLE else ""
        raise ModelMissing(f"'{asked}' could not be downloaded: {why}{advice}")
    if (found := locate(asked)) is None:
        lack = lacking(asked.snapshot) if asked.snapshot else ["everything"]
        raise ModelMissing(f"'{asked}' was downloaded and is not whole: without {', '.join(lack)}")
    return found


def by_hand(asked: HubId) -> str:
    """How to bring a model of the hub to a machine that cannot reach it."""
    revision = f" --revision {asked.revision}" if asked.revision else ""
    return (
        "  where there is a network:\n"
        f"    hf download {asked.repository}{revision} --local-dir my-model\n"
        "  and here name that folder: --model PATH/my-model"
    )


class _Watch:
    """Looks at what a download says and writes. Raises ModelMissing when it stands still."""

    def __init__(self, asked: HubId, progress: Progress) -> None:
        self._asked = asked
        self._progress = progress
        self._total: int | None = None
        self._seen = -1
        self._since = time.monotonic()

    def look(self, output: Path, done: int) -> None:
        now = time.monotonic()
        if self._total is None and (listed := re.search(r"^bytes (\d+)$", _text(output), re.MULTILINE)):
            self._total, self._since = int(listed[1]), now
        if done != self._seen:
            self._seen, self._since = done, now
        stage = "ask" if self._total is None else "download"
        if now - self._since > PATIENCE[stage]:
            missing = "an answer" if stage == "ask" else "a new byte"
            raise ModelMissing(
                f"'{self._asked}' could not be downloaded: {PATIENCE[stage]:.0f} s without {missing} of the hub\n"
                f"{by_hand(self._asked)}"
            )
        if self._total is not None:
            self._progress("download", max(0, min(done, self._total)), self._total)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _bytes(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        try:
            total += file.stat().st_size
        except OSError:  # renamed between listing and looking
            continue
    return total
