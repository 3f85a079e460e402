"""The engine over Hugging Face transformers: any causal language model in a local folder.

The only importer of transformers and torch (besides the one-off conversion of models). No code that lies in a model's
folder is run: what transformers does not know itself is refused.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec import limits
from agentspec.decoding.lower.llguidance import slices
from agentspec.decoding.matcher import Matcher, MatcherFactory
from agentspec.engines import kv
from agentspec.engines.batch import Batch
from agentspec.engines.device import choose_device, choose_dtype, describe
from agentspec.engines.engine import Message
from agentspec.engines.memory import available, give_back, parameters
from agentspec.engines.prefix import Prefixes
from agentspec.engines.source import TransformersSource
from agentspec.engines.special import SpecialTokens
from agentspec.errors import EngineFault, ModelMissing


class TransformersEngine:
    """A model and tokenizer in memory.

    Raises ModelMissing when the folder does not load, EngineFault when the device is not there. ``device`` and
    ``dtype`` say what was chosen, e.g. ``cuda:0`` and ``bfloat16``.
    """

    def __init__(self, folder: Path, *, name: str | None = None, device: str = "auto", dtype: str = "auto") -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin for others cost a busy machine a lot
        import torch
        import transformers

        _quiet(transformers)
        self.name = name or str(folder)
        self.device = choose_device(torch, device)
        self.dtype = choose_dtype(torch, dtype, self.device)
        _check_memory(torch, folder, self.device, self.dtype)
        self._tokenizer, self._model = _load(torch, transformers, folder, self.device, self.dtype)
        self._network = _Network(self._model)
        self._prefixes = Prefixes()
        head, text = self._model.get_output_embeddings(), self._model.config.get_text_config()
        self._vocabulary = int(text.vocab_size if head is None else head.weight.shape[0])
        self.window = int(getattr(text, "max_position_embeddings", None) or 2048)
        self._ends = self._end_tokens(folder)
        self.end_token = self._ends[0]
        self._ll = _ll_tokenizer(self._tokenizer, self._vocabulary, self.end_token, folder)
        self._matchers = MatcherFactory(self._ll, self.end_token)
        self._special = SpecialTokens(self._tokenizer, self._ll.is_special_token, self._plain)
        self._known = lru_cache(limits.ENCODED_TEXTS)(self._as_data)
        self._shapes: dict[tuple[str, ...], list[int | list[int]]] = {}
        give_back()  # loading has freed tens of MB

    def _end_tokens(self, folder: Path) -> list[int]:
        """The tokens by which the model may end: first the one its chat template ends a turn with, else its own."""
        own = self._tokenizer.eos_token_id
        ids = self._model.generation_config.eos_token_id
        listed = ids if isinstance(ids, list) else [ids]
        found = [self._turn_end(), *([own] if own in listed else []), *listed, own]
        ends = list(dict.fromkeys(int(end) for end in found if end is not None and 0 <= end < self._vocabulary))
        if not ends:
            raise ModelMissing(f"the model in {folder} names no end-of-sequence token")
        return ends

    def _turn_end(self) -> int | None:
        """The special token that the chat template writes right after an assistant's message, if it writes one."""
        if not self._tokenizer.chat_template:
            return None
        mark = f"q{secrets.token_hex(8)}q"
        talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}]
        try:
            behind = self._tokenizer.apply_chat_template(talk, tokenize=False).rpartition(mark)[2].lstrip()
        except Exception:  # a template may refuse any talk, in its own words
            return None
        special = {number for number, entry in self._tokenizer.added_tokens_decoder.items() if entry.special}
        tokens = self._tokenizer.encode(behind, add_special_tokens=False)
        return tokens[0] if tokens and tokens[0] in special else None

    def encode(self, text: str) -> list[int]:
        """Tokens of a text as data: the text of a special token becomes ordinary tokens."""
        short = len(text) <= limits.ENCODED_LENGTH
        return list(self._known(text)) if short else self._special.as_data(self._plain(text))

    def _as_data(self, text: str) -> tuple[int, ...]:
        return tuple(self._special.as_data(self._plain(text)))

    def _plain(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return tokens

    def decode(self, tokens: list[int]) -> bytes:
        """The bytes of ordinary tokens."""
        data: bytes = self._ll.decode_bytes(tokens)
        return data

    def spell(self, data: bytes) -> list[int]:
        """Ordinary tokens whose bytes joined are just these. Raises EngineFault where the tokenizer lacks some."""
        for pieces in ([data], [bytes([byte]) for byte in data]):
            tokens: list[int] = [token for piece in pieces for token in self._ll.tokenize_bytes(piece)]
            ordinary = len(tokens) <= len(data) and not any(map(self._ll.is_special_token, tokens))
            if ordinary and self._ll.decode_bytes(tokens) == data:
                return tokens
        raise EngineFault(f"the tokenizer of {self.name} has no tokens for the bytes {data!r}")

    def render(self, messages: list[Message], prefill: str = "") -> list[int]:
        """The chat template's text as tokens, up to where the assistant writes, then ``prefill``.

        Contents and prefill are encoded as data. Without a chat template the contents are plain text. Raises
        EngineFault when the template refuses the messages or leaves some out.
        """
        if not self._tokenizer.chat_template:
            return self.render_text("\n\n".join(message["content"] for message in messages) + "\n" + prefill)
        tokens: list[int] = []
        for piece in self._shape(tuple(message["role"] for message in messages)):
            tokens += self.encode(messages[piece]["content"]) if isinstance(piece, int) else piece
        return tokens + self.encode(prefill) if prefill else tokens

    def _shape(self, roles: tuple[str, ...]) -> list[int | list[int]]:
        """The chat template's own tokens, and the numbers of the messages where these stand; worked out once."""
        if roles in self._shapes:
            return self._shapes[roles]
        mark = f"q{secrets.token_hex(8)}q"
        marked = [{"role": role, "content": f"{mark}{i}{mark}"} for i, role in enumerate(roles)]
        pieces = re.split(f"{mark}([0-9]+){mark}", self.template(marked))
        if {int(piece) for piece in pieces[1::2]} != set(range(len(roles))):
            raise EngineFault("the model's chat template leaves messages out")
        shape = [int(piece) if i % 2 else self.read(piece) for i, piece in enumerate(pieces) if piece]
        if "strftime_now" not in str(self._tokenizer.chat_template):  # whose text is another tomorrow
            if len(self._shapes) == limits.CHAT_SHAPES:
                self._shapes.clear()
            self._shapes[roles] = shape
        return shape

    def render_text(self, text: str) -> list[int]:
        """The prompt as plain text, encoded as data, behind the tokenizer's begin token where it adds one itself."""
        begin = self._tokenizer.bos_token_id
        added = begin is not None and self._tokenizer.encode("a", add_special_tokens=True)[:1] == [begin]
        return [*([int(begin)] if added else []), *self.encode(text)]

    def template(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        """The chat template's text of messages and tools, up to where the assistant writes next.

        Raises EngineFault when there is no template, or it refuses them.
        """
        if not self._tokenizer.chat_template:
            raise EngineFault(f"{self.name} has no chat template")
        try:
            text = self._tokenizer.apply_chat_template(
                messages, tools=tools, tokenize=False, add_generation_prompt=True
            )
        except Exception as problem:  # a template may refuse roles, in its own words
            raise EngineFault(f"the model's chat template refuses the messages: {_first_line(problem)}") from problem
        return str(text)

    def read(self, text: str) -> list[int]:
        """Tokens of a text of the template's or ours, in which special tokens are themselves."""
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def special(self, text: str) -> int | None:
        """The special token that is written like a text; None where there is none."""
        return self._special.number(text)

    def matcher(self, grammar: str) -> Matcher:
        """A fresh matcher for a grammar."""
        return self._matchers.matcher(grammar)

    def open(self, prompt: list[int]) -> TransformersSource:
        """A model state after a prompt."""
        return TransformersSource(self._network, prompt, self._ends, self._prefixes)

    def batch(self) -> Batch | None:
        """No rows yet; None where the model's state does not allow for texts of different lengths side by side."""
        return Batch(self._network, self._ends, self._prefixes) if self._network.batches else None


class _Network:
    """``model`` with what its forward takes. Raises EngineFault for a model that keeps no state between calls.

    ``one_by_one``: a model with a recurrent state takes, after the first forward, one token at a time. ``batches``:
    texts of different lengths may be rows of one cache, told apart by mask and positions.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        takes = inspect.signature(model.forward).parameters
        name = next((name for name in ("past_key_values", "cache", "cache_params") if name in takes), None)
        if name is None:
            raise EngineFault(f"a model of the kind {type(model).__name__} keeps no state between calls")
        self._cache_name = name
        self._keeps = "logits_to_keep" in takes
        self.one_by_one = bool(getattr(model, "_is_stateful", False))
        told = name != "cache_params" and {"attention_mask", "position_ids"} <= set(takes)
        self.batches = told and not self.one_by_one and kv.can_batch(self.cache())

    def cache(self) -> Any:
        """An empty cache."""
        from transformers import DynamicCache

        return DynamicCache(config=self._model.config)

    def scores(
        self,
        tokens: Sequence[Sequence[int]] | NDArray[np.int64],
        cache: Any,
        *,
        last: int = 1,
        mask: NDArray[np.int64] | None = None,
        positions: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """The scores after each of the ``last`` tokens of each row: shape (rows, last, vocabulary).

        Shapes: tokens and positions (rows, new), mask (rows, old and new). The cache then holds the tokens too.
        Raises EngineFault where the forward fails.
        """
        import torch

        options: dict[str, Any] = {self._cache_name: cache}
        if self._keeps:
            options["logits_to_keep"] = last
        try:
            with torch.inference_mode():
                if mask is not None:
                    options["attention_mask"] = torch.tensor(mask, device=self._model.device)
                if positions is not None:
                    options["position_ids"] = torch.tensor(positions, device=self._model.device)
                output = self._model(
                    input_ids=torch.tensor(tokens, device=self._model.device), use_cache=True, **options
                )
                scores: NDArray[np.float32] = output.logits[:, -last:].float().cpu().numpy()
        except (MemoryError, torch.OutOfMemoryError) as problem:
            raise EngineFault(f"there is too little memory for {_length(cache, tokens)} tokens of context") from problem
        except (RuntimeError, IndexError, ValueError, TypeError) as problem:
            raise EngineFault(f"the model's forward failed: {_first_line(problem)}") from problem
        return scores


def _length(cache: Any, tokens: Sequence[Sequence[int]] | NDArray[np.int64]) -> int:
    """The tokens of one row: those in the cache, and new ones."""
    return int(cache.get_seq_length()) + len(tokens[0])


def _load(torch: Any, transformers: Any, folder: Path, device: str, dtype: str) -> tuple[Any, Any]:
    """Tokenizer and model. Raises ModelMissing with the first line of what transformers says."""
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    place = {} if device == "cpu" else {"device_map": device}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), output_loading_info=True, **place, **safe
        )
    except (MemoryError, torch.OutOfMemoryError) as problem:
        raise ModelMissing(f"the model in {folder} does not fit the memory of {device}: {_LESS}") from problem
    except Exception as problem:  # a folder can be wrong in any way; each library raises its own errors
        raise ModelMissing(f"the model in {folder} does not load: {_first_line(problem)}") from problem
    if absent := sorted(map(str, report["missing_keys"])):  # transformers would fill them with noise
        raise ModelMissing(
            f"the model in {folder} is not whole: weights are missing ({len(absent)}), such as {absent[0]}"
        )
    model.eval()
    return tokenizer, model


_LESS = "choose a smaller model, or --dtype bfloat16 (two bytes a weight; float32 takes four)"


def _check_memory(torch: Any, folder: Path, device: str, dtype: str) -> None:
    """Refuse what cannot fit: on a CPU the system would end the process without a word."""
    weights = parameters(folder)
    free = torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else available()
    if weights is None or free is None:
        return
    needed = weights * getattr(torch, dtype).itemsize
    if needed > free:
        raise ModelMissing(
            f"the model in {folder} has {weights / 1e9:.2g} billion weights, in {dtype} {needed / 1e9:.1f} GB; "
            f"{free / 1e9:.1f} GB can be had on {device}: {_LESS}"
        )


def _ll_tokenizer(tokenizer: Any, vocabulary: int, end: int, folder: Path) -> Any:
    from llguidance.hf import from_tokenizer

    try:
        whole = max(vocabulary, len(tokenizer))  # some tokenizers know tokens that the model has no scores for
        return from_tokenizer(tokenizer, n_vocab=whole, eos_token=end, slices=slices())
    except Exception as problem:  # llguidance raises plain ValueErrors of many kinds
        raise ModelMissing(f"the tokenizer in {folder} cannot be constrained: {_first_line(problem)}") from problem


def _first_line(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0] if lines else type(problem).__name__


def _quiet(transformers: Any) -> None:
    level = os.environ.get("AGENTSPEC_LOG_LEVEL", "ERROR").upper()
    transformers.utils.logging.set_verbosity(getattr(logging, level, logging.ERROR))
    transformers.utils.logging.disable_progress_bar()


def devices() -> list[dict[str, Any]]:
    """The devices of this machine (see `device.describe`); imports torch."""
    import torch

    return describe(torch)
