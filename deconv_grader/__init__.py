"""The grader: reads exercises, runs their checks, keeps score and reports. It trusts no learner's code.

Its rooms, each importing only those below it (import-linter holds this in ``make lint``)::

    cli        the command line
    reports    every format in which a result is told
    grading    one's own copy, a submission, a class           |   maintaining   the pieces of an exercise
    checks     running, comparing, explaining                  |   isolation     workers, sandbox, wire
    answers    what a learner wrote, as text
    values     what passes between a check and a learner's code
"""
