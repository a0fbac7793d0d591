"""Server-rendered pages: Jinja2 and htmx, vendored, no build step."""
