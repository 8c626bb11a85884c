"""What the customer reads when the word passes from one to another; pure."""


def waiting() -> str:
    """Every hand-off tells the customer, however it came about."""
    return "We have passed your conversation to our team. A person will answer you here."


def joined(agent_name: str) -> str:
    """A human has taken over."""
    return f"{agent_name} has joined the conversation."


def left(agent_name: str) -> str:
    """The human has given the conversation back."""
    return f"{agent_name} has left; the assistant answers again."
