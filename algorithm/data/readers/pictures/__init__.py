"""Which picture does an annotation mean?"""
