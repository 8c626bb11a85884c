"""Help for agents: a reply to look over, labels to choose from, a summary to read first."""
