"""Hosts: instances as process groups of this machine, and the agent that runs CodeDeploy's bundles on them.

host.py               an instance's folder, port and environment
metadata.py           what an instance's metadata service answers, with the credentials of its role
metadata_service.py   the metadata service of each host
cloud_init.py         what user data asks for
init.py               its first process: starts, watches and restarts its services
systemctl.py          the programs that the init answers
unit_file.py          read systemd's unit files
appspec.py            what a bundle asks for
bundles.py            unpack a bundle
install.py            install its files
hooks.py              run its scripts
agent.py              run one lifecycle event on one instance
log_agent.py          send the hosts' logs to CloudWatch Logs
host_lifecycle.py     one instance with all of this, from boot to end
fleet.py              a host for every instance of every Auto Scaling group
traffic.py            take instances from their load balancer, and put them back
deployer.py           run the lifecycle events of CodeDeploy's deployments on the fleet
../services/autoscaling/launching.py   from an instance's launch until it is in service
../process_registry.py                 every process that was started, so that none outlives its server
"""
