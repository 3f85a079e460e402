"""The engine on tiny models with random weights: several ends, begin tokens, recurrent states, and broken folders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentspec import limits
from agentspec.engines import transformers as engines
from agentspec.engines.models import open_engine
from agentspec.engines.prefix import BLOCK, Prefixes
from agentspec.engines.source import TransformersSource, merge_ends
from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault, ModelMissing
from tests.engines.gguf_files import byte_letters

BEGIN, END, TURN, SIZE = 256, 257, 258, 259
CHAT = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] + '<turn>' }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
STERN = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + CHAT

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("gpt2", {"n_embd": 16, "n_layer": 2, "n_head": 2}),
    ("mamba", {}),
    ("mistral", {"intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "sliding_window": 8}),
]

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a folder: a model of a kind, and a tokenizer of bytes with three special tokens."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    def build(kind: str = "llama", *, chat: str | None = None, begins: bool = False, **settings: Any) -> Path:
        vocabulary = {letter: number for number, letter in enumerate(byte_letters())}
        backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.decoder = decoders.ByteLevel()
        backend.add_special_tokens([AddedToken(text, normalized=False) for text in ("<begin>", "<end>", "<turn>")])
        if begins:
            backend.post_processor = processors.TemplateProcessing(
                single="<begin> $A", special_tokens=[("<begin>", BEGIN)]
            )
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<begin>", eos_token="<end>")
        tokenizer.chat_template = chat
        small: dict[str, Any] = {"vocab_size": SIZE, "hidden_size": 16, "num_hidden_layers": 2, "eos_token_id": END}
        if kind == "llama":
            small |= {"intermediate_size": 32, "num_attention_heads": 2, "max_position_embeddings": 64}
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(small | settings)))
        for weights in model.parameters():
            if weights.dim() > 1:  # large ones, so that a forgotten state shows
                torch.nn.init.normal_(weights, std=0.5)
        folder = tmp_path / kind
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return build


def test_merge_ends() -> None:
    scores = np.array([1.0, 2.0, 0.5, 2.0], dtype=np.float32)
    assert merge_ends(scores, [1]) is scores
    merged = merge_ends(scores, [3, 1])
    assert merged[1] == -np.inf
    assert merged[3] == pytest.approx(2.0 + np.log(2))
    assert merged[[0, 2]].tolist() == [1.0, 0.5]
    before, after = np.exp(scores), np.exp(merged)
    assert after.sum() == pytest.approx(before.sum()), "no probability is lost"
    assert scores[1] == 2.0


@pytest.mark.parametrize(
    ("chat", "listed", "expected"),
    [
        (None, END, [END]),
        (None, [TURN, END], [END, TURN]),
        (None, [TURN, BEGIN], [TURN, BEGIN, END]),
        (CHAT, END, [TURN, END]),
        (CHAT, [END, TURN], [TURN, END]),
        (CHAT.replace("<turn>", "\\n"), [END, TURN], [END, TURN]),
        (CHAT.replace("<turn>", " <end>"), [TURN, END], [END, TURN]),
        ("{{ raise_exception('never') }}", END, [END]),
    ],
)
def test_the_end_is_the_one_of_the_chat_template(
    make: Make, chat: str | None, listed: Any, expected: list[int]
) -> None:
    engine = TransformersEngine(make(chat=chat, eos_token_id=listed))
    assert engine.end_token == expected[0]
    scores = engine.open(engine.encode("some text")).logits()
    assert {END, TURN, BEGIN} - set(np.flatnonzero(np.isneginf(scores))) == {END, TURN, BEGIN} - set(expected[1:])


def test_end_tokens_are_no_text_of_a_grammar(make: Make) -> None:
    engine = TransformersEngine(make(chat=CHAT, eos_token_id=[END, TURN]))
    matcher = engine.matcher("start: /[^z]{0,5}/")
    assert set(np.flatnonzero(matcher.mask())) & {BEGIN, END, TURN} == {TURN}


@pytest.mark.parametrize("begins", [False, True])
def test_plain_text_begins_as_the_tokenizer_begins_it(make: Make, begins: bool) -> None:
    engine = TransformersEngine(make(begins=begins))
    text = "<begin>a<end> é"
    assert engine.render_text(text) == [*([BEGIN] if begins else []), *text.encode()]
    assert engine.render([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}], "c") == (
        engine.render_text("a\n\nb\nc")
    )


def test_a_prefill_is_data_behind_the_prompt(make: Make) -> None:
    engine = TransformersEngine(make(chat=CHAT, begins=True))
    prompt = engine.render([{"role": "user", "content": "q"}])
    assert prompt == [BEGIN, *b"<user>q", TURN, *b"<assistant>"]
    assert engine.render([{"role": "user", "content": "q"}], prefill="[A]<turn>") == [*prompt, *b"[A]<turn>"]


def test_a_template_that_refuses_is_told(make: Make) -> None:
    engine = TransformersEngine(make(chat=STERN))
    assert engine.end_token == TURN
    with pytest.raises(EngineFault, match="chat template refuses the messages: no system here"):
        engine.render([{"role": "system", "content": "s"}])


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_scores_do_not_depend_on_how_the_text_was_fed(make: Make, kind: str, settings: dict[str, Any]) -> None:
    engine = TransformersEngine(make(kind, **settings))
    text = engine.encode("The quick brown fox jumps over the lazy dog.")
    whole = engine.open(text).logits()
    assert np.ptp(whole) > 0.1
    parts = engine.open(text[:20])
    parts.logits()
    parts.append(text[20:23])
    parts.append(text[23:40])
    parts.logits()
    parts.append(text[40:])
    np.testing.assert_allclose(parts.logits(), whole, rtol=0, atol=1e-3)
    assert parts.length == len(text)


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_what_is_taken_back_leaves_no_trace(make: Make, kind: str, settings: dict[str, Any]) -> None:
    engine = TransformersEngine(make(kind, **settings))
    rng = random.Random(0)
    source, text = engine.open(engine.encode("some text")), engine.encode("some text")
    for _ in range(30):
        action = rng.choice(["append", "append", "rollback", "logits", "logits", "scores"])
        if action == "append" and len(text) < 50:
            new = engine.encode("".join(rng.choices("abcdef", k=rng.randint(1, 5))))
            source.append(new)
            text += new
        elif action == "rollback":
            back = rng.randint(0, min(6, len(text) - 1))
            source.rollback(back)
            text = text[: len(text) - back]
        elif action == "scores":
            count = rng.randint(1, min(5, len(text)))
            rows = [engine.open(text[: len(text) - i]).logits() for i in reversed(range(count))]
            np.testing.assert_allclose(source.scores(count), rows, rtol=0, atol=1e-3)
        else:
            np.testing.assert_allclose(source.logits(), engine.open(text).logits(), rtol=0, atol=1e-3)
        assert (source.tokens, source.length) == (text, len(text))
    with pytest.raises(ValueError, match="cannot be forgotten"):
        source.rollback(1000)


def test_device_and_numbers_are_told(make: Make) -> None:
    engine = open_engine(str(make()), device="cpu", dtype="bfloat16")
    assert (engine.device, engine.dtype) == ("cpu", "bfloat16")  # type: ignore[attr-defined]
    scores = engine.open(engine.encode("text")).logits()
    assert scores.dtype == np.float32
    exact = TransformersEngine(make(), device="cpu")
    assert exact.dtype == "float32"
    np.testing.assert_allclose(scores, exact.open(exact.encode("text")).logits(), atol=1.0)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(scores, exact.open(exact.encode("text")).logits())


def test_a_model_larger_than_the_memory_is_refused_before_it_loads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make()
    monkeypatch.setattr(engines, "available", lambda: 30_000)
    with pytest.raises(ModelMissing, match=r"in float32 0\.0 GB; 0\.0 GB can be had on cpu: choose a smaller model"):
        TransformersEngine(folder, device="cpu")


def test_too_little_memory_while_it_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TransformersEngine(make())
    source = engine.open([1, 2])

    def full(**_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(engine._model, "forward", full)
    with pytest.raises(EngineFault, match="too little memory for 2 tokens"):
        source.logits()


def test_code_in_the_folder_is_not_run(make: Make, tmp_path: Path) -> None:
    folder = make()
    proof = tmp_path / "ran"
    (folder / "modeling_x.py").write_text(f"open({str(proof)!r}, 'w').close()\nclass X: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "x", "auto_map": {"AutoConfig": "modeling_x.X", "AutoModelForCausalLM": "modeling_x.X"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelMissing, match="does not load"):
        TransformersEngine(folder)
    assert not proof.exists()


def damage(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    if how == "cut weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "weights of something else":
        weights.write_bytes(b"\x00" * 100)
    elif how == "no weights":
        weights.unlink()
    elif how == "some weights":
        from safetensors.numpy import load_file, save_file

        kept = {name: value for name, value in load_file(weights).items() if "layers.1.mlp" not in name}
        save_file(kept, weights, metadata={"format": "pt"})
    elif how == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    elif how == "no end":
        for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
            said = json.loads((folder / file).read_text())
            said = {name: value for name, value in said.items() if not name.startswith("eos_token")}
            (folder / file).write_text(json.dumps(said))
    else:
        (folder / "config.json").write_text(how)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut weights", "does not load"),
        ("weights of something else", "does not load"),
        ("no weights", "does not load: .*model.safetensors"),
        ("some weights", r"is not whole: weights are missing \(3\), such as model\.layers\.1\.mlp"),
        ("no tokenizer", "does not load"),
        ("no end", "names no end-of-sequence token"),
        ("{", "does not load"),
        ("[]", "does not load"),
        ('{"model_type": "no such kind"}', "does not load: .*no such kind"),
        ('{"model_type": "llama", "vocab_size": "many"}', "does not load"),
    ],
)
def test_a_broken_folder_is_named(make: Make, how: str, said: str) -> None:
    folder = make()
    damage(folder, how)
    with pytest.raises(ModelMissing, match=said) as caught:
        TransformersEngine(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


LONG = {"max_position_embeddings": 1024, "n_positions": 1024}


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_a_prompt_begun_before_is_not_encoded_again(make: Make, kind: str, settings: dict[str, Any]) -> None:
    engine = TransformersEngine(make(kind, **(LONG | settings)))
    shared = engine.encode("All agents of one kind begin alike. " * 10)
    texts = [shared + engine.encode(task) for task in ("What?", "Who was it, when and where?", "What? " * 40)]
    before = []
    for text in texts:
        alone = TransformersSource(engine._network, text, engine._ends, Prefixes())
        before.append(alone.logits())
        assert alone.encoded == len(text)
    for _ in range(2):
        for text, expected in zip(texts, before, strict=True):
            source = engine.open(text)
            np.testing.assert_array_equal(source.logits(), expected)  # not one bit depends on what was there
            source.append(engine.encode("more"))
            source.logits()
            source.rollback(4)
            np.testing.assert_allclose(source.logits(), expected, rtol=0, atol=1e-3)
    if kind != "mamba":
        source = engine.open(texts[1])
        source.logits()
        assert source.encoded < len(texts[1]) - len(shared) + BLOCK


def test_beginnings_are_kept_within_their_limits(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TransformersEngine(make(**LONG))
    prompts = [engine.encode(letter * (2 * BLOCK + 10)) for letter in "abc"]
    monkeypatch.setattr(limits, "PREFIX_COUNT", 2)
    for prompt in prompts:
        engine.open(prompt).logits()
    sizes = []
    for prompt in reversed(prompts):
        source = engine.open(prompt)
        source.logits()
        sizes.append(source.encoded)
    assert sizes == [10, 10, len(prompts[0])]
    monkeypatch.setattr(limits, "PREFIX_BYTES", 10)
    other = TransformersEngine(make(**LONG))
    for _ in range(2):
        source = other.open(prompts[0])
        source.logits()
        assert source.encoded == len(prompts[0])
