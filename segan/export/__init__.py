"""Trained networks in forms that need neither this package's networks nor SMP: programs and bundles."""
