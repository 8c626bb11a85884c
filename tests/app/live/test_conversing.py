"""A customer and an agent talk over real sockets."""

from tests.conftest import Served


async def test_a_message_is_acknowledged_and_comes_back(served: Served) -> None:
    async with served.client() as customer:
        welcome = await customer.hello()

        ack = await customer.say("Where is my parcel?")

        assert welcome["session"]
        assert welcome["conversations"] == []
        conversation_id = ack["d"]["c"]
        view = await customer.wait_for_seq(conversation_id, ack["d"]["s"])
        assert view.texts() == [("customer", "Where is my parcel?")]
