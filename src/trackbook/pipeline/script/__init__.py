"""From steps to a script: what each cell becomes, and the text around it."""
