"""The guard inside the ``generate`` loop of transformers: its logits processor, its sampling, its model.

python examples/transformers_generate.py
"""

from __future__ import annotations

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import agentspec
from agentspec.engines.models import fetch

TASK = "What is 48 * 17?"


def main() -> None:
    folder = fetch("smollm2-135m")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    prompt = [{"role": "system", "content": "Use the calculator."}, {"role": "user", "content": TASK}]
    text = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_tensors="pt")["input_ids"]

    cursor = agentspec.compile("react-zero").start()
    cursor.take("question", TASK)
    while not cursor.must_end:
        guard = agentspec.GuardLogits(cursor, tokenizer)
        text = model.generate(
            text, attention_mask=torch.ones_like(text), logits_processor=[guard], max_new_tokens=cursor.left.tokens,
            do_sample=True, temperature=0.7,
        )  # fmt: skip
        guard.take(text)
        if guard.ended:
            break
        if cursor.owner == "tool":
            observed = cursor.observe("816")
            said = tokenizer("[Observation] 816\n", add_special_tokens=False, return_tensors="pt")["input_ids"]
            text = torch.cat([text[:, : guard.length], said], dim=1)
            print(observed)
    print(cursor, end="")


if __name__ == "__main__":
    main()
