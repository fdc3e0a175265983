"""What several filters use: boxes and how they are drawn, detectors, curves, sizes, stamps, OpenCV itself."""
