"""One request's story: the tree of its steps, and the steps of many."""
