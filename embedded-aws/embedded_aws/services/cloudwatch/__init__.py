"""CloudWatch alarms that are evaluated and run their actions; moto only stores them.

`datapoints` aggregates the data that put_metric_data stored, `evaluation` derives the state of an alarm from them, and
`reasons` describes it. `evaluator` does this for every alarm at each tick. `states` changes the state and records it in
the `history`, and `actions` runs the actions of an alarm: `notifications` to SNS, and scaling policies.
Composite alarms and alarms on metric math are stored, not evaluated.
"""
