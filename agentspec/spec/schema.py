"""The JSON Schema (2020-12) of spec and agent files, made from the models that validate them."""

from __future__ import annotations

import json

from agentspec.spec.model import Document

SCHEMA_FILE = "agentspec.schema.json"
FIRST_LINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"


def schema_text() -> str:
    """The schema as it is shipped in the folder of specs."""
    made = Document.model_json_schema()
    shape = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "agentspec spec or agent",
    }
    return json.dumps(shape, indent=2, ensure_ascii=False) + "\n"
