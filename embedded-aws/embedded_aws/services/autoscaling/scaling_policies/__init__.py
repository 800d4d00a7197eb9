"""Auto Scaling policies: kept whole, and executed by alarms or by hand.

`operations` answers the calls, `policies` keeps what was put, and `tracking` has the alarms of target tracking.
`triggered` finds out what a policy wants, with the arithmetic of `adjusting`, and `capacity` changes the group, as far
as cooldown and warm-up allow.
"""
