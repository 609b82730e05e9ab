"""How are objects of S3-compatible stores (OBS, S3) looked at, read, written and verified?"""
