"""CodeDeploy: the operations that moto lacks, groups that read back whole, deployments that come to an end.

operations.py   the response class that AWS's clients talk to; its parts are
groups.py       applications and deployment groups
deployments.py  deployments, as they are created, described and stopped
targets.py      what happened on each instance
revisions.py    revisions of an application
configs.py      deployment configurations
refusals.py     what is refused for how it is written, before any of them is asked
progress.py     how a deployment goes on by itself; it asks
deployer.py     a `Deployer` to perform each lifecycle event: today one that only simulates
"""
