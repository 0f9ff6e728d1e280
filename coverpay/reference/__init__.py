"""The reference pages of docs/, written from the code so that they cannot lie."""
