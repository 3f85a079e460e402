"""Values validated against a JSON Schema by `jsonschema`, for the keywords that texts need not keep to.

Numbers are compared as decimals, as everywhere here. Formats are asserted where `jsonschema` can. Nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentspec.content.numbers import decimal_of
from agentspec.content.schema_settings import JsonSchema, plain


def violation(schema: JsonSchema | Mapping[str, Any] | bool, text: str) -> str | None:
    """Where and why a JSON text is not valid under a schema, None where it is.

    Text that is no JSON is not valid; a schema on which validation itself fails (such as by a reference that leads
    nowhere) validates nothing.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry

    raw = _exact(plain(schema))
    kind = validator_for(raw, default=Draft202012Validator)
    validator = kind(raw, format_checker=kind.FORMAT_CHECKER, registry=Registry())
    try:
        value = json.loads(text, parse_float=Decimal)
        error = best_match(validator.iter_errors(value))
    except RecursionError:
        return "nested too deeply to be validated"
    except BaseException as problem:  # no JSON, or whatever a broken schema makes of the validator
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":  # of a library in Rust
            raise
        return f"cannot be validated: {type(problem).__name__}: {problem}"
    return None if error is None else f"{error.json_path}: {error.message}"


def _exact(value: Any) -> Any:
    """The schema with decimals in place of floats."""
    if isinstance(value, Mapping):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    return (decimal_of(value) or Decimal(0)) if isinstance(value, float) else value
