"""What a learner wrote, as text: found, read, replaced, and read from submissions of every layout. Nothing here runs it.

May import `values`.
"""
