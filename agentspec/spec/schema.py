"""The JSON Schema (2020-12) of spec and agent files, made from the models that validate them."""

from __future__ import annotations

import json
from typing import Any

from agentspec.spec.model import Document

SCHEMA_FILE = "agentspec.schema.json"
FIRST_LINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"


def schema_text() -> str:
    """The schema as it is shipped in the folder of specs."""
    made = _closed(Document.model_json_schema())
    shape = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "agentspec spec or agent",
    }
    return json.dumps(shape, indent=2, ensure_ascii=False) + "\n"


def _closed(shape: Any) -> Any:
    """The schema with mappings closed to names that fit no pattern of theirs."""
    if isinstance(shape, dict):
        inner = {key: _closed(value) for key, value in shape.items()}
        return {**inner, "additionalProperties": False} if "patternProperties" in shape else inner
    return [_closed(value) for value in shape] if isinstance(shape, list) else shape
