"""The load balancers of the embedded AWS: they forward requests to the instances, and check their health."""
