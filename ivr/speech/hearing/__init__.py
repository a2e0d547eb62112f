"""Recognition: what callers say, as typed values, in processes of their own.

`understanding` turns words into meanings, `listening` follows one caller's audio, `pool` holds the processes that do
so, and `ears` is a call's end of them.
"""
