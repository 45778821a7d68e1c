"""Conversations with a person, several questions and jobs long."""
