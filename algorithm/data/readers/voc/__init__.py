"""How is PASCAL VOC read? Its files, their labels, their pictures."""
