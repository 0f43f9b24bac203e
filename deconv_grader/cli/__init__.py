"""The command line `deconv`: the learner's half, the teacher's half, watch, and the notebook cell's other half.

May import everything; nothing imports it.
"""
