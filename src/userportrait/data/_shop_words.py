"""The sample shop's words: invented names, towns, products and reviews."""

from __future__ import annotations

__all__ = [
    "ADJECTIVES",
    "BRANDS",
    "CHINESE_GIVEN",
    "CHINESE_NOUNS",
    "CHINESE_REVIEWS",
    "CHINESE_SURNAMES",
    "CITIES",
    "COUNTRIES",
    "GIVEN_FEMALE",
    "GIVEN_MALE",
    "NOUNS",
    "REVIEWS",
    "SURNAMES",
]

COUNTRIES: tuple[str, ...] = ("United Kingdom", "Germany", "France", "China", "United States")
CITIES: tuple[tuple[str, ...], ...] = (
    ("London", "Manchester", "Leeds", "Bristol", "Glasgow", "Cardiff"),
    ("Berlin", "Hamburg", "München", "Köln", "Leipzig", "Bremen"),
    ("Paris", "Lyon", "Nantes", "Lille", "Toulouse", "Nice"),
    ("Shanghai", "Beijing", "Guangzhou", "Hangzhou", "Chengdu", "Xi'an"),
    ("Chicago", "Boston", "Seattle", "Austin", "Denver", "Portland"),
)
"""Six towns for each country, from large to small."""

# Trees, birds and rivers as surnames: nobody in particular.
SURNAMES: tuple[str, ...] = (
    "Alder", "Ashgrove", "Birchley", "Brook", "Cedarholm", "Cole", "Dale", "Elmsworth", "Fenn",
    "Finch", "Glenn", "Hawthorn", "Heron", "Ivory", "Juniper", "Kestrel", "Larkin", "Linden",
    "Marsh", "Moor", "Oakes", "Pinewood", "Quill", "Reed", "Rowan", "Swift", "Thorne", "Vale",
    "Willow", "Wren",
)  # fmt: skip
GIVEN_FEMALE: tuple[str, ...] = (
    "Ada", "Bea", "Clara", "Dora", "Edith", "Flora", "Greta", "Hanna", "Ida", "June", "Kira",
    "Lena", "Mina", "Nora", "Olive", "Petra", "Rosa", "Selma", "Tilda", "Vera",
)  # fmt: skip
GIVEN_MALE: tuple[str, ...] = (
    "Abel", "Bruno", "Carl", "Dan", "Emil", "Felix", "Gus", "Hugo", "Ivo", "Jonas", "Kurt", "Leo",
    "Max", "Nils", "Otto", "Paul", "Rex", "Sven", "Theo", "Viktor",
)  # fmt: skip
CHINESE_SURNAMES: tuple[str, ...] = ("林", "江", "白", "叶", "石", "云", "米", "柳", "梅", "田")
CHINESE_GIVEN: tuple[str, ...] = (
    "小满", "谷雨", "立春", "白露", "初夏", "晚秋", "一帆", "子墨", "晓晨", "乐天",
)  # fmt: skip

BRANDS: tuple[str, ...] = (
    "Aurelo", "Bramble & Co", "Corvena", "Dunmore", "Eskil", "Fjordly", "Galanta", "Hollin",
    "Isarva", "Jorvik Works", "Kalmio", "Lumora", "Mossfield", "Norrel", "Oakhaven", "Pikku",
    "Quillon", "Riverton", "Solvane", "Tarnby", "Ulvsund", "Verdano", "Wexley", "Zephira",
)  # fmt: skip
"""Invented; three for each category, from cheap to dear."""

