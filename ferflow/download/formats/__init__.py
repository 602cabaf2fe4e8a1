"""The forms in which data sets come, a module each.

A format's module has `LOOKS_FOR`, what it looks for in a person's words; `recognises(files)`,
whether these files are of its form; and `read(files)`, what it makes of them (`Found`).
`ferflow.download.recognition` asks them one after the other.
"""
