"""Elements with their places, read from XML without trusting it: no DTD, no entities, bounded depth and number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from reconciliation.statements.base import Problems

if TYPE_CHECKING:
    from pyexpat import XMLParserType

DEEPEST = 60
MOST_ELEMENTS = 1_500_000
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_CHILDREN: list[Node] = []
"""Of every element without any; never appended to."""


class Node:
    """One element: its name without the namespace, its text without surrounding blanks, where it starts."""

    __slots__ = ("attributes", "children", "column", "line", "name", "namespace", "text")

    def __init__(
        self,
        name: str,
        line: int,
        column: int,
        namespace: str = "",
        text: str = "",
        attributes: Mapping[str, str] = NOTHING,
    ) -> None:
        self.name = name
        self.line = line
        self.column = column
        self.namespace = namespace
        self.text = text
        self.attributes = attributes
        self.children: list[Node] = NO_CHILDREN

    def add(self, child: Node) -> None:
        """Put a child behind the others. Most elements have none, and keep no list."""
        if self.children:
            self.children.append(child)
        else:
            self.children = [child]

    def child(self, name: str) -> Node | None:
        for child in self.children:
            if child.name == name:
                return child
        return None

    def all(self, name: str) -> Iterator[Node]:
        return (child for child in self.children if child.name == name)

    def find(self, path: str) -> Node | None:
        """Give the first element down a path such as `Acct/Id/IBAN`."""
        found: Node | None = self
        for name in path.split("/"):
            if found is None:
                return None
            found = found.child(name)
        return found

    def said(self, path: str) -> str:
        """Give the text down a path; empty when there is none."""
        found = self.find(path) if "/" in path else self.child(path)
        return found.text if found is not None else ""


def report(problems: Problems, node: Node, code: str, message: str) -> None:
    """Add a problem at the place where an element starts."""
    problems.add(node.line, node.column, code, message)


def read_xml(content: bytes, problems: Problems) -> Node | None:
    """Give the root element; None, with the problem reported, for what is not plain well-formed XML."""
    target = _Target()
    parser = XMLParser(target=target, forbid_dtd=True)
    target.listen(parser.parser)
    try:
        parser.feed(content)
        parser.close()
    except _TooLarge as refused:
        problems.add(refused.line, 1, "xml_too_large", str(refused))
    except DefusedXmlException:
        line, column = _place(target)
        message = "The file declares a document type or entities, which a statement never needs."
        problems.add(line, column, "forbidden_xml", message)
    except ParseError as refused:
        line, column = refused.position
        problems.add(line, column + 1, "malformed_xml", f"The XML is not well-formed: {str(refused)[:120]}.")
    except (ValueError, LookupError):
        problems.add(1, 1, "malformed_xml", "The XML is in an encoding that cannot be read; ask the bank for UTF-8.")
    else:
        return target.root
    return None


class _TooLarge(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Target:
    """Builds nodes straight from expat's events; what is refused is for defusedxml to say. Expat knows the places."""

    def __init__(self) -> None:
        self.expat: XMLParserType | None = None
        self.root: Node | None = None
        self._open: list[Node] = []
        self._text: list[str] = []
        self._names: dict[str, tuple[str, str]] = {}
        self._left = MOST_ELEMENTS
        self.data = self._text.append

    def listen(self, expat: XMLParserType) -> None:
        """Take the elements from expat itself, past the names that the library makes of them."""
        self.expat = expat
        expat.StartElementHandler = self._start
        expat.EndElementHandler = self._end

    def _start(self, tag: str, attributes: list[str]) -> None:
        names = self._names.get(tag)
        if names is None:
            namespace, _, name = tag.rpartition("}")
            names = self._names[tag] = (name, namespace)
        expat, stack = self.expat, self._open
        assert expat is not None
        said = dict(zip(attributes[::2], attributes[1::2], strict=True)) if attributes else NOTHING
        node = Node(names[0], expat.CurrentLineNumber, expat.CurrentColumnNumber + 1, names[1], "", said)
        self._left -= 1
        if len(stack) >= DEEPEST or self._left < 0:
            raise _TooLarge(node.line, "The XML is nested too deeply or has too many elements for a statement.")
        if stack:
            stack[-1].add(node)
        else:
            self.root = node
        stack.append(node)
        self._text.clear()

    def _end(self, tag: str) -> None:
        node = self._open.pop()
        if not node.children:
            node.text = "".join(self._text).strip()
        self._text.clear()


def _place(target: _Target) -> tuple[int, int]:
    expat = target.expat
    return (expat.CurrentLineNumber, expat.CurrentColumnNumber + 1) if expat is not None else (1, 1)
