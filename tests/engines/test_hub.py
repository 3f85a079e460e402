"""Models of the hub: read from its cache without the network, downloaded from a hub on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agentspec.engines import hub, models
from agentspec.engines.download import choose
from agentspec.engines.hub import HubId, hub_cache, read_id
from agentspec.errors import InvalidInput, ModelMissing
from tests.engines.hub_server import COMMIT, Repository, lay_out, serving

SHARDS = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
WHOLE = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"weights" * 1000}
SHARDED = {
    "config.json": b"{}",
    "tokenizer.model": b"t",
    "chat_template.jinja": b"j",
    "model.safetensors.index.json": json.dumps({"weight_map": SHARDS}).encode(),
    **dict.fromkeys(SHARDS.values(), b"w"),
}
REST = {"README.md": b"r", "pytorch_model.bin": b"p", "modeling_x.py": b"raise SystemExit", "onnx/model.onnx": b"o"}


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and no settings of whoever runs the tests."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would touch the network fails the test."""
    monkeypatch.setattr(hub, "run_child", lambda *_, **__: pytest.fail("the hub was asked"))
    monkeypatch.setattr(models, "download", lambda *_, **__: pytest.fail("pip was asked"))


def files_of(tmp_path: Path, content: dict[str, bytes]) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme/one", HubId("acme/one")),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", HubId("HuggingFaceTB/SmolLM2-135M-Instruct")),
        ("acme/one@v1.2", HubId("acme/one", "v1.2")),
        ("acme/one@refs/pr/3", HubId("acme/one", "refs/pr/3")),
        (f"acme/one@{COMMIT}", HubId("acme/one", COMMIT)),
        ("acme", None),
        ("acme/one/two", None),
        ("./acme/one", None),
        ("../one", None),
        ("/acme/one", None),
        ("~/one", None),
        ("acme/..", None),
        ("acme/one@../../x", None),
        ("acme/one@", None),
        ("ac--me/one", None),
        ("acme/o ne", None),
        ("https://huggingface.co/acme/one", None),
    ],
)
def test_what_is_a_hub_id(text: str, expected: HubId | None) -> None:
    assert read_id(text) == expected


def test_the_cache_is_the_one_of_huggingface_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: list[dict[str, str]] = [
        {},
        {"HF_HOME": str(tmp_path / "home")},
        {"HF_HOME": "~/x", "HF_HUB_CACHE": str(tmp_path / "cache")},
        {"XDG_CACHE_HOME": str(tmp_path / "xdg")},
        {"HUGGINGFACE_HUB_CACHE": "~/old"},
        {"HF_HUB_OFFLINE": "yes"},
        {"HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": "$HOME/y"},
        {"TRANSFORMERS_OFFLINE": "1"},
    ]
    code = (
        "import importlib, json, os, sys\n"
        "from huggingface_hub import constants\n"
        "before, said = dict(os.environ), []\n"
        "for setting in json.loads(sys.argv[1]):\n"
        "    os.environ.clear(); os.environ.update(before | setting); importlib.reload(constants)\n"
        "    said.append([constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE])\n"
        "print(json.dumps(said))\n"
    )
    monkeypatch.delenv("HF_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(settings)], capture_output=True, text=True, check=True
    )
    ours = []
    for setting in settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in setting.items():
                patch.setenv(name, value)
            ours.append([str(hub_cache()), hub.is_offline()])
    assert ours == json.loads(done.stdout)
    assert len({cache for cache, _ in ours}) >= 5


@pytest.mark.usefixtures("no_children")
@pytest.mark.parametrize("content", [WHOLE, SHARDED])
def test_a_model_in_the_cache_is_found_without_a_network(tmp_path: Path, content: dict[str, bytes]) -> None:
    snapshot = lay_out(hub_cache(), "acme/One", files_of(tmp_path, content))
    for name in ("acme/One", "acme/One@main", f"acme/One@{COMMIT}"):
        assert models.locate(name) == snapshot == models.fetch(name) == models.fetch(name, offline=True)
    assert models.locate("acme/One@other") is None
    assert models.locate("acme/Two") is None
    assert hub.cached() == [HubId("acme/One")]
    (here,) = models.here()
    assert (here.name, here.kind, here.folder) == ("acme/One", "hub", snapshot)
    assert here.size == sum(map(len, content.values()))


