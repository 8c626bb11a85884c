"""The demo shop's goods; the shop is invented and sells nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """Something in the demo shop; `art` names its picture in the template."""

    slug: str
    name: str
    line: str
    price: int
    art: str
    rating: str
    num_reviews: int
    specs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shelf:
    """Products under one heading."""

    id: str
    title: str
    products: tuple[Product, ...]


_WARRANTY = ("Warranty", "2 years from delivery")
_LONG_WARRANTY = ("Warranty", "5 years from delivery")
_LAMP_WARRANTY = ("Warranty", "3 years from delivery")

SHELVES = (
    Shelf(
        "camp",
        "For the next trip",
        (
            Product(
                "heron-2",
                "Heron 2",
                "Two-person tent for three seasons",
                289,
                "tent",
                "4.8",
                214,
                (
                    ("Sleeps", "2"),
                    ("Packed", "48 x 15 cm, 2.1 kg"),
                    ("Floor", "3,000 mm water column"),
                    _LONG_WARRANTY,
                ),
            ),
            Product(
                "kestrel-28",
                "Kestrel 28",
                "Day pack in waxed canvas",
                118,
                "pack",
                "4.7",
                163,
                (
                    ("Volume", "28 l"),
                    ("Weight", "980 g"),
                    ("Fabric", "Waxed cotton canvas"),
                    _LONG_WARRANTY,
                ),
            ),
            Product(
                "ember-one",
                "Ember One",
                "Gas stove that packs into its pot",
                64,
                "stove",
                "4.6",
                97,
                (
                    ("Boils", "1 l in 3.5 minutes"),
                    ("Weight", "340 g with pot"),
                    ("Fuel", "Screw-top gas cartridge, not included"),
                    _LAMP_WARRANTY,
                ),
            ),
            Product(
                "rook-down",
                "Rook",
                "Down jacket with a hood",
                198,
                "jacket",
                "4.8",
                301,
                (
                    ("Fill", "Recycled down, 700 cuin"),
                    ("Sizes", "XS to XXL"),
                    ("Weight", "420 g in M"),
                    _WARRANTY,
                ),
            ),
        ),
    ),
    Shelf(
        "home",
        "For the house",
        (
            Product(
                "marlow-blanket",
                "Marlow",
                "Striped wool blanket",
                92,
                "blanket",
                "4.9",
                188,
                (
                    ("Size", "140 x 200 cm"),
                    ("Material", "Lambswool"),
                    ("Care", "Wool cycle, dry flat"),
                    _WARRANTY,
                ),
            ),
            Product(
                "tarn-mugs",
                "Tarn",
                "Enamel mugs, set of two",
                38,
                "mugs",
                "4.7",
                142,
                (
                    ("Holds", "350 ml each"),
                    ("Material", "Enamelled steel"),
                    ("Care", "Dishwasher, not the microwave"),
                    _WARRANTY,
                ),
            ),
            Product(
                "lowfell-lantern",
                "Lowfell",
                "Lantern for table and tent",
                54,
                "lantern",
                "4.5",
                76,
                (
                    ("Light", "Up to 40 hours"),
                    ("Charge", "USB-C"),
                    ("Weight", "510 g"),
                    _LAMP_WARRANTY,
                ),
            ),
            Product(
                "alder-chair",
                "Alder",
                "Folding chair in ash and canvas",
                129,
                "chair",
                "4.6",
                58,
                (
                    ("Carries", "120 kg"),
                    ("Folded", "92 x 58 x 8 cm"),
                    ("Material", "Oiled ash, canvas"),
                    _WARRANTY,
                ),
            ),
        ),
    ),
)

QUESTIONS = (
    "How long does delivery take?",
    "How do I return an item?",
    "What does the warranty cover?",
)


def find_product(slug: str) -> Product | None:
    """The product of an address."""
    return next((one for shelf in SHELVES for one in shelf.products if one.slug == slug), None)
