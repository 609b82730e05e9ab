"""How is a folder kept the same as its copy in a store while a job runs?"""
