"""The routes in process, with a key that may do everything."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.parts import Parts
from tests.api_client import Api
from tests.factories import Shop


@pytest.fixture
async def api(parts: Parts, shop: Shop) -> AsyncIterator[Api]:
    made = Api(parts, shop)
    yield made
    await made.close()


@pytest.fixture
async def http(api: Api) -> httpx.AsyncClient:
    """Of a key with every right."""
    return await api.client()
