"""What a person is led through, several questions and jobs long."""
