"""The load balancer of the embedded AWS: requests by HTTPS to the instances' applications, and their health."""
