"""The invented departments and aisles, and what stands in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """One department of the shop.

    Attributes
    ----------
    name
        Its name in departments.csv.
    repeat_level
        How much more (1) or less (-1) than usual its products are bought again.
    aisles
        Its aisles: the name in aisles.csv and the two nouns of the products that stand there.
    """

    name: str
    repeat_level: float
    aisles: dict[str, tuple[str, str]]


DEPARTMENTS = (
    Department(
        "fruit and vegetables",
        1.0,
        {
            "apples and pears": ("Apples", "Pears"),
            "bananas and tropical fruit": ("Bananas", "Mangoes"),
            "berries and grapes": ("Blueberries", "Grapes"),
            "leafy greens and herbs": ("Baby Spinach", "Parsley"),
            "roots and onions": ("Carrots", "Onions"),
            "tomatoes and peppers": ("Tomatoes", "Bell Peppers"),
            "washed and cut produce": ("Salad Bowl", "Melon Chunks"),
        },
    ),
    Department(
        "dairy counter",
        1.0,
        {
            "fresh milk": ("Milk", "Buttermilk"),
            "yoghurt and kefir": ("Yoghurt", "Kefir"),
            "hard cheese": ("Cheddar", "Gouda"),
            "soft cheese": ("Mozzarella", "Ricotta"),
            "butter and spreads": ("Butter", "Margarine"),
            "hen eggs": ("Brown Eggs", "White Eggs"),
            "cream and desserts": ("Whipping Cream", "Rice Pudding"),
        },
    ),
    Department(
        "bread and pastry",
        0.6,
        {
            "sliced bread": ("Sandwich Bread", "Rye Bread"),
            "rolls and buns": ("Dinner Rolls", "Burger Buns"),
            "flatbread and wraps": ("Tortillas", "Pita"),
            "bagels and muffins": ("Bagels", "Muffins"),
            "cakes and tarts": ("Lemon Tart", "Pound Cake"),
            "morning pastry": ("Croissants", "Cinnamon Swirls"),
            "gluten-free baking": ("Gluten-Free Loaf", "Gluten-Free Brownies"),
        },
    ),
    Department(
        "cold drinks",
        0.5,
        {
            "still and sparkling water": ("Sparkling Water", "Spring Water"),
            "lemonade and cola": ("Cola", "Lemonade"),
            "fruit juice": ("Orange Juice", "Apple Juice"),
            "plant drinks": ("Oat Drink", "Almond Drink"),
            "sport and energy": ("Energy Drink", "Electrolyte Drink"),
            "iced tea and coffee": ("Iced Tea", "Cold Brew"),
            "syrups and concentrates": ("Elderflower Syrup", "Ginger Concentrate"),
        },
    ),
    Department(
        "hot drinks",
        0.3,
        {
            "ground coffee": ("Ground Coffee", "Espresso"),
            "coffee beans and pods": ("Coffee Beans", "Coffee Pods"),
            "black and green tea": ("Black Tea", "Green Tea"),
            "herbal infusions": ("Chamomile Tea", "Peppermint Tea"),
            "cocoa and malt": ("Cocoa Powder", "Malt Drink"),
            "creamers": ("Coffee Creamer", "Condensed Milk"),
        },
    ),
    Department(
        "freezer",
        0.0,
        {
            "ice cream tubs": ("Ice Cream", "Frozen Custard"),
            "ice lollies": ("Fruit Lollies", "Ice Cream Bars"),
            "frozen vegetables": ("Frozen Peas", "Frozen Broccoli"),
            "frozen fruit": ("Frozen Cherries", "Smoothie Mix"),
            "pizza from the freezer": ("Pizza", "Calzone"),
            "frozen ready meals": ("Lasagne Tray", "Curry Bowl"),
            "waffles and pancakes": ("Frozen Waffles", "Frozen Pancakes"),
        },
    ),
    Department(
        "meat and fish",
        0.3,
        {
            "poultry": ("Chicken Breast", "Turkey Mince"),
            "beef and lamb": ("Ground Beef", "Lamb Chops"),
            "pork and sausages": ("Bacon", "Pork Sausages"),
            "fresh fish": ("Salmon Fillet", "Cod Loin"),
            "shellfish": ("Shrimp", "Mussels"),
            "meatless cuts": ("Tofu", "Veggie Burgers"),
            "smoked and cured": ("Smoked Trout", "Cured Ham"),
        },
    ),
    Department(
        "delicatessen",
        0.3,
        {
            "sliced meats": ("Roast Turkey Slices", "Salami"),
            "olives and antipasti": ("Olives", "Artichoke Hearts"),
            "dips and hummus": ("Hummus", "Guacamole"),
            "prepared salads": ("Potato Salad", "Coleslaw"),
            "chilled soup": ("Chilled Tomato Soup", "Chilled Lentil Soup"),
            "lunch boxes": ("Snack Box", "Sushi Box"),
            "chilled pasta": ("Fresh Ravioli", "Fresh Tagliatelle"),
        },
    ),
    Department(
        "crisps and sweets",
        0.2,
        {
            "crisps": ("Potato Crisps", "Vegetable Crisps"),
            "crackers and crispbread": ("Crackers", "Crispbread"),
            "popcorn and pretzels": ("Popcorn", "Pretzels"),
            "nuts and dried fruit": ("Almonds", "Raisins"),
            "chocolate": ("Chocolate Bar", "Chocolate Truffles"),
            "biscuits": ("Oat Biscuits", "Shortbread"),
            "gums and toffees": ("Fruit Gums", "Toffees"),
        },
    ),
    Department(
        "cereals and bars",
        0.3,
        {
            "flakes and puffs": ("Corn Flakes", "Rice Puffs"),
            "muesli and granola": ("Muesli", "Granola"),
            "porridge oats": ("Rolled Oats", "Porridge Pot"),
            "cereal bars": ("Cereal Bars", "Protein Bars"),
            "pancake mixes": ("Pancake Mix", "Waffle Mix"),
            "breakfast spreads": ("Peanut Butter", "Strawberry Jam"),
        },
    ),
    Department(
        "pasta and grains",
        -0.2,
        {
            "dried pasta": ("Spaghetti", "Penne"),
            "rice": ("Basmati Rice", "Risotto Rice"),
            "noodles": ("Ramen Noodles", "Rice Noodles"),
            "pulses": ("Red Lentils", "Dried Chickpeas"),
            "ancient grains": ("Quinoa", "Bulgur"),
            "pasta sauces": ("Tomato Sauce", "Pesto"),
        },
    ),
    Department(
        "tins and jars",
        -0.2,
        {
            "tinned tomatoes": ("Chopped Tomatoes", "Tomato Paste"),
            "tinned beans": ("Black Beans", "Kidney Beans"),
            "tinned fish": ("Tuna Chunks", "Sardines"),
            "soups and stocks": ("Vegetable Stock", "Mushroom Soup"),
            "pickles": ("Pickled Gherkins", "Sauerkraut"),
            "tinned fruit": ("Peach Slices", "Pineapple Rings"),
        },
    ),
    Department(
        "cooking and baking",
        -0.9,
        {
            "oils": ("Olive Oil", "Sunflower Oil"),
            "vinegars and dressings": ("Balsamic Vinegar", "Caesar Dressing"),
            "herbs and spices": ("Ground Cumin", "Smoked Paprika"),
            "salt and sugar": ("Sea Salt", "Cane Sugar"),
            "flour and yeast": ("Wheat Flour", "Dry Yeast"),
            "baking extras": ("Vanilla Extract", "Baking Chocolate"),
        },
    ),
    Department(
        "sauces",
        -0.6,
        {
            "ketchup and mustard": ("Ketchup", "Mustard"),
            "mayonnaise": ("Mayonnaise", "Aioli"),
            "hot sauces": ("Hot Sauce", "Chilli Paste"),
            "marinades": ("Barbecue Marinade", "Teriyaki Marinade"),
            "gravy and stock pots": ("Gravy Granules", "Stock Pots"),
            "honey and molasses": ("Honey", "Molasses"),
        },
    ),
    Department(
        "kitchens of the world",
        -0.4,
        {
            "east asian shelf": ("Soy Sauce", "Miso Paste"),
            "south asian shelf": ("Mango Chutney", "Poppadoms"),
            "mexican shelf": ("Salsa", "Taco Shells"),
            "mediterranean shelf": ("Stuffed Vine Leaves", "Tahini"),
            "eastern european shelf": ("Buckwheat", "Beet Soup"),
            "caribbean shelf": ("Jerk Seasoning", "Plantain Chips"),
        },
    ),
    Department(
        "wine and beer",
        0.1,
        {
            "red wine": ("Merlot", "Shiraz"),
            "white wine": ("Riesling", "Chardonnay"),
            "lager and ale": ("Lager", "Pale Ale"),
            "cider": ("Dry Cider", "Pear Cider"),
            "gin and rum": ("Gin", "Rum"),
            "alcohol-free": ("Alcohol-Free Beer", "Alcohol-Free Sparkling"),
        },
    ),
    Department(
        "little ones",
        0.3,
        {
            "nappies and wipes": ("Nappies", "Baby Wipes"),
            "infant milk": ("Infant Formula", "Follow-On Milk"),
            "purees and pouches": ("Pear Puree", "Vegetable Pouch"),
            "toddler snacks": ("Toddler Puffs", "Rice Rusks"),
            "baby bath": ("Baby Shampoo", "Baby Lotion"),
            "feeding": ("Feeding Bottle", "Bibs"),
        },
    ),
    Department(
        "animal companions",
        0.2,
        {
            "dog food": ("Dog Food", "Dog Chews"),
            "cat food": ("Cat Food", "Cat Treats"),
            "cat litter": ("Cat Litter", "Litter Liners"),
            "birds and small pets": ("Bird Seed", "Hamster Food"),
            "fish keeping": ("Fish Flakes", "Aquarium Filter"),
            "pet toys": ("Rope Toy", "Catnip Mouse"),
        },
    ),
    Department(
        "body and health",
        -0.8,
        {
            "soap and shower": ("Hand Soap", "Shower Gel"),
            "hair": ("Shampoo", "Conditioner"),
            "teeth": ("Toothpaste", "Mouthwash"),
            "vitamins": ("Vitamin C Tablets", "Magnesium Capsules"),
            "plasters and lozenges": ("Plasters", "Throat Lozenges"),
            "shaving and skin": ("Razor Blades", "Face Cream"),
        },
    ),
    Department(
        "cleaning and paper",
        -0.5,
        {
            "washing liquids": ("Laundry Liquid", "Fabric Softener"),
            "dishes": ("Dish Soap", "Dishwasher Tablets"),
            "surface cleaners": ("All-Purpose Cleaner", "Glass Cleaner"),
            "kitchen and toilet paper": ("Paper Towels", "Toilet Paper"),
            "bags and foil": ("Bin Bags", "Aluminium Foil"),
            "air fresheners": ("Room Spray", "Scented Candle"),
        },
    ),
    Department(
        "home and garden",
        -1.0,
        {
            "batteries and bulbs": ("Batteries", "Light Bulbs"),
            "cookware": ("Frying Pan", "Baking Tin"),
            "tableware": ("Paper Plates", "Drinking Glasses"),
            "stationery": ("Notebook", "Gel Pens"),
            "flowers and plants": ("Tulips", "Potted Basil"),
            "party goods": ("Balloons", "Birthday Candles"),
        },
    ),
)
