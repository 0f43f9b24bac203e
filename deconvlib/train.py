"""``python -m deconvlib.train NAME``: train the longer version of a model. This file is the course's, no chapter of yours."""

from deconvlib.course.command import main

if __name__ == "__main__":
    raise SystemExit(main())
