"""Instances as process groups of this machine, and the agent that executes CodeDeploy's bundles on them.

machine.py     where an instance's files are, and the environment of its processes
cloud_init.py  what user data asks for
services.py    the systemd units of it, run as plain processes
appspec.py     what a bundle asks for
bundles.py     a bundle unpacked
installing.py  its files put in their places
hooks.py       its scripts executed
agent.py       one lifecycle event on one instance
resident.py    one instance with all of this
fleet.py       an instance for every instance of every Auto Scaling group
traffic.py     instances taken from behind their load balancer and put back
deployer.py    the seam to CodeDeploy's bookkeeping
launching.py   what happens between an instance's launch and its being in service
ledger.py      every process that was started, so that none outlives its server
"""
