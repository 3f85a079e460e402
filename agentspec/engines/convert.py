"""Convert a GGUF file, once, to a folder that transformers loads in a fraction of a second.

Runs as a program of its own (``python -m agentspec.engines.convert FILE FOLDER``): torch and transformers, their
progress bars, their warnings and a gigabyte of memory stay out of the process that asks, and Ctrl-C ends it. The
weights are saved in float32: what the quantised file says is exact there, and in nothing smaller.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from agentspec.engines.memory import available
from agentspec.errors import EngineFault

STEPS = ("imports", "tokenizer", "weights", "save", "check")
"""Each is announced on stdout by a line ``step NAME`` when it begins."""

PRE_TOKENIZERS = {"smollm": "digits", "starcoder": "digits", "refact": "digits", "command-r": "digits"}
"""``tokenizer.ggml.pre`` → what splits text before the merges. transformers' GGUF reader (5.23) reads these names and
takes plain GPT-2 splitting; the models were trained with each digit split off first (so ``"  4"`` begins with one token
of two spaces, not with two of one)."""

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

PROBES = (
    "<|im_start|>user\nhi<|im_end|>",
    "<|im_start|>system\nYou are terse.<|im_end|>\n<|im_start|>user\n12 + 30?<|im_end|>\n<|im_start|>assistant\n",
    "[Thought] I think\n[Answer] 42 12345",
    '{"amount":  4, "x1": -0.5e10}\n\n\t  done',
    "Grüße, 日本語 🙂 \u00a0x²",
    "  x = 1",
)


def convert(file: Path, folder: Path) -> None:
    """Write model.safetensors, tokenizer and configuration of ``file`` (GGUF) into ``folder``, an existing one.

    Raises EngineFault when the copy, loaded again, differs in a weight, a token or its end-of-sequence.
    """
    _announce("imports")
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    _announce("tokenizer")
    try:
        reader = GGUFReader(str(file))
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as problem:
        raise EngineFault(f"the file is damaged or cut short ({type(problem).__name__}: {problem})") from problem
    fields = reader.fields
    _check_kind(fields)
    _check_room(sum(int(tensor.n_elements) for tensor in reader.tensors), folder)
    del reader
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), **source)
    _split_as_trained(tokenizer, _field(fields, "tokenizer.ggml.pre"))
    control = _control_tokens(fields)
    if not tokenizer.chat_template and {"<|im_start|>", "<|im_end|>"} <= control.keys():
        tokenizer.chat_template = CHATML
    if (length := _field(fields, f"{_field(fields, 'general.architecture')}.context_length")) is not None:
        tokenizer.model_max_length = int(length)

    _announce("weights")
    model, report = AutoModelForCausalLM.from_pretrained(
        str(file.parent), dtype=torch.float32, output_loading_info=True, **source
    )
    if absent := sorted(map(str, report["missing_keys"])):  # transformers would fill them with noise
        raise EngineFault(f"the file is not whole: weights are missing ({len(absent)}), such as {absent[0]}")
    model.hf_quantizer = None  # a model marked as quantised refuses to be saved
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.generation_config.eos_token_id = ends = _ends(fields, tokenizer, model.generation_config.eos_token_id)

    _announce("save")
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))

    _announce("check")
    started = time.perf_counter()
    model_again = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True)
    tokenizer_again = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    seconds = time.perf_counter() - started
    _check_weights(model.state_dict(), model_again.state_dict(), torch.equal)
    _check_tokenizer(tokenizer, tokenizer_again, control, exact=_field(fields, "tokenizer.ggml.model") == "gpt2")
    if model_again.generation_config.eos_token_id != ends or tokenizer_again.eos_token != tokenizer.eos_token:
        raise EngineFault("another end-of-sequence after conversion")
    print(json.dumps({"load_seconds": round(seconds, 3), "dtype": str(model_again.dtype).removeprefix("torch.")}))


def _split_as_trained(tokenizer: Any, name: str | None) -> None:
    from tokenizers import pre_tokenizers

    if PRE_TOKENIZERS.get(name or "") == "digits":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )


def _check_kind(fields: Any) -> None:
    """Refuse files that hold something else than one whole language model."""
    kind, architecture = _field(fields, "general.type"), _field(fields, "general.architecture")
    if architecture is None:
        raise EngineFault("the file names no architecture")
    if kind not in (None, "model"):
        raise EngineFault(f"the file is no model but a part of the kind {kind!r}")
    if architecture in ("clip", "mmproj"):
        raise EngineFault("the file is the image part of a model, not a language model")
    if (parts := _field(fields, "split.count")) is not None and int(parts) > 1:
        raise EngineFault(f"the file is one of {int(parts)} parts: join them with 'llama-gguf-split --merge'")


def _check_room(parameters: int, folder: Path) -> None:
    """Refuse what fits neither the memory nor the disk, before hours are spent: float32 takes four bytes a weight."""
    needed = 4 * parameters
    if (free := available()) is not None and needed > free:
        raise EngineFault(f"converting takes {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB can be had")
    if needed > (free := shutil.disk_usage(folder).free):
        raise OSError(
            f"the converted copy takes {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free in {folder}"
        )


def _ends(fields: Any, tokenizer: Any, found: Any) -> int | list[int]:
    """The tokens that end a text or a turn, the tokenizer's own first; a number where there is one only."""
    named = [tokenizer.eos_token_id, *(found if isinstance(found, list) else [found])]
    named += [_field(fields, f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")]
    ends = list(dict.fromkeys(int(number) for number in named if number is not None))
    if not ends:
        raise EngineFault("the file names no end-of-sequence token")
    return ends[0] if len(ends) == 1 else ends


def _check_weights(before: dict[str, Any], after: dict[str, Any], equal: Any) -> None:
    if before.keys() != after.keys():
        raise EngineFault(f"other weights after conversion: {sorted(before.keys() ^ after.keys())[:4]}")
    for name, value in before.items():
        if not equal(value, after[name]):
            raise EngineFault(f"the weight {name} changed by conversion")


def _check_tokenizer(before: Any, after: Any, control: dict[str, int], *, exact: bool) -> None:
    """``exact``: the vocabulary is one of bytes, so that a text comes back as it was."""
    for text in PROBES:
        for whole in (True, False):
            tokens = after.encode(text, add_special_tokens=whole)
            if tokens != before.encode(text, add_special_tokens=whole) or after.decode(tokens) != before.decode(tokens):
                raise EngineFault(f"the tokenizer reads {text!r} otherwise after conversion: {tokens}")
        if exact and after.decode(tokens) != text:
            raise EngineFault(f"the tokenizer does not give {text!r} back: {after.decode(tokens)!r}")
    special = {entry.content for entry in after.added_tokens_decoder.values() if entry.special}
    for token, number in control.items():
        if after.encode(token, add_special_tokens=False) != [number] or token not in special:
            raise EngineFault(f"{token} is no special token after conversion")
    if after.chat_template != before.chat_template:
        raise EngineFault("the chat template changed by conversion")


def _field(fields: Any, name: str) -> Any:
    return fields[name].contents() if name in fields else None


def _control_tokens(fields: Any) -> dict[str, int]:
    """The tokens that the file marks as control (type 3), with their numbers."""
    texts, kinds = _field(fields, "tokenizer.ggml.tokens") or [], _field(fields, "tokenizer.ggml.token_type") or []
    return {text: number for number, (text, kind) in enumerate(zip(texts, kinds, strict=False)) if kind == 3}


def _announce(step: str) -> None:
    print(f"step {step}", flush=True)


def main(arguments: list[str]) -> int:
    file, folder = map(Path, arguments)
    try:
        convert(file, folder)
    except Exception as problem:
        kind = "" if isinstance(problem, EngineFault) else f"{type(problem).__name__}: "
        print(f"error: {kind}{problem}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
