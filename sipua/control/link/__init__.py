"""Between the edge's loop and the API's: events one way, questions and orders the other."""
