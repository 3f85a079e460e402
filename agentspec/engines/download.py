"""Download one model from the Hugging Face hub into its cache: a program of its own (see `hub`).

``python -m agentspec.engines.download OWNER/NAME REVISION`` says ``bytes N`` once the hub has answered; whatever goes
wrong is told in lines that begin with ``error:``. huggingface_hub finds the token, the endpoint (``HF_ENDPOINT``) and
the proxy in the environment.
"""

from __future__ import annotations

import re
import shutil
import sys
from fnmatch import fnmatchcase

from agentspec.engines.hub import HubId
from agentspec.errors import ModelMissing

UNREACHABLE = 3
"""The exit status where the network is to blame."""

SECONDS = 8.0
"""How long the hub may take to accept a connection, and to answer."""

WANTED = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "tekken.json",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/*.jinja",
)


def choose(sizes: dict[str, int]) -> list[str]:
    """The files of a repository that a model is loaded from. Raises ModelMissing where there is no model to load."""
    if "model.safetensors" in sizes:
        weights = ["model.safetensors"]
    elif "model.safetensors.index.json" in sizes:
        shards = [name for name in sizes if fnmatchcase(name, "model*.safetensors") and "/" not in name]
        weights = ["model.safetensors.index.json", *shards]
    else:
        weights = []
    if weights and "config.json" in sizes:
        return sorted([*weights, *(name for name in sizes if any(fnmatchcase(name, one) for one in WANTED))])
    kinds = {
        ".gguf": "GGUF files: download one and name its path",
        "adapter_config.json": "an adapter: merge it with its base model and save both as a folder",
        ".bin": "weights as pickle, which can hold code: convert them with save_pretrained where you trust them",
    }
    held = [told for end, told in kinds.items() if any(name.endswith(end) for name in sizes)]
    lack = "config.json" if weights else "weights as safetensors"
    raise ModelMissing(f"it has no {lack}" + (f"; it holds {held[0]}" if held else ""))


def download(repository: str, revision: str) -> None:
    """Put the files that `choose` names into the cache. Raises what huggingface_hub raises, and ModelMissing."""
    from huggingface_hub import HfApi, constants, snapshot_download

    info = HfApi().model_info(repository, revision=revision, timeout=SECONDS, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    chosen = choose(sizes)
    stored = HubId(repository).folder / "blobs"
    total = sum(
        file.size or 0
        for file in info.siblings or []
        if file.rfilename in chosen and not (stored / str(file.lfs.sha256 if file.lfs else file.blob_id)).is_file()
    )
    print(f"bytes {total}", flush=True)
    free = shutil.disk_usage(constants.HF_HUB_CACHE).free
    if total > free:
        raise ModelMissing(
            f"it takes {total / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in {constants.HF_HUB_CACHE} "
            "(HF_HUB_CACHE chooses another folder)"
        )
    snapshot_download(repository, revision=revision, allow_patterns=chosen)


def explain(problem: Exception, repository: str, revision: str) -> str:
    """What an exception means for the user; huggingface_hub's own texts run over many lines."""
    from huggingface_hub import constants, errors

    hub = re.sub("//[^/@]*@", "//", constants.ENDPOINT)  # a user's name and password are not shown
    if isinstance(problem, ModelMissing):
        return problem.message
    if _is_network(problem):
        return f"the hub at {hub} cannot be reached: {_told(problem)}"
    if isinstance(problem, errors.GatedRepoError):
        return f"it is gated: accept its terms at {hub}/{repository}, then 'hf auth login' or set HF_TOKEN"
    if isinstance(problem, errors.RevisionNotFoundError):
        return f"it has no revision '{revision}' on {hub}"
    if isinstance(problem, errors.RepositoryNotFoundError):
        return f"no such model on {hub}, or a private one: for those 'hf auth login' or set HF_TOKEN"
    return _told(problem)


def _is_network(problem: BaseException | None) -> bool:
    """Whether an error of the connection is behind it; its module depends on the version of huggingface_hub."""
    while problem is not None:
        if {"NetworkError", "TimeoutException", "ConnectionError"} & {kind.__name__ for kind in type(problem).__mro__}:
            return True
        problem = problem.__cause__
    return False


def _told(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0]}" if lines else type(problem).__name__


def main(arguments: list[str]) -> int:
    repository, revision = arguments
    try:
        download(repository, revision)
    except Exception as problem:  # the library's errors have many roots; all are told to the process that asked
        print(f"error: {explain(problem, repository, revision)}", flush=True)
        return UNREACHABLE if _is_network(problem) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
