"""The API's own pages: /docs from files of ours, so that it works without a network."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.api.description import description

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Careline API</title>
<link rel="stylesheet" href="/static/vendor/swagger-ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The description of this API is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/static/vendor/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_SCRIPT = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


@router.get("/docs")
async def docs() -> HTMLResponse:
    """The REST API, to read and to try."""
    return HTMLResponse(_PAGE)


@router.get("/openapi.json")
async def openapi() -> Response:
    """The description of the API; made in a thread, so that nobody's answer waits for it."""
    return Response(await asyncio.to_thread(description), media_type="application/json")


@router.get("/docs/start.js")
async def start_script() -> Response:
    """Starts the page; the policy for scripts allows no inline one."""
    return Response(_SCRIPT, media_type="text/javascript")
