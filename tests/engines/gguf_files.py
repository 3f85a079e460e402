"""Tiny GGUF models with random weights, written by the gguf package: of bytes (BPE) and of sentencepiece."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, INNER, LAYERS, HEADS = 32, 64, 2, 4
CHAT = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def byte_letters() -> list[str]:
    """GPT-2's letter for each byte: printable bytes as themselves, the others moved beyond 255."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = iter(range(256, 512))
    return [chr(byte if byte in plain else next(moved)) for byte in range(256)]


def write(
    path: Path,
    *,
    architecture: str = "llama",
    sentences: bool = False,
    kind: str | None = None,
    chat: bool = False,
    leave_out: str = "",
) -> Path:
    """A whole GGUF model of two layers; ``sentences`` chooses a sentencepiece vocabulary, else it is BPE over bytes."""
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name("tiny")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    if kind is not None:
        writer.add_type(kind)
    size = _sentencepiece(writer) if sentences else _bytes(writer)
    writer.add_vocab_size(size)
    if chat:
        writer.add_chat_template(CHAT)
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (size, WIDTH), "output": (size, WIDTH), "output_norm": (WIDTH,)}
    for layer in range(LAYERS):
        block = {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH)}
        block |= {"attn_output": (WIDTH, WIDTH), "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH)}
        block |= {"ffn_down": (WIDTH, INNER), "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,)}
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    for name, shape in shapes.items():
        if name == leave_out:
            continue
        weights = np.ones(shape) if len(shape) == 1 else rng.standard_normal(shape) * 0.1
        writer.add_tensor(f"{name}.weight", weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _bytes(writer: gguf.GGUFWriter) -> int:
    tokens = [*byte_letters(), "Ġt", "he", "Ġthe", "<|begin|>", "<|end|>", "<|eot|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 259 + [3] * 3)
    writer.add_token_merges(["Ġ t", "h e", "Ġt he"])
    writer.add_bos_token_id(259)
    writer.add_eos_token_id(260)
    writer.add_eot_token_id(261)
    writer.add_add_bos_token(True)
    return len(tokens)


def _sentencepiece(writer: gguf.GGUFWriter) -> int:
    words = ["▁", "t", "h", "e", "▁t", "he", "▁the", "a", "b"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types([2, 3, 3, *[6] * 256, *[1] * len(words)])
    writer.add_token_scores([0.0] * 259 + [-20.0, -21.0, -22.0, -23.0, -3.0, -2.0, -1.0, -24.0, -25.0])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    return len(tokens)
