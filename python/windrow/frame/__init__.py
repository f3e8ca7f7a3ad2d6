"""The pandas-like face: lazy frames and columns over one engine."""
