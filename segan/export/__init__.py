"""From a trained model to a bundle that runs without torch, compared with the original on real images."""
