"""Where the files of a commit are kept, and how they get there."""
