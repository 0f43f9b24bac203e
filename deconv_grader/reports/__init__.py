"""Every format in which a result is told: one file a format.

May import `grading` and what it imports.
"""
