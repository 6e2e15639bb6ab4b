"""Boxes: where the programs of a repository run, so that they reach no more than that repository."""
