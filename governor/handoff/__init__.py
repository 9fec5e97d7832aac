"""A bounded task given to the other lane's own client: started, watched, judged strictly, and told of once.

One private folder per handoff (``handoffs/<id>`` in the state folder) holds a record, a lock and, while the client has
not ended, the brief. No words of the task or of the client outlive the run here; the client's transcript is its own.
"""
