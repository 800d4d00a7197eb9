"""Lifecycle hooks: an instance waits until its lifecycle actions are completed.

`operations` implements the API calls, `actions` manages the lifecycle actions of an instance, and `notices` notifies
the hook's target. `autoscaling/launching.py` advances launching instances, `leaving` terminating ones.
"""
