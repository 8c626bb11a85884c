"""The sign-in cookie: signed, for the server's eyes only, not sent along from other sites."""

from starlette.responses import Response

from app.settings import Settings

COOKIE_NAME = "careline_agent"
_DAY_S = 86_400


def set_cookie(response: Response, settings: Settings, value: str) -> None:
    """Hand out the cookie of a sign-in."""
    response.set_cookie(
        COOKIE_NAME,
        value,
        max_age=settings.sign_in_days * _DAY_S,
        httponly=True,
        samesite="lax",
        secure=settings.cookie_secure,
        path="/",
    )


def drop_cookie(response: Response, settings: Settings) -> None:
    """Take it back."""
    response.delete_cookie(
        COOKIE_NAME, httponly=True, samesite="lax", secure=settings.cookie_secure, path="/"
    )
