"""`/docs`: the OpenAPI as one page, made here: it loads nothing from anywhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #8881; padding: .6rem; overflow-x: auto }
h2 { margin-top: 2.5rem } h3 { margin: 2rem 0 .3rem } p { margin: .3rem 0 } dt { margin-top: .3rem }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8bf } }
"""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}


def page(openapi: Mapping[str, Any]) -> str:
    """Return the page."""
    title = f"{openapi['info']['title']} {openapi['info']['version']}"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    about = f"<h1>{escape(title)}</h1><p>{escape(openapi['info']['description'])}</p>"
    machine = '<p><a href="/openapi.json">openapi.json</a> says the same for programs.</p>'
    return "\n".join([head, about, machine, *_calls(openapi), "</html>"])


def _calls(openapi: Mapping[str, Any]) -> Iterator[str]:
    shown = ""
    for path, methods in openapi["paths"].items():
        for method, call in methods.items():
            if (tag := call.get("tags", [""])[0]) != shown:
                shown = tag
                yield f"<h2>{escape(tag)}</h2>"
            yield f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(call.get('description', ''))}</p>"
            yield from _takes(openapi, call)


def _takes(openapi: Mapping[str, Any], call: Mapping[str, Any]) -> Iterator[str]:
    for one in call.get("parameters", ()):
        told = one.get("description") or one["schema"].get("description", "")
        yield f"<dt><code>{escape(one['name'])}</code> <small>{escape(one['in'])}</small> {escape(told)}</dt>"
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    for schema in _choices(openapi, content.get("schema", {})):
        fields = "".join(_field(name, one, schema) for name, one in schema.get("properties", {}).items())
        yield f"<p>{escape(schema.get('description', 'Body'))}</p><dl>{fields}</dl>"


def _choices(openapi: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that a body may be."""
    if reference := schema.get("$ref"):
        yield openapi["components"]["schemas"][reference.rpartition("/")[2]]
    for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _choices(openapi, choice)


def _field(name: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    needed = " <small>required</small>" if name in schema.get("required", ()) else ""
    inside = "".join(_field(inner, one, field) for inner, one in field.get("properties", {}).items())
    below = f"<dd><dl>{inside}</dl></dd>" if inside else ""
    return f"<dt><code>{escape(name)}</code>{needed} {escape(field.get('description', ''))}</dt>{below}"
