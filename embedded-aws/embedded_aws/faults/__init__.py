"""Trouble on request, for tests and game days.

rules.py     what may be asked for
names.py     whether what a rule names exists
book.py      the rules at work, and whom they hit
errors.py    throttling and server errors as each service words them
wire.py      calls spoiled on their way in or out
hooks.py     lifecycle events of CodeDeploy that fail
outages.py   instances and zones that are lost, kept in the account
game_day.py  what the control door does of all this
commands.py  `runbook local fault …` and its neighbours
"""
