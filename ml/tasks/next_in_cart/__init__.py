"""Next-in-cart: what shoppers put into their cart next, given what lies in it."""
