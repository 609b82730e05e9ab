"""How are the findings shown, to people and to the platform?"""
