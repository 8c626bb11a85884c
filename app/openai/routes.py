"""Routes of the dialect: strict as the rest of `/v1`, and every failure in OpenAI's shape."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.api.routes import ApiRoute
from app.openai.errors import tell


class OpenAiRoute(ApiRoute):
    """Tells failures itself: wrong keys, bodies and limits too, before they become problems."""

    takes_any_query = True
    """Other servers' clients send some, such as `api-version`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler inside."""
        own = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await own(request)
            except Exception as error:  # the edge of the request
                told = tell(error)
                return JSONResponse(told.body, status_code=told.status, headers=told.headers)

        return handle
