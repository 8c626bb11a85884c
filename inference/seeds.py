"""The seed of a request that names none."""

import hashlib


def seed_for(engine_seed: int, request_id: str) -> int:
    """64 bits, signed; the same engine seed and request id draw the same text."""
    digest = hashlib.sha256(f"{engine_seed}:{request_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
