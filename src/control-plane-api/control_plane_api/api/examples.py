"""An example of every body and answer in the OpenAPI document, made from its schema and a table of telling values.

A field gets the value of the table under its name, else its default, else the plainest value of its type. Requests
leave out what is optional and not in the table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_NAMED: Mapping[str, object] = {
    "action": "start",
    "actor": "manager",
    "after": "boot",
    "artifact_id": "01jnx1z8y7x6w5v4t3s2r1q0p9",
    "assignee": "manager",
    "at": "2026-03-02T08:45:12Z",
    "body": "Workers in us-east-1 restart at 18:00.",
    "bucket": "exam-ccnp-encor-v1-lab-1",
    "claim_id": "01jnx3k9w7q8r6t5v4b3n2m1k0-1",
    "command": "cancel",
    "correlation_id": "9f2c1a",
    "created_by": "manager",
    "dedup_key": "worker:01jnx2c7d8e9f0a1b2c3d4e5f6:unreachable",
    "definition_id": "01jnx1a2b3c4d5e6f7g8h9j0k1",
    "department": "north",
    "description": "Two routers that exchange routes.",
    "duration_minutes": 60,
    "email": "learner@example.com",
    "end": "2026-03-02T10:00:00Z",
    "endpoint": "https://198.51.100.17",
    "form_qualified_name": "exam ccnp encor v1 lab 1",
    "host": "198.51.100.17",
    "id": "01jnx3k9w7q8r6t5v4b3n2m1k0",
    "identity": "worker-controller-0",
    "instance_id": "i-0abc1234def567890",
    "instance_type": "m5zn.metal",
    "lab_id": "5f0c6a3e",
    "max_score": 100.0,
    "message": "Every device of the lab has booted.",
    "minutes": 30,
    "name": "two-routers",
    "need_id": "01jnx2b1m2n3p4q5r6s7t8v9w0",
    "node_label": "r1",
    "note": "Second try after the power cut.",
    "outcome": "completed",
    "owner": "learner",
    "password": "correct horse battery staple",  # pragma: allowlist secret
    "port": 2001,
    "reason": "Maintenance",
    "region": "us-east-1",
    "score": 84.0,
    "semantic_version": "1.4.0",
    "sentence": "No worker in us-east-1 has 4 cores free before 09:40.",
    "service": "worker-controller",
    "session_id": "01jnx3k9w7q8r6t5v4b3n2m1k0",
    "sha256": "1f" * 32,
    "start": "2026-03-02T09:00:00Z",
    "subject": "learner",
    "template_id": "01jnx0z9y8x7w6v5t4s3r2q1p0",
    "template_name": "metal-large",
    "title": "Two routers",
    "url": "https://labs.example.com/s/8d1f",
    "username": "learner",
    "worker_id": "01jnx2c7d8e9f0a1b2c3d4e5f6",
}
_WHOLE: Mapping[str, Mapping[str, object]] = {
    "ReserveSession": {
        "definition_id": _NAMED["definition_id"],
        "slot": {"start": _NAMED["start"], "end": _NAMED["end"]},
        "note": _NAMED["note"],
    },
    "PreviewPlacement": {
        "definition_id": _NAMED["definition_id"],
        "as_soon_as_possible": True,
        "duration_minutes": _NAMED["duration_minutes"],
    },
}
"""Models with a rule between their fields."""
_OF_FORMAT: Mapping[str, str] = {
    "date-time": "2026-03-02T09:00:00Z",
    "date": "2026-03-02",
    "uri": "https://labs.example.com/",
    "binary": "",
}
_OF_PATTERN: Mapping[str, str] = {
    r"^[A-Z][A-Za-z0-9]{1,63}$": "Maintenance",
    r"^[A-Z0-9_]{1,60}$": "R1_CONSOLE",
    r"^\d{1,5}\.\d{1,5}\.\d{1,5}$": "1.4.0",
    r"^[a-z][a-z0-9-]{0,39}$": "boot",
    r"^[a-z0-9][a-z0-9-]{2,39}$": "us-east-1",
    r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$": "two-routers",
}

Schema = Mapping[str, Any]


class Examples:
    """Makes examples of the schemas of one document."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def request(self, schema: Schema) -> object:
        """A body that the platform accepts."""
        return self._of(schema, "", whole=False)

    def answer(self, schema: Schema) -> object:
        """A body that the platform sends, with every field."""
        return self._of(schema, "", whole=True)

    def _of(self, schema: Schema, name: str, *, whole: bool) -> object:
        if "$ref" in schema:
            named = schema["$ref"].rsplit("/", 1)[-1]
            if named in _WHOLE:
                return _WHOLE[named]
            return self._of(self._components[named], name, whole=whole)
        if "const" in schema:
            return schema["const"]
        if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            # What may be null is shown as it is when it is something.
            return self._of(next(each for each in choices if each.get("type") != "null"), name, whole=whole)
        if "enum" in schema:
            return schema["default"] if schema.get("default") in schema["enum"] else _preferred(schema["enum"], name)
        match schema.get("type"):
            case "object":
                return self._object(schema, whole=whole)
            case "array":
                return self._array(schema, name, whole=whole)
            case "string":
                return _text(schema, name)
            case "integer" | "number":
                return _number(schema, name)
            case "boolean":
                return schema.get("default", True)
            case _:
                return {}

    def _object(self, schema: Schema, *, whole: bool) -> object:
        required = schema.get("required", ())
        made = {
            field: self._of(inner, field, whole=whole)
            for field, inner in schema.get("properties", {}).items()
            if whole or field in required or field in _NAMED
        }
        if not made and isinstance(inner := schema.get("additionalProperties"), dict):
            return {"purpose": self._of(inner, "", whole=whole)}
        return made

    def _array(self, schema: Schema, name: str, *, whole: bool) -> Sequence[object]:
        if "prefixItems" in schema:
            return [self._of(each, name, whole=whole) for each in schema["prefixItems"]]
        item = schema.get("items", {})
        return [self._of(item, name.removesuffix("s"), whole=whole)] * max(1, schema.get("minItems", 1))


def _preferred(choices: Sequence[object], name: str) -> object:
    wanted = _NAMED.get(name)
    return wanted if wanted in choices else choices[0]


def _text(schema: Schema, name: str) -> object:
    if schema.get("format") in _OF_FORMAT:
        wanted = _NAMED.get(name)
        is_time = isinstance(wanted, str) and wanted.endswith("Z")
        return wanted if is_time else _OF_FORMAT[schema["format"]]
    if pattern := schema.get("pattern"):
        return _NAMED.get(name) if name == "form_qualified_name" else _of_pattern(pattern, name)
    value = _NAMED.get(name, schema.get("default") or name.replace("_", " ") or "text")
    text = value if isinstance(value, str) else str(value)
    return text[: schema.get("maxLength", len(text))]


def _of_pattern(pattern: str, name: str) -> object:
    plain = _OF_PATTERN.get(pattern)
    return _NAMED.get(name, "text") if plain is None or name in ("need_id", "claim_id", "instance_id") else plain


def _number(schema: Schema, name: str) -> object:
    wanted = _NAMED.get(name, schema.get("default"))
    if not isinstance(wanted, int | float):
        wanted = schema.get("minimum", 1)
    return min(wanted, schema.get("maximum", wanted))
