"""Pictures for the pages of this project: text stays text, on a light page and on a dark one."""
