"""What is remembered: units of work over SQLite or PostgreSQL.

A unit of work is an ``async def`` whose first argument is a :class:`~storage.database.Tx` and which awaits nothing
else. Each module here that is named for a table holds its units; ``database`` says how they run and ``records`` holds
the words that every layer speaks.
"""
