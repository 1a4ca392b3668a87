"""Tests of ml, on invented shops."""
