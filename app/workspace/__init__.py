"""What a company has decided: how its bot speaks, when people answer, how long things are kept."""
