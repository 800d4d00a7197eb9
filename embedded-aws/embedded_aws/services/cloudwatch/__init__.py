"""CloudWatch alarms that are evaluated and act: moto stores them and never looks at them again.

`evaluation` decides a state from data points, `reasons` words it, `datapoints` makes the data points of what
put_metric_data left with moto, `watch` does this for every alarm at each heartbeat, `states` keeps what came of it and
the history, and `actions` carries out what an alarm asks for: `notifications` to SNS, scaling policies. Composite
alarms and alarms on metric math are stored, not evaluated.
"""
