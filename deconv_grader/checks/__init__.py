"""What a test file uses, and what becomes of it: running, comparing, explaining, known mistakes, results.

May import `answers` and `values`, never `isolation`: a check does not know where the learner's code runs.
"""
