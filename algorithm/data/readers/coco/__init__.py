"""How is COCO read? Its files, their labels, their pictures."""
