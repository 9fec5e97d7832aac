"""The status line: official figures from its stdin, one line back, and the line that the user had before."""
