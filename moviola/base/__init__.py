"""Small parts that every other package may import; they import nothing of this repository themselves."""
