"""Many runs as one experiment: which there are, running them one by one, and what they say together."""
