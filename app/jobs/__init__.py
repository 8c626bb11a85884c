"""Work for later: stored with what made it necessary, done once by one of the workers."""
