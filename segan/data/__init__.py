"""Read images and masks, scan and check datasets, split, preprocess and augment them."""
