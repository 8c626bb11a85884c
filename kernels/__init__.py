"""Operations on tensors; nothing here knows a request, a block pool or a socket."""
