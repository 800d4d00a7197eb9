"""Scaling policies of Auto Scaling groups, executed by alarms or manually.

`operations` implements the API calls, `policies` stores the policies, and `tracking` manages the alarms of target
tracking. `triggered` executes a policy with the arithmetic of `adjusting`, and `capacity` changes the group, within
its limits, cooldown and warm-up.
"""
