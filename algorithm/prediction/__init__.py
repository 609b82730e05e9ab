"""What does a trained model see in these pictures?"""
