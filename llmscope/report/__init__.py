"""Reports: many answers of one opening of the logs, put together as a readable description (a template) says."""
