"""Code shared by built-in filters: boxes, detectors, tone curves, scaling, watermarks, and access to OpenCV."""
