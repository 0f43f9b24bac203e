"""The grader: reads exercises, runs their checks, keeps score and reports. It trusts no learner's code."""
