"""The REST API: each operation is described where it stands; `document` tells it all."""
