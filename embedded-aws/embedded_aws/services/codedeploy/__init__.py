"""CodeDeploy: the operations that moto lacks, complete deployment groups, and deployments that progress and end.

operations.py   the response class for all operations, composed of the classes in
groups.py       applications and deployment groups
deployments.py  deployments, as they are created, described and stopped
targets.py      what happened on each instance
revisions.py    revisions of an application
configs.py      deployment configurations
validation.py   validation of a request's fields, before any operation runs
progress.py     the progress of a deployment, which uses
notices.py      the events that deployments publish on EventBridge
deployer.py     a `Deployer` that performs each lifecycle event; the default one simulates
"""
