"""Other systems that run tasks: an adapter for each, over the same entry point."""
