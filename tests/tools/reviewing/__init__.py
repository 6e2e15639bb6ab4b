"""Tests of what reviews are made of."""
