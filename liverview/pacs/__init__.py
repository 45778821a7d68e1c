"""Talking with a PACS: its nodes, query, retrieve and send, by DIMSE and by DICOMweb."""
