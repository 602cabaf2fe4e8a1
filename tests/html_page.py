"""What a page of HTML asks for, told by its tags."""

from html.parser import HTMLParser

VOID = frozenset({"meta", "img", "br", "wbr"})
ASKING = ("src", "href", "xlink:href", "srcset", "action", "data")


class Page(HTMLParser):
    """The addresses that a page asks for, its ids, its links to them and its tags.

    Tags that do not close in order fail; `open` holds those that never close.
    """

    def __init__(self, text):
        super().__init__()
        self.asked, self.open, self.ids, self.links, self.tags = [], [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        asked = [value for key, value in attrs if key in ASKING]
        self.links += [value[1:] for value in asked if value.startswith("#")]
        self.asked += [value for value in asked if not value.startswith("#")]
        self.ids += [value for key, value in attrs if key == "id"]
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    @property
    def outside(self):
        """What it needs beside its own text: addresses, and tags that bring something in."""
        return [*self.asked, *self.tags & {"script", "link", "iframe", "object", "img"}]
