"""What factor12 costs, measured beside what it could have been built on. Run by `make bench`."""
