"""Events for other people's programs, by the Standard Webhooks specification 1.0.0.

The feed stores deliveries with what happened, the runner sends them, the routers show both. Ticket
systems (`app/connectors`) hang on the same queue.
"""
