"""What a request costs: the service beside reference servers, on one machine, in one run."""
