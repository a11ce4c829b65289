"""From an image to a mask: load a model, predict an image of any size, predict folders."""
