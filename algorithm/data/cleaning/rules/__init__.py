"""What must hold of a box, an outline, a picture? entry_check applies the rules to an entry."""
