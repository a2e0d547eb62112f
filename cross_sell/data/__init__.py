"""The words of cross-selling, as data files beside this module."""
