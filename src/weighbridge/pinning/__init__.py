"""What a project has pinned: its lock file made, and made true on this machine."""
