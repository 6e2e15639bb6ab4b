"""The bundle: one file with the server, for hosts that install such files by a click."""
