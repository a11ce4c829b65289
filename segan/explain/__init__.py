"""Maps that show why: realism, entropy, variance over views, Grad-CAM, occlusion; side by side for each image."""
