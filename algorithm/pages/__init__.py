"""How does a result look to a person? HTML pages, charts, drawn boxes."""
