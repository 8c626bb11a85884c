"""What every resource of `/v1` stands on: keys, strict bodies, pages, writes that happen once."""
