"""A tiny vision-language-action model: picture and instruction in, action tokens out; the reference for `vla:`."""
