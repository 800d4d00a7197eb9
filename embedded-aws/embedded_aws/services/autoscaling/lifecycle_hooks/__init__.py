"""Lifecycle hooks: an Auto Scaling group holds an instance until somebody has answered for it.

`operations` answers the calls, `actions` keeps what an instance waits for, and `notices` tells the hook's target.
Launching instances are brought forward by `machines/launching.py`, terminating ones by `leaving`.
"""
