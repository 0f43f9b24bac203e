"""The untrusted side: workers, their sandbox, and the wire to them.

May import `answers` and `values`, never `checks`: a worker holds no tests.
"""
