"""What was changed, when and by whom; entries are only ever added."""
