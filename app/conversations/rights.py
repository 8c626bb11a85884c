"""Callers who may read conversations, or write in them; asked for once, whoever else asks too."""

from typing import Annotated

from app.api.keys import ApiCaller, require
from app.api.scopes import Scope

Reads = Annotated[ApiCaller, require(Scope.CONVERSATIONS_READ)]
Writes = Annotated[ApiCaller, require(Scope.CONVERSATIONS_WRITE)]
