"""For those who maintain the course: the pieces of an exercise and of a chapter, what is missing, and new skeletons.

May import the rooms below: checks, answers, values. Works in a checkout only.
"""
