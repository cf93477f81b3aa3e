"""Can the judge be believed? Held against people's labels, its mean corrected by them, and watched over time."""
