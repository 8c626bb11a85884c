"""The built scripts and styles: cached for ever where the address changes with the content.

A shop on another host loads the chat as a module, which browsers fetch with CORS; these files are
public, so every origin may.
"""

from os import PathLike

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOREVER = "public, max-age=31536000, immutable"


class BuiltFiles(StaticFiles):
    """`/static`."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: object, scope: Scope, *args: object
    ) -> Response:
        """The file with the headers its address deserves."""
        response = super().file_response(full_path, stat_result, scope, *args)  # type: ignore[arg-type]  # handed through as it came
        is_hashed = "/build/" in str(scope["path"]) and "-" in str(full_path)
        if is_hashed or scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = _FOREVER
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
