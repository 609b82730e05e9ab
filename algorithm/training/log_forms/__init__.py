"""The forms of a log: this project's, and those of programs that jobs come from."""
