"""What the command line prints: progress, tables, answers, and the JSON that other programs read.

Knows the results of every part and nothing of how they come about. Everything that comes out of a document is printed
as plain text: no markup of it is interpreted, and control characters are dropped (`plain`).
"""

from __future__ import annotations
