"""The embedded "lite" set: LIBERO's objects, fixtures and scenes, made from this project's own description of them.

`harness.envs.libero.lite.generate` writes the set; the other modules describe it. Everything here is this project's: no
mesh, no picture and no text of LIBERO's own files is in it. What carries over are measured numbers (masses, inertias,
ranges of joints, sites, and the places, sizes and angles of most contact boxes, which other things' rest hangs on), and the
names that upstream's code asks for.
"""
