"""What should be changed next, and by how much?"""
