"""Packs as their authors meet them: read TOML, check it, compile it, explain it, compare two of them.

What a pack is and how to write one: docs/packs.md. Devices never see any of this; they get the compiled bytes, check them
again (`headway_edge.core.pack`) and run them. Nothing here needs the server's database or web libraries.
"""
