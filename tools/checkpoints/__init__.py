"""Checkpoints: trees of the complete work tree, kept outside the repository, and put back without losing anything.

Nothing of the repository is read but its files: neither its configuration, hooks, attributes, filters nor objects play
a part, and nothing is written into its `.git`.
"""
