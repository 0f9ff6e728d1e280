"""A demo book and the main job: one premium from the import file to the bank line and the webhook."""