@pytest.mark.usefixtures("no_children")
@pytest.mark.parametrize(
    ("content", "gone"),
    [
        (WHOLE, "model.safetensors"),
        (WHOLE, "config.json"),
        (WHOLE, "tokenizer.json"),
        (SHARDED, SHARDS["b"]),
        (SHARDED, "model.safetensors.index.json"),
    ],
)
def test_half_a_model_is_none(tmp_path: Path, content: dict[str, bytes], gone: str) -> None:
    lay_out(hub_cache(), "acme/one", files_of(tmp_path, content), leave_out=(gone,))
    assert models.locate("acme/one") is None
    assert hub.cached() == []
    what = {"tokenizer.json": "a tokenizer", "model.safetensors.index.json": "model.safetensors"}.get(gone, gone)
    with pytest.raises(ModelMissing, match=rf"a copy that is not whole \(without {what}\)"):
        models.fetch("acme/one", offline=True)


@pytest.mark.usefixtures("no_children")
def test_a_link_whose_blob_is_gone_is_no_file(tmp_path: Path) -> None:
    snapshot = lay_out(hub_cache(), "acme/one", files_of(tmp_path, WHOLE))
    (snapshot / "model.safetensors").resolve().unlink()
    assert models.locate("acme/one") is None


def test_a_cache_without_its_ref_is_known_by_its_commit(tmp_path: Path) -> None:
    snapshot = lay_out(hub_cache(), "acme/one", files_of(tmp_path, WHOLE))
    (snapshot.parents[1] / "refs" / "main").unlink()
    assert hub.cached() == [HubId("acme/one", COMMIT)]
    assert models.locate(f"acme/one@{COMMIT}") == snapshot


@pytest.mark.usefixtures("no_children")
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_offline_says_so_and_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    lay_out(hub_cache(), "acme/small-instruct", files_of(tmp_path, WHOLE))
    if by == "environment":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelMissing) as caught:
        models.fetch("acme/small-instrct", offline=by == "argument")
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert f"offline ({'--offline' if by == 'argument' else 'HF_HUB_OFFLINE'})" in message
    assert "did you mean 'acme/small-instruct'?" in message
    assert str(hub_cache()) in message
    assert "hf download acme/small-instrct --local-dir my-model" in message


@pytest.mark.usefixtures("no_children")
def test_a_known_model_is_not_fetched_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelMissing, match=r"(?s)smollm2-135m is not fetched yet.*offline.*HF_HUB_OFFLINE.*--file"):
        models.fetch("smollm2-135m")
    assert not models.cache_folder().exists()


def test_nearest_names(tmp_path: Path) -> None:
    lay_out(hub_cache(), "HuggingFaceTB/SmolLM2-135M-Instruct", files_of(tmp_path, WHOLE))
    for wrong in ("smollm2-135m-instruct", "SmolLM/SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135-Instruct"):
        assert models.near(wrong) == "; did you mean 'HuggingFaceTB/SmolLM2-135M-Instruct'?"
    assert models.near("smolm2-135m") == "; did you mean 'smollm2-135m'?"
    assert models.near("HuggingFaceTB/SmolLM2-135M-Instruct@v7") == ""
    assert models.near("HuggingFaceTB/other") == ""


def test_a_folder_comes_before_the_hub(tmp_path: Path) -> None:
    (tmp_path / "acme" / "one").mkdir(parents=True)
    with pytest.raises(ModelMissing, match="the folder 'acme/one' has no config"):
        models.locate("acme/one")
    (tmp_path / "acme" / "one" / "config.json").write_text("{}")
    assert models.locate("acme/one") == Path("acme/one")


def test_a_file_by_hand_is_for_known_models() -> None:
    with pytest.raises(InvalidInput, match="only for a known model"):
        models.fetch("acme/one", source_file=Path("x.gguf"))


