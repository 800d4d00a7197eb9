"""A load balancer with a target group, created by API calls."""


class LoadBalancer:
    """A load balancer `web` over both subnets of a network, and a target group `web`."""

    def __init__(self, network):
        self.network, self.elb = network, network.aws.client("elbv2")
        self.arn = self.create()
        created = self.elb.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=network.vpc)
        self.target_group = created["TargetGroups"][0]["TargetGroupArn"]
        self.forward = {"Type": "forward", "TargetGroupArn": self.target_group}

    def create(self, **changes):
        params = {"Name": "web", "Subnets": self.network.subnets, "SecurityGroups": [self.network.group]} | changes
        return self.elb.create_load_balancer(**params)["LoadBalancers"][0]["LoadBalancerArn"]

    def create_listener(self, **changes):
        """Create a listener, by default one that forwards to the target group; return its description."""
        params = {"LoadBalancerArn": self.arn, "DefaultActions": [self.forward]} | changes
        return self.elb.create_listener(**params)["Listeners"][0]

    def attributes(self):
        attributes = self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.arn)["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in attributes}

    def set_attributes(self, attributes):
        changes = [{"Key": key, "Value": value} for key, value in attributes.items()]
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.arn, Attributes=changes)
