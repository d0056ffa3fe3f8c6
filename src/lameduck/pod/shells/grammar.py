"""The text of a shell script to its commands, by tree-sitter's grammar of bash (a superset of what sh reads).

The parser is imported when the first script is read: most manifests hold none.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from lameduck.pod.place import InputError
from lameduck.pod.shells.commands import (
    AndOr,
    Case,
    Command,
    Function,
    Group,
    If,
    Loop,
    Node,
    Opaque,
    Part,
    Pipeline,
    Script,
    Sequence,
    Test,
    Text,
    Unreadable,
    Variable,
    Word,
)

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax
    from tree_sitter import Parser

__all__ = ["MAX_SCRIPT", "read_script"]

MAX_SCRIPT = 256 * 1024
"""Characters. An entrypoint script beyond it is generated, or an archive with a script in front."""
_MAX_DEPTH = 60
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"\\([$`\"\\\n])")
_DECLARING = frozenset({"export", "readonly", "local", "declare", "typeset"})


@cache
def _parser() -> "Parser":
    try:
        import tree_sitter_bash
        from tree_sitter import Language, Parser
    except ModuleNotFoundError as missing:
        raise InputError(
            f"Reading scripts needs the package {missing.name}, which is not installed.",
            at=None,
            do='Install it with: pip install "lameduck[cli]"',
        ) from None
    return Parser(Language(tree_sitter_bash.language()))


def read_script(text: str) -> Script:
    """The commands of a script. What the grammar does not know is Unreadable in its place, and the script not `whole`.

    Raises InputError if the parser is not installed.
    """
    if len(text) > MAX_SCRIPT:
        return Script(Sequence(()), text, whole=False)
    data = text.encode("utf-8", "replace")
    root = _parser().parse(data).root_node
    reading = _Reading(text, data)
    body = reading.sequence(root, 0)
    return Script(body, text, whole=reading.whole and not root.has_error)


class _Reading:
    """Turns the parser's tree into ours."""

    def __init__(self, text: str, data: bytes) -> None:
        self.data = data
        self.whole = True
        self._ascii = len(text) == len(data)

    def index(self, byte: int) -> int:
        """The character at that byte."""
        return byte if self._ascii else len(self.data[:byte].decode("utf-8", "replace"))

    def raw(self, node: "Syntax") -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def sequence(self, node: "Syntax", depth: int) -> Sequence:
        """The statements among a node's children, each with whether `&` follows it."""
        return self._statements(node.children, depth)

    def _statements(self, nodes: "list[Syntax]", depth: int) -> Sequence:
        items: list[tuple[Node, bool]] = []
        for node in nodes:
            if node.type == "&" and items:
                items[-1] = (items[-1][0], True)
            elif node.is_named and node.type != "comment":
                items.append((self.node(node, depth + 1), False))
        return Sequence(tuple(items))

    def node(self, node: "Syntax", depth: int) -> Node:
        if depth > _MAX_DEPTH:
            return self._unreadable(node)
        match node.type:
            case "command":
                return self._command(node)
            case "variable_assignment" | "variable_assignments":
                nodes = [node] if node.type == "variable_assignment" else node.named_children
                return self._simple(node, (), tuple(self._assignment(one) for one in nodes))
            case "declaration_command" | "unset_command":
                return self._declaration(node)
            case "test_command":
                return self._test(node)
            case "negated_command":
                return self._negated(self.node(node.named_children[-1], depth + 1))
            case "pipeline":
                return self._pipeline([self.node(part, depth + 1) for part in _named(node)])
            case "list":
                return self._list(node, depth)
            case "redirected_statement":
                return self._redirected(node, depth)
            case "compound_statement" | "subshell":
                if not any(child.type in ("{", "(") for child in node.children):
                    return Test((), True, self.index(node.start_byte), self.index(node.end_byte))  # ((...))
                return Group(self.sequence(node, depth), subshell=node.type == "subshell")
            case "if_statement":
                return self._if(node, depth)
            case "case_statement":
                return self._case(node, depth)
            case "while_statement" | "for_statement" | "c_style_for_statement":
                return self._loop(node, depth)
            case "function_definition":
                return self._function(node, depth)
            case _:
                return self._unreadable(node)

    def _unreadable(self, node: "Syntax") -> Unreadable:
        self.whole = False
        return Unreadable(self.raw(node)[:200])

    def _simple(
        self,
        node: "Syntax",
        words: tuple[Word, ...],
        assignments: tuple[tuple[str, Word | None], ...] = (),
        *,
        redirected: bool = False,
        here_document: bool = False,
    ) -> Command:
        start, end = self.index(node.start_byte), self.index(node.end_byte)
        return Command(words, start, end, assignments, redirected, here_document)

    def _command(self, node: "Syntax") -> Command:
        words: list[Word] = []
        assignments: list[tuple[str, Word | None]] = []
        redirected = here_document = False
        for child in _named(node):
            match child.type:
                case "variable_assignment":
                    assignments.append(self._assignment(child))
                case "command_name":
                    words.append(self.word(child.named_children[0] if child.named_children else child))
                case "file_redirect":
                    redirected = True
                case "herestring_redirect" | "heredoc_redirect":
                    redirected = here_document = True
                case _:
                    words.append(self.word(child))
        return self._simple(node, tuple(words), tuple(assignments), redirected=redirected, here_document=here_document)

    def _assignment(self, node: "Syntax") -> tuple[str, Word | None]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        appended = any(child.type == "+=" for child in node.children)
        if name is None or appended or name.type != "variable_name" or (value is not None and value.type == "array"):
            return (self.raw(name).partition("[")[0] if name is not None else "", None)
        if value is None:
            end = self.index(node.end_byte)
            return (self.raw(name), Word("", (), end, end))
        return (self.raw(name), self.word(value))

    def _declaration(self, node: "Syntax") -> Command:
        """`export A=1 B`: the assignments stand apart from the words."""
        start = self.index(node.start_byte)
        keyword = self.raw(node.children[0])
        words = [Word(keyword, (Text(keyword),), start, start + len(keyword))]
        assignments = []
        for child in _named(node):
            if child.type == "variable_assignment":
                assignments.append(self._assignment(child))
            else:
                words.append(self.word(child))
        return self._simple(node, tuple(words), tuple(assignments) if keyword in _DECLARING else ())

    def _test(self, node: "Syntax") -> Test:
        words = tuple(self.word(leaf) for child in _named(node) for leaf in _operands(child))
        double = node.children[0].type == "[["
        start, end = self.index(node.start_byte), self.index(node.end_byte)
        return Test(() if node.children[0].type == "((" else words, double, start, end)

    def _negated(self, node: Node) -> Node:
        match node:
            case Command():
                return _replaced(node, negated=True)
            case Test():
                return Test(node.words, node.double, node.start, node.end, negated=not node.negated)
            case _:
                return Pipeline((node,), negated=True)

    def _pipeline(self, commands: list[Node]) -> Pipeline:
        first = commands[0] if commands else Unreadable("")
        negated = isinstance(first, Command | Test) and first.negated
        return Pipeline(tuple(commands), negated)

    def _list(self, node: "Syntax", depth: int) -> Node:
        parts = _named(node)
        if len(parts) != 2:
            return self._unreadable(node)
        both = any(child.type == "&&" for child in node.children)
        return AndOr(self.node(parts[0], depth + 1), self.node(parts[1], depth + 1), both)

    def _redirected(self, node: "Syntax", depth: int) -> Node:
        body = node.child_by_field_name("body")
        redirects = [child for child in _named(node) if child != body]
        here = any(child.type.startswith("here") for child in redirects)
        if body is None:
            return self._simple(node, (), redirected=True, here_document=here)
        inner = self._redirect(self.node(body, depth + 1), here=here, end=self.index(node.end_byte))
        for redirect in redirects:  # `cat <<X | tee` and `cat <<X && next` hang what follows below the heredoc
            for child in _named(redirect):
                if child.type == "pipeline":
                    inner = Pipeline((inner, *(self.node(part, depth + 1) for part in _named(child))))
                elif child.type in ("command", "list", "redirected_statement"):
                    both = any(token.type == "&&" for token in redirect.children)
                    inner = AndOr(inner, self.node(child, depth + 1), both)
        return inner

    def _redirect(self, node: Node, *, here: bool, end: int) -> Node:
        """The grammar hangs `a && b >f` and `a | b >f` as a whole below the redirection, which is b's alone."""
        match node:
            case Command():
                return _replaced(node, redirected=True, here_document=node.here_document or here, end=end)
            case AndOr():
                return AndOr(node.left, self._redirect(node.right, here=here, end=end), node.both)
            case Pipeline(commands=(*before, last)):
                return Pipeline((*before, self._redirect(last, here=here, end=end)), node.negated)
            case Group():
                return Group(node.body, node.subshell, redirected=True)
            case Test() | Function():
                return node
            case _:
                return Group(Sequence(((node, False),)), redirected=True)

    def _if(self, node: "Syntax", depth: int) -> If:
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence | None = None
        clauses = [child for child in node.children if child.type in ("elif_clause", "else_clause")]
        for clause in [node, *clauses]:
            children = [child for child in clause.children if child.type not in ("elif_clause", "else_clause")]
            then = next((at for at, child in enumerate(children) if child.type == "then"), None)
            if clause.type == "else_clause":
                otherwise = self._statements(children, depth)
            elif then is not None:
                condition = self._statements(children[:then], depth)
                branches.append((condition, self._statements(children[then + 1 :], depth)))
        return If(tuple(branches), otherwise)

    def _case(self, node: "Syntax", depth: int) -> Node:
        value = node.child_by_field_name("value")
        if value is None:
            return self._unreadable(node)
        items: list[tuple[tuple[Word, ...], Sequence]] = []
        falls = False
        for item in _named(node):
            if item.type != "case_item":
                continue
            patterns = tuple(self.word(pattern) for pattern in item.children_by_field_name("value"))
            body = [child for child in _after(item, ")") if child.type != ";;"]
            falls = falls or any(child.type in (";&", ";;&") for child in item.children)
            items.append((patterns, self._statements(body, depth)))
        return Case(self.word(value), tuple(items), falls)

    def _loop(self, node: "Syntax", depth: int) -> Loop:
        body = node.child_by_field_name("body")
        inner = self.sequence(body, depth) if body is not None else Sequence(())
        if node.type != "while_statement":
            return Loop(None, inner)
        keyword = node.children[0]
        condition = [child for child in node.children if child not in (body, keyword)]
        return Loop(self._statements(condition, depth), inner)

    def _function(self, node: "Syntax", depth: int) -> Node:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return self._unreadable(node)
        return Function(self.raw(name), self.node(body, depth + 1))

    def word(self, node: "Syntax") -> Word:
        return Word(self.raw(node), tuple(self._parts(node, 0)), self.index(node.start_byte), self.index(node.end_byte))

    def _parts(self, node: "Syntax", depth: int, *, quoted: bool = False) -> Iterator[Part]:
        raw = self.raw(node)
        match node.type:
            case _ if depth > 8:
                yield Opaque(raw, quoted)
            case "string":
                yield Text("", quoted=True)
                yield from self._in_quotes(node, depth)
            case "raw_string":
                yield Text(raw[1:-1], quoted=True)
            case "concatenation" | "command_name":
                for child in _named(node):
                    yield from self._parts(child, depth + 1, quoted=quoted)
            case "simple_expansion":
                yield Variable(raw.lstrip()[1:], quoted)
            case "expansion":
                yield self._expansion(node, raw, quoted=quoted)
            case "word" | "number" | "variable_name" | "extglob_pattern" | "regex" | "test_operator" | "string_content":
                yield Text(_ESCAPED.sub(_unescaped, raw), quoted)
            case _ if not node.is_named:
                yield Text(raw)
            case _:
                yield Opaque(raw, quoted)

    def _in_quotes(self, node: "Syntax", depth: int) -> Iterator[Part]:
        """What stands between double quotes; the grammar leaves blanks between expansions out of its tree."""
        at = node.start_byte + 1
        for child in [*_named(node), None]:
            until = child.start_byte if child is not None else node.end_byte - 1
            if until > at:
                yield Text(self.data[at:until].decode("utf-8", "replace"), quoted=True)
            if child is not None:
                if child.type == "string_content":
                    yield Text(_ESCAPED_IN_QUOTES.sub(_unescaped, self.raw(child)), quoted=True)
                else:
                    raw = self.raw(child)
                    if blank := raw[: len(raw) - len(raw.lstrip())]:  # the grammar counts it to the expansion
                        yield Text(blank, quoted=True)
                    yield from self._parts(child, depth + 1, quoted=True)
                at = child.end_byte

    def _expansion(self, node: "Syntax", raw: str, *, quoted: bool) -> Part:
        """`${name}` and the operators that are followed; anything else is opaque."""
        inner = [child for child in node.children if child.type not in ("${", "}")]
        if raw == "${BASH_SOURCE[0]}":
            return Variable("BASH_SOURCE", quoted)
        if len(inner) == 1 and inner[0].type in ("variable_name", "special_variable_name", "!", "@", "#", "*", "?"):
            return Variable(self.raw(inner[0]), quoted)
        if len(inner) in (2, 3) and inner[0].type in ("variable_name", "special_variable_name"):
            operand = self.word(inner[2]) if len(inner) == 3 else Word("", (), 0, 0)
            if inner[1].type in (":-", "-", ":=", "=", ":+", "+", ":?", "?", "#", "##", "%", "%%"):
                return Variable(self.raw(inner[0]), quoted, inner[1].type, operand)
        return Opaque(raw, quoted)


def _named(node: "Syntax") -> "list[Syntax]":
    return [child for child in node.named_children if child.type != "comment"]


def _after(node: "Syntax", token: str) -> "list[Syntax]":
    children = node.children
    at = next((at for at, child in enumerate(children) if child.type == token), len(children))
    return children[at + 1 :]


def _operands(node: "Syntax") -> "Iterator[Syntax]":
    """A test's operands and operators in the order they are written; the grammar's precedence is bash's, not test's."""
    if node.type in ("binary_expression", "unary_expression", "negation_expression"):
        for child in node.children:
            yield from _operands(child)
    else:
        yield node


def _unescaped(found: re.Match[str]) -> str:
    return "" if found.group(1) == "\n" else found.group(1)


def _replaced(
    command: Command, *, negated: bool = False, redirected: bool = False, here_document: bool = False, end: int = -1
) -> Command:
    return Command(
        command.words,
        command.start,
        max(command.end, end) if redirected else command.end,
        command.assignments,
        redirected or command.redirected,
        here_document or command.here_document,
        negated or command.negated,
    )
