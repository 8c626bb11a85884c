"""Ticket systems of other makers: hand-offs become tickets there, replies come back.

`system.py` is the interface, a file each speaks to one system. What goes out is queued by
`app/webhooks`; what comes in is applied by `inward.py`, whether it was polled or posted.
"""
