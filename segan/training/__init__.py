"""The training loop, its steps, and what makes a run exact to resume."""
