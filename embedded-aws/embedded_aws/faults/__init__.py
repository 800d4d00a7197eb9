"""Fault injection for tests and game days.

rules.py                       what a fault rule can say
store.py                       the active rules, and which calls and events they hit
errors.py                      throttling and server errors in the words of each service
hooks.py                       lifecycle events of CodeDeploy that fail
outages.py                     lost instances and zones, stored in the account
../server/fault_validation.py  whether the operation or event of a rule exists
../server/fault_injection.py   calls that fail
../server/game_day.py          the control API's operations
../cli/faults.py               `runbook local fault …` and related commands
"""
