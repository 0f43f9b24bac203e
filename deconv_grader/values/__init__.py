"""What passes between a check and a learner's code: arrays, tensors, modules, handles, calls, failures, clean text.

Imports nothing of the grader.
"""
