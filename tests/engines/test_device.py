"""Which device and which numbers are chosen. torch is played: this needs no GPU and proves nothing about one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agentspec.engines.device import choose_device, choose_dtype, describe
from agentspec.errors import EngineFault, InvalidInput


def torch(*, gpus: tuple[int, ...] = (), mps: bool = False, cuda: str | None = "12.8", hip: str | None = None) -> Any:
    """A torch whose GPUs have these compute capabilities."""

    def number(device: str) -> int:
        return int(device.removeprefix("cuda:"))

    return SimpleNamespace(
        __version__="2.99",
        version=SimpleNamespace(cuda=cuda, hip=hip),
        get_num_threads=lambda: 7,
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps, is_built=lambda: mps)),
        cuda=SimpleNamespace(
            is_available=lambda: bool(gpus),
            device_count=lambda: len(gpus),
            get_device_capability=lambda device: (gpus[number(device)], 0),
            get_device_properties=lambda device: SimpleNamespace(name=f"GPU {number(device)}", total_memory=8 * 10**9),
        ),
    )


@pytest.mark.parametrize(
    ("machine", "asked", "chosen"),
    [
        ({}, "auto", "cpu"),
        ({"gpus": (8,)}, "auto", "cuda:0"),
        ({"mps": True}, "auto", "mps"),
        ({"gpus": (8,), "mps": True}, "auto", "cuda:0"),
        ({"gpus": (8, 9)}, "cuda", "cuda:0"),
        ({"gpus": (8, 9)}, "cuda:1", "cuda:1"),
        ({"gpus": (8,)}, "cpu", "cpu"),
        ({"mps": True}, "mps", "mps"),
    ],
)
def test_device(machine: dict[str, Any], asked: str, chosen: str) -> None:
    assert choose_device(torch(**machine), asked) == chosen


@pytest.mark.parametrize(
    ("machine", "asked", "said"),
    [
        ({"cuda": None}, "cuda", "'cuda' is not available: this torch (2.99) is built without CUDA; here: cpu"),
        ({}, "cuda:0", "'cuda:0' is not available: torch finds no GPU that it can use; here: cpu"),
        ({"gpus": (8,)}, "cuda:1", "'cuda:1' is not available: there is no such GPU; here: cuda:0, cpu"),
        ({}, "mps", "'mps' is not available: it is Apple's GPU; here: cpu"),
    ],
)
def test_a_device_that_is_not_there(machine: dict[str, Any], asked: str, said: str) -> None:
    with pytest.raises(EngineFault) as caught:
        choose_device(torch(**machine), asked)
    assert str(caught.value) == f"the device {said}"


@pytest.mark.parametrize("asked", ["gpu", "", "cuda:", "cuda:x", "cuda:0 ", "CPU", "cpu:0"])
def test_a_device_that_is_none(asked: str) -> None:
    with pytest.raises(InvalidInput, match=f"unknown device '{asked}'"):
        choose_device(torch(gpus=(8,)), asked)


@pytest.mark.parametrize(
    ("machine", "device", "asked", "chosen"),
    [
        ({}, "cpu", "auto", "float32"),
        ({"mps": True}, "mps", "auto", "float32"),
        ({"gpus": (8,)}, "cuda:0", "auto", "bfloat16"),
        ({"gpus": (9, 7)}, "cuda:1", "auto", "float16"),
        ({"gpus": (5,), "hip": "6.2"}, "cuda:0", "auto", "bfloat16"),
        ({"gpus": (7,)}, "cuda:0", "bfloat16", "bfloat16"),
        ({}, "cpu", "float16", "float16"),
    ],
)
def test_dtype(machine: dict[str, Any], device: str, asked: str, chosen: str) -> None:
    assert choose_dtype(torch(**machine), asked, device) == chosen


def test_a_dtype_that_is_none() -> None:
    with pytest.raises(InvalidInput, match=r"unknown dtype 'bfloat61'; did you mean 'bfloat16'\?"):
        choose_dtype(torch(), "bfloat61", "cpu")


def test_describe() -> None:
    shown = describe(torch(gpus=(8,), mps=True))
    assert [device["name"] for device in shown] == ["cuda:0", "mps", "cpu"]
    assert shown[0] == {"name": "cuda:0", "what": "GPU 0", "memory": 8 * 10**9}
    assert shown[2]["what"] == "7 threads"
