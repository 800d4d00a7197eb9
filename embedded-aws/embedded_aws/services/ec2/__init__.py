"""EC2: what moto does not validate, remember or take time for."""