ADJECTIVES: tuple[str, ...] = (
    "Classic", "Compact", "Everyday", "Folding", "Handmade", "Light", "Little", "Modern", "Nordic",
    "Soft", "Striped", "Vintage",
)  # fmt: skip
NOUNS: tuple[tuple[str, ...], ...] = (
    ("teapot", "chopping board", "mixing bowl", "mug", "pan", "cake tin"),
    ("cushion", "lantern", "blanket", "picture frame", "storage box", "candle"),
    ("scarf", "jumper", "t-shirt", "dress", "jacket", "socks"),
    ("hand cream", "soap", "shampoo", "face mask", "perfume", "hair brush"),
    ("puzzle", "wooden train", "board game", "doll", "kite", "building blocks"),
    ("notebook", "novel", "cook book", "calendar", "atlas", "colouring book"),
    ("yoga mat", "water bottle", "backpack", "skipping rope", "head lamp", "bike bell"),
    ("headphones", "charger", "desk lamp", "speaker", "keyboard", "power bank"),
)
"""Six for each category."""

CHINESE_NOUNS: tuple[tuple[str, ...], ...] = (
    ("茶壶", "砧板", "打蛋盆", "马克杯", "平底锅", "蛋糕模"),
    ("抱枕", "灯笼", "毯子", "相框", "收纳盒", "蜡烛"),
    ("围巾", "毛衣", "T恤", "连衣裙", "外套", "袜子"),
    ("护手霜", "香皂", "洗发水", "面膜", "香水", "发梳"),
    ("拼图", "木头火车", "桌游", "娃娃", "风筝", "积木"),
    ("笔记本", "小说", "菜谱", "日历", "地图册", "涂色书"),
    ("瑜伽垫", "水壶", "背包", "跳绳", "头灯", "车铃"),
    ("耳机", "充电器", "台灯", "音箱", "键盘", "充电宝"),
)

REVIEWS: tuple[tuple[str, ...], ...] = (
    (
        "The {item} broke after two days. I want my money back.",
        "Very poor quality, the {item} looks nothing like the picture.",
        "Arrived late and damaged, and nobody answers my mails. Never again.",
        "Terrible smell, cheap material. A waste of money.",
    ),
    (
        "Not happy with this {item}, it feels cheap.",
        "The {item} is smaller than described and delivery was slow.",
        "Disappointing. The colour is wrong and the box was open.",
        "Works, but it is too expensive for what it is.",
    ),
    (
        "The {item} is okay, nothing special.",
        "Average quality. Delivery took a week.",
        "It does its job, but I expected more for the price.",
        "Nice colour, but the {item} is a little thin.",
    ),
    (
        "Good {item}, fast delivery.",
        "I like this {item}, good value for the price.",
        "Well made and well packed. One star off for the slow refund last time.",
        "My family likes it. Would buy again.",
    ),
    (
        "Love this {item}! Excellent quality and quick delivery.",
        "Perfect gift, beautifully packed. Highly recommended.",
        "The best {item} I ever had, worth every penny.",
        "Great service, great quality, I have already ordered another one.",
    ),
)
"""Four for each rating from 1 to 5."""

CHINESE_REVIEWS: tuple[tuple[str, ...], ...] = (
    (
        "{item}用了两天就坏了，要求退款。",
        "质量太差，{item}和图片完全不一样。",
        "物流慢，包装破损，客服不回复，再也不买了。",
        "味道刺鼻，材料很差，浪费钱。",
    ),
    (
        "对这款{item}不太满意，感觉很廉价。",
        "{item}比描述的小，发货也慢。",
        "有点失望，颜色发错了，盒子也是开的。",
        "能用，但是这个价格太贵了。",
    ),
    (
        "{item}一般般，没什么特别的。",
        "质量中等，物流等了一个星期。",
        "能用，但这个价格我期望更高。",
        "颜色不错，就是{item}有点薄。",
    ),
    (
        "{item}不错，发货很快。",
        "喜欢这款{item}，性价比高。",
        "做工好，包装也好，就是上次退款慢了点。",
        "家里人都喜欢，会再买。",
    ),
    (
        "太喜欢这款{item}了！质量很好，物流很快。",
        "送人很合适，包装精美，强烈推荐。",
        "用过最好的{item}，物超所值。",
        "服务好，质量好，已经又下了一单。",
    ),
)