def test_choose() -> None:
    every = dict.fromkeys([*WHOLE, *REST], 1)
    assert choose(every) == sorted(WHOLE)
    assert choose(dict.fromkeys([*SHARDED, *REST, "consolidated.safetensors"], 1)) == sorted(SHARDED)
    both = choose(dict.fromkeys([*SHARDED, "model.safetensors"], 1))
    assert "model.safetensors" in both
    assert SHARDS["a"] not in both
    assert choose({**every, "additional_chat_templates/rag.jinja": 1})[0] == "additional_chat_templates/rag.jinja"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["config.json", "pytorch_model.bin"], "no weights as safetensors; it holds weights as pickle"),
        (["README.md", "x-Q4_K_M.gguf"], "no weights as safetensors; it holds GGUF files"),
        (["adapter_config.json", "adapter_model.safetensors"], "no weights as safetensors; it holds an adapter"),
        (["model.safetensors"], "no config.json"),
        ([], "no weights as safetensors"),
    ],
)
def test_choose_nothing(names: list[str], said: str) -> None:
    with pytest.raises(ModelMissing, match=said):
        choose(dict.fromkeys(names, 1))


def test_download_takes_what_is_needed_and_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int | None]] = []
    with serving({"acme/one": Repository({**SHARDED, **REST})}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        folder = models.fetch("acme/one", progress=lambda *what: told.append(what))
        asked = list(server.asked)
        assert models.fetch("acme/one") == folder == models.fetch("acme/one", offline=True)
        assert server.asked == asked, "what is here is not asked for again"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == SHARDED
    assert not [path for path in asked if any(name in path for name in REST)]
    assert told[0] == ("ask", 0, None)
    total = sum(map(len, SHARDED.values()))
    assert ("download", 0, total) in told or ("download", total, total) in told
    assert folder == HubId("acme/one").snapshot
    assert folder.name == COMMIT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acme/two", "no such model on http://127.0.0.1"),
        pytest.param("acme/one@v9", "no revision 'v9'", marks=pytest.mark.long),
        ("acme/gated", "is gated: accept its terms at http://127.0.0.1"),
        pytest.param("acme/gguf", "GGUF files: download one and name its path", marks=pytest.mark.long),
    ],
)
def test_what_the_hub_refuses(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    repositories = {
        "acme/one": Repository(WHOLE),
        "acme/gated": Repository(WHOLE, gated=True),
        "acme/gguf": Repository({"x.gguf": b"GGUF"}),
    }
    with serving(repositories) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        with pytest.raises(ModelMissing, match=said) as caught:
            models.fetch(name)
    assert str(caught.value).startswith(f"'{name}' could not be downloaded: ")
    assert models.locate(name) is None


def test_a_hub_that_cannot_be_reached_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    monkeypatch.setenv("HF_ENDPOINT", "http://me:secret@127.0.0.1:9")
    with pytest.raises(ModelMissing, match=r"the hub at http://127\.0\.0\.1:9 cannot be reached") as caught:
        models.fetch("acme/one")
    assert time.monotonic() - started < 20
    assert "hf download acme/one" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("stage", ["ask", "download"])
def test_a_hub_that_falls_silent_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Whatever the child waits for: it is ended when nothing has moved for long."""
    child = tmp_path / "child.py"
    child.write_text(
        "import time\n" + ("print('bytes 100', flush=True)\n" if stage == "download" else "") + "time.sleep(60)"
    )
    real: Any = hub.run_child
    monkeypatch.setattr(hub, "run_child", lambda _, **more: real([sys.executable, str(child)], **more))
    monkeypatch.setattr(hub, "PATIENCE", {"ask": 0.5, "download": 0.5})
    with pytest.raises(ModelMissing, match=f"s without {'an answer' if stage == 'ask' else 'a new byte'} of the hub"):
        models.fetch("acme/one")


@pytest.mark.long
def test_a_hub_that_accepts_and_never_answers() -> None:
    """The time-outs of the real client, over a real socket: about 9 s."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(ModelMissing, match=r"cannot be reached: .*imeout"):
            models.fetch("acme/one")
        assert time.monotonic() - started < 35


def test_the_cache_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelMissing, match="cannot be written"):
        models.fetch("acme/one")
    assert os.path.getsize(tmp_path / "file") == 0
