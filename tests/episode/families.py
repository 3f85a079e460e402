"""Small tokenizers and chat templates in the manner of three families of models, over one tiny model of random weights.

The templates are ours; what they share with those of the families is where turns, calls and answers stand.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from agentspec.engines.transformers import TransformersEngine
from tests.engines.gguf_files import byte_letters

_CALL = '{{ \'{"name": "\' + c.function.name + \'", "KEY": \' }}{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}'  # noqa: E501
_HERMES = (
    "{% if tools %}<|im_start|>system\n{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
    "<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools><|im_end|>\n"
    "{% elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}{% if m.role == 'tool' %}<|im_start|>user\n<tool_response>\n{{ m.content }}\n"
    "</tool_response><|im_end|>\n{% elif m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content or '' }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n" + _CALL.replace("KEY", "arguments") + "}\n</tool_call>"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_HEADER = "<|start_header_id|>{}<|end_header_id|>\n\n"
_LLAMA = (
    "<|begin_of_text|>{{ tools | tojson if tools else '' }}{% if messages[0].role == 'system' %}"
    + _HEADER.format("system")
    + "{{ messages[0].content }}"
    "<|eot_id|>{% endif %}{% for m in messages %}{% if m.role == 'tool' %}" + _HEADER.format("ipython") + ""
    "{{ m.content | tojson }}<|eot_id|>{% elif m.role != 'system' %}" + _HEADER.format("{{ m.role }}") + ""
    "{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
    + _CALL.replace("KEY", "parameters")
    + "}{% endfor %}<|eot_id|>{% endif %}{% endfor %}{% if add_generation_prompt %}"
    + _HEADER.format("assistant")
    + "{% endif %}"
)
_MISTRAL = (
    "<s>{% set n = namespace(turn=0) %}{% for m in messages %}{% if m.role == 'user' and n.turn % 2 == 1 or "
    "m.role == 'assistant' and not m.tool_calls and n.turn % 2 == 0 %}"
    "{{ raise_exception('turns alternate') }}{% endif %}"
    "{% if m.role == 'user' or m.role == 'assistant' and not m.tool_calls %}{% set n.turn = n.turn + 1 %}{% endif %}"
    "{% if m.role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "{% if m.role == 'user' %}{% if tools and loop.first %}[AVAILABLE_TOOLS] {{ tools | tojson }}[/AVAILABLE_TOOLS]"
    "{% endif %}[INST] {{ m.content }}[/INST]{% elif m.role == 'tool' %}[TOOL_RESULTS] {\"content\": {{ m.content }}, "
    '"call_id": "{{ m.tool_call_id }}"}[/TOOL_RESULTS]{% elif m.tool_calls %}[TOOL_CALLS] '
    "{% for c in m.tool_calls %}[" + _CALL.replace("KEY", "arguments") + ', "id": "{{ c.id }}"}]{% endfor %}</s>'
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
FAMILIES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "hermes": (
        _HERMES, "<|im_end|>", ["<|im_start|>", "<|im_end|>"],
        ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"],
    ),
    "llama3": (
        _LLAMA, "<|eot_id|>",
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>"], [],
    ),
    "mistral": (
        _MISTRAL, "</s>",
        ["<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]",
         "[TOOL_RESULTS]", "[/TOOL_RESULTS]"], [],
    ),
}  # fmt: skip
"""Template, end of a turn, special tokens, and tokens that are special though the tokenizer's file does not say so."""
_PIECES = ("name", "arguments", '{"', '": "', '":', "tool", "call", " the", "ing", "\n\n", "}\n", '"}', "[[", "]]")


@cache
def family(name: str, folder: Path) -> TransformersEngine:
    """An engine of a family; its files lie in a folder of its own there."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    template, end, special, added = FAMILIES[name]
    letters = byte_letters()
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    merges: list[tuple[str, str]] = []
    for piece in _PIECES:
        whole = [letters[byte] for byte in piece.encode()]
        for i in range(2, len(whole) + 1):
            joined = "".join(whole[:i])
            if joined not in vocabulary:
                vocabulary[joined] = len(vocabulary)
                merges.append(("".join(whole[: i - 1]), whole[i - 1]))
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    backend.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end)
    tokenizer.chat_template = template
    small: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16,
        "num_attention_heads": 2, "max_position_embeddings": 8192, "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **small))
    model.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / name)
    return TransformersEngine(folder / name, name=name)
