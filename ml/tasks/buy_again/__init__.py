"""Buy-again: which products of their own history shoppers put into their next basket."""
