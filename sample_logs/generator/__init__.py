"""Makes the sample logs: the plan, the weather of each day, what is asked, what comes of it, and what is said of it."""
