"""Grading one's own copy, one submission, a class; what is kept of it.

May import `checks`, `isolation` and what these import.
"""
