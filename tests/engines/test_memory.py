"""How much memory there is, and how much a model will take."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from agentspec.engines import memory
from agentspec.engines.memory import available, parameters


def weights(file: Path, **shapes: list[int]) -> None:
    header = json.dumps(
        {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    )
    file.write_bytes(struct.pack("<Q", len(header)) + header.encode())


def test_parameters(tmp_path: Path) -> None:
    assert parameters(tmp_path) is None
    (tmp_path / "config.json").write_text("{}")
    assert parameters(tmp_path) is None
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    weights(tmp_path / "model-1.safetensors", a=[3, 4])
    weights(tmp_path / "model-2.safetensors", b=[5], c=[])
    assert parameters(tmp_path) == 12 + 5 + 1
    weights(tmp_path / "model.safetensors", a=[1000, 1000])
    assert parameters(tmp_path) == 10**6
    (tmp_path / "config.json").write_text('{"quantization_config": {}}')
    assert parameters(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 2) + b"x{"])
def test_spoilt_weights_have_no_number(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(content)
    assert parameters(tmp_path) is None


def test_a_container_limits_what_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    whole = available()
    assert whole is None or whole > 10**6
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 200000\nactive_file 100000\n")
    monkeypatch.setattr(memory, "_system", lambda: 10**9)
    assert available() == 10**9
    (tmp_path / "memory.max").write_text("1000000\n")
    assert available() == 400_000
    monkeypatch.setattr(memory, "_system", lambda: 1000)
    assert available() == 1000


def test_giving_back_works_or_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [b"x" * 10_000 for _ in range(1000)]
    del held
    memory.give_back()
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.give_back()
