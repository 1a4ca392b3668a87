"""The constants of the simulation, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ShopSettings:
    """How the invented shop and its shoppers behave.

    "Fitted" means: chosen so that the shop's marginals meet those of the Instacart 2017 data.
    """

    # Catalogue
    full_products: int = 50_000  # the real catalogue has just under 50,000 products
    full_users: int = 206_209  # shoppers of the real data, for which the catalogue is that long
    catalogue_growth: float = 0.25  # 16 times the shoppers see twice the products
    aisle_size_spread: float = 0.7  # some aisles hold ten times more products than others
    popularity_exponent: float = 0.85  # Zipf-Mandelbrot tail: most products sell rarely
    popularity_shift: float = 8.0  # ... and no single product takes over 2 % of all lines
    aisle_repeat_spread: float = 0.3  # repeat purchases differ between aisles ...
    product_repeat_spread: float = 1.35  # ... and between products: one-shot articles and staples
    popular_repeat_gain: float = 0.4  # what sells often is bought again more often
    product_cycle_days: float = 12.0  # median time until a product is used up
    product_cycle_spread: float = 0.6  # milk lasts some days, spices for months

    # Shoppers
    shortest_tenure: int = 4  # the real data hold shoppers with 4 to 100 orders
    longest_tenure: int = 100
    median_extra_orders: float = 6.4  # fitted: median of 10 orders, mean of 16
    tenure_spread: float = 1.26  # fitted: quartiles 6 and 18, p90 near 35
    train_share: float = 0.6363  # 131,209 of 206,209 last orders
    basket_mean: float = 10.0  # fitted, lines of an order
    basket_user_shape: float = 3.0  # gamma: large and small households
    basket_order_shape: float = 4.0  # gamma: weekly shop and small top-up of one household
    novelty_level: float = 1.08  # fitted: logit of the share of new products in the second order
    novelty_decline: float = 0.81  # fitted: logits lost per e-fold of earlier orders
    novelty_user_spread: float = 1.1  # explorers and creatures of habit
    novelty_tenure: float = 0.1  # loyal shoppers explore less, logits per e-fold of tenure
    novelty_order_spread: float = 0.6  # some orders repeat, others explore
    largest_repertoire: float = 0.3  # share of the catalogue that one shopper can ever try
    favourite_aisles: int = 10  # tastes: a shopper returns to a handful of aisles
    favourite_share: float = 0.5  # share of first purchases that come from them

    # Visits
    gap_days: float = 365.0  # the shop's records span about a year ...
    gap_offset: float = 10.0  # ... and short histories are not only slow ones; fitted
    gap_user_spread: float = 0.45  # shoppers with as many orders still differ in pace
    gap_shape: float = 2.0  # gamma: an interval is about as irregular as in the real data
    longest_gap: int = 30  # the files cap the interval at 30 days
    weekday_loyalty: float = 0.45  # share of orders moved to the shopper's favourite weekday
    moving_gap: int = 4  # ... unless the interval is so short that nothing is moved
    first_weekdays: float = 2.0  # the two first days of the week are the busiest, by this factor
    hour_mean: float = 13.4  # mean hour of day
    hour_user_spread: float = 3.0  # early birds and night owls
    hour_order_spread: float = 2.8  # one shopper's hours

    # Choice of what is bought again
    taste_spread: float = 1.3  # one shopper's staple is another's mistake
    pair_cycle_spread: float = 0.3  # households use up the same product at different speeds
    not_due: float = 0.07  # wish for a product that was bought moments ago, of 1 when due
    interest_orders: float = 20.0  # mean number of orders until a shopper tires of a product
    lapsed: float = 0.03  # wish that is left then
    cart_habit: float = 0.45  # how much earlier a habitual item comes into the cart
    cart_appeal: float = 0.1  # ... and how much earlier the better liked of them
