"""The interface's description as a page without scripts, made of its OpenAPI document: nothing is loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_CSS = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 900px; margin: 0 auto; padding: 24px 16px 80px; }
h1 { font-size: 24px; } h2 { font-size: 15px; text-transform: uppercase; letter-spacing: .05em; margin-top: 36px; }
details { border: 1px solid #8884; border-radius: 10px; margin: 8px 0; padding: 8px 14px; }
summary { cursor: pointer; } summary b { display: inline-block; width: 4.6em; }
code, pre { font: 14px/1.45 ui-monospace, monospace; } pre { overflow-x: auto; background: #8881; padding: 10px;
border-radius: 8px; } table { border-collapse: collapse; } td { padding: 2px 14px 2px 0; vertical-align: top; }
"""


def page(openapi: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI 3.1 document as FastAPI writes it."""
    groups: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["server"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation))
    schemas = openapi["components"]["schemas"]
    models = [
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_said(schema)}'
        f"<pre>{escape(json.dumps(schema, indent=1, ensure_ascii=False))}</pre></details>"
        for name, schema in schemas.items()
    ]
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    info = openapi["info"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_CSS}</style><h1>{escape(info["title"])}</h1>'
        f"<p>{escape(info['description'])}</p>"
        f'<p>For machines: <a href="openapi.json">openapi.json</a></p>'
        f"{body}<h2>schemas</h2>{''.join(models)}</html>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}<td>{_type(one['schema'])}"
        f"<td>{escape(one.get('description', ''))}"
        for one in operation.get("parameters", ())
    ]
    sent = [
        f"<p>Body: {escape(kind)}, {_type(content['schema'])}"
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    ]
    replies = [
        f"<tr><td>{escape(status)}<td>{escape(reply['description'])}<td>"
        + ", ".join(f"{escape(kind)} {_type(content.get('schema', {}))}" for kind, content in _content(reply))
        for status, reply in operation["responses"].items()
    ]
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(_first_line(operation))}</summary>"
        f"{_said(operation)}<table>{''.join(rows)}</table>{''.join(sent)}<p>Replies:<table>{''.join(replies)}</table>"
        "</details>"
    )


def _content(reply: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(reply.get("content", {}).items())


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{escape(name)}"><code>{escape(name)}</code></a>'
    if "items" in schema:
        return "list of " + _type(schema["items"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    return escape(str(schema.get("type", "")))


def _first_line(operation: Mapping[str, Any]) -> str:
    return str(operation.get("description", "")).partition("\n")[0]


def _said(about: Mapping[str, Any]) -> str:
    return f"<p>{escape(str(about.get('description', '')))}"
