"""A load balancer with a target group, made by plain calls."""


class Balancer:
    """A load balancer `web` over both subnets of a network, and a target group `web`."""

    def __init__(self, network):
        self.network, self.elb = network, network.aws.client("elbv2")
        self.arn = self.create()
        made = self.elb.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=network.vpc)
        self.target_group = made["TargetGroups"][0]["TargetGroupArn"]
        self.forward = {"Type": "forward", "TargetGroupArn": self.target_group}

    def create(self, **changes):
        asked = {"Name": "web", "Subnets": self.network.subnets, "SecurityGroups": [self.network.group]} | changes
        return self.elb.create_load_balancer(**asked)["LoadBalancers"][0]["LoadBalancerArn"]

    def listener(self, **asked):
        """Make one that forwards, unless said otherwise; as Elastic Load Balancing describes it."""
        asked = {"LoadBalancerArn": self.arn, "DefaultActions": [self.forward]} | asked
        return self.elb.create_listener(**asked)["Listeners"][0]

    def attributes(self):
        found = self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.arn)["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in found}

    def set(self, attributes):
        changes = [{"Key": key, "Value": value} for key, value in attributes.items()]
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.arn, Attributes=changes)
