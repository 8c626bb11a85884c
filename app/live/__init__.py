"""Live: sockets, who listens to what, and the text of running answers."""
