"""Every place at which a process touches its store, and what happens when it dies, fails or is interrupted there."""
