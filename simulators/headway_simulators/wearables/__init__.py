"""Recordings of wearables: epochs of activity, steps and heart rate, from what devices and studies export.

`epoch_recording` is what all readers give; `reading` finds the reader for a file.
"""
