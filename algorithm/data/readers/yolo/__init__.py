"""How is YOLO read? Its files, their labels, their pictures."""
