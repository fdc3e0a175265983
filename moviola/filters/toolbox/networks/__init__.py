"""Networks of users: ONNX files, what may be in one, and how it is asked."""
