"""Of two who change a subscription at once neither overwrites the other; on both databases."""

import asyncio

from tests.api_client import Api, told


async def test_of_those_who_change_the_same_state_one_does(api: Api) -> None:
    http = await api.client()
    new = {"name": "CRM", "url": "https://crm.example/hook"}
    path = f"/v1/webhooks/{told(await http.post('/v1/webhooks', json=new), 201)['id']}"
    tag = {"If-Match": (await http.get(path)).headers["ETag"]}

    answers = await asyncio.gather(
        *(http.patch(path, json={"name": f"CRM {n}"}, headers=tag) for n in range(4))
    )

    assert sorted(one.status_code for one in answers) == [200, 412, 412, 412]
