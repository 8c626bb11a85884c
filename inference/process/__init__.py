"""What only the engine process and its clients need: frames, sockets, admission, journals."""
