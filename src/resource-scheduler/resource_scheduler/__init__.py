"""Decides where and when sessions run and how many workers exist."""
