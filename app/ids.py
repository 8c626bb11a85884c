"""Identifiers: UUIDs of version 7, so that primary keys grow with time (RFC 9562, 5.7)."""

import secrets
import time
from uuid import UUID

_RANDOM_BITS = 74


def new_id() -> UUID:
    """A fresh id: 48 bits of milliseconds, then 74 random bits around version and variant."""
    random_bits = secrets.randbits(_RANDOM_BITS)
    value = (time.time_ns() // 1_000_000) << 80
    value |= 0x7 << 76 | (random_bits >> 62) << 64
    value |= 0b10 << 62 | random_bits & ((1 << 62) - 1)
    return UUID(int=value)
