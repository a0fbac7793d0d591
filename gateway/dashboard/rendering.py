"""Templates to responses: the one place where a page gets its safety.

Markup is escaped, an undefined name is an error, and every string a template writes out has its
invisible characters shown first. Every response carries a content policy under which nothing but
our own files loads and no inline script or style runs.
"""

from __future__ import annotations

from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from gateway.dashboard.assets import load_assets
from gateway.dashboard.text import plain, ticked

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with `no-referrer` a form of ours would come from `null`
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

ASSETS = load_assets()


def _finalize(value: Any) -> Any:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_environment = Environment(
    loader=PackageLoader("gateway.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_known_to_templates = cast("dict[str, object]", _environment.globals)
_known_to_templates.update(assets=ASSETS, ticked=ticked)


def render(template: str, **values: object) -> Markup:
    """One template, as markup that another may include."""
    return Markup(_environment.get_template(template).render(values))  # noqa: S704  # autoescaped


def page(html: Markup, status: int = 200) -> Response:
    """A page, with all its guards."""
    return Response(str(html), status, media_type="text/html", headers=PAGE_HEADERS)


def asset(name: str) -> Response | None:
    """One of our own files; None when there is none of this name."""
    found = ASSETS.get(name)
    if found is None:
        return None
    headers = {**PAGE_HEADERS, "cache-control": "private, max-age=31536000, immutable"}
    return Response(found.body, media_type=found.type, headers=headers)
