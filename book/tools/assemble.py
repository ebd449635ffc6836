"""Put the exported cells of a module together, or refuse them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from notebooks import BookError, Chapter

PACKAGE = "nnlib"
#: Ground floor first: a module imports only from modules that stand before it.
FLOORS = (
    "verify",
    "functional",
    "initializers",
    "regularizers",
    "schedules",
    "metrics",
    "layers",
    "activations",
    "losses",
    "optimizers",
    "models",
    "callbacks",
    "gradcheck",
    "preprocessing",
    "datasets",
    "autograd",
    "exercises",
    "plots",
    "io",
    "onnx",
    "estimators",
)
LINE = 88
NOTE = "# Written by book/tools/export.py: edit the chapter, then run `make export`."
_SECTION = re.compile(
    r"\n *(Parameters|Returns|Yields|Receives|Other Parameters|Raises|Warns|Warnings"
    r"|See Also|Notes|References|Examples|Attributes|Methods)\n *-{3,} *(?=\n|\Z)"
)
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
Import = ast.Import | ast.ImportFrom


@dataclass
class Statement:
    """A top-level statement of an exported cell, with the comments above it."""

    node: ast.stmt
    above: str
    lines: list[str]
    first: int
    where: str
    chapter: Chapter

    def refuse(self, why: str) -> BookError:
        """Return the error that names the cell."""
        return BookError(f"{self.where}: {why}")

    def need_docstrings(self, nodes: Sequence[ast.stmt]) -> None:
        """Refuse what is public and has no docstring; a setter needs none."""
        for node in nodes:
            if (
                not isinstance(node, ast.FunctionDef | ast.ClassDef)
                or node.name[0] == "_"
            ):
                continue
            setter = any(isinstance(d, ast.Attribute) for d in node.decorator_list)
            if not setter and not ast.get_docstring(node):
                raise self.refuse(f"{node.name} is public and has no docstring")

    def derived(self, prefix: str) -> str:
        """Say where the statement is derived, on lines that begin with `prefix`."""
        kind = "chapter" if self.chapter.number.isdigit() else "appendix"
        text = f'Derived in {kind} {self.chapter.number}, "{self.chapter.title}".'
        return textwrap.fill(
            text,
            LINE,
            initial_indent=prefix,
            subsequent_indent=prefix,
            break_on_hyphens=False,
        )

    def sign(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        """End the extended summary of a docstring with where it is derived."""
        doc = node.body[0]
        top, end = doc.lineno - self.first, (doc.end_lineno or 0) - self.first + 1
        text = "\n".join(self.lines[top:end])
        found = re.fullmatch(r'( *)(r?""")(.*)"""', text, re.DOTALL)
        if not found:
            raise self.refuse(
                f'the docstring of {node.name} must stand alone between """ and """'
            )
        indent, quotes, body = found.groups()
        section = _SECTION.search(body)
        rest = body[section.start() :] if section else indent
        signature = self.derived(indent)
        if quotes == '"""':
            signature = signature.replace("\\", "\\\\")
        summary = body[: section.start()] if section else body
        signed = f'{indent}{quotes}{summary.rstrip()}\n\n{signature}\n{rest}"""'
        self.lines[top:end] = signed.split("\n")


@dataclass
class Block:
    """A definition: pieces of source, each with the cell that it comes from."""

    pieces: list[tuple[str, str]]
    members: set[str]


@dataclass
class Module:
    """What the exported cells of one module add up to."""

    name: str
    doc: str = ""
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    typing_imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    names: dict[str, Block] = field(default_factory=dict)
    wanted: list[tuple[Statement, str, str]] = field(default_factory=list)

    def add(self, s: Statement) -> None:
        """Add one statement, or refuse it."""
        node = s.node
        self.look_below(s)
        if not self.doc:
            if not ast.get_docstring(ast.Module([node], [])):
                raise s.refuse(
                    f"the first cell of {self.name} must begin with its docstring"
                )
            self.doc = "\n".join(s.lines)
        elif isinstance(node, Import):
            self.add_import(s, node, self.imports)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in [*node.body, *node.orelse]:
                if not isinstance(inner, Import) or node.orelse:
                    raise s.refuse(
                        "`if TYPE_CHECKING:` may hold imports and nothing else"
                    )
                self.add_import(s, inner, self.typing_imports)
        elif not isinstance(node, Definition):
            raise s.refuse(
                f"`{s.lines[0].strip()}` cannot be exported; imports, functions, "
                "classes and assignments to names can"
            )
        elif isinstance(node, ast.ClassDef) and node.name in map(
            ast.unparse, node.bases
        ):
            self.reopen(s, node)
        else:
            self.define(s, node)

    def add_import(
        self, s: Statement, node: Import, to: dict[str, tuple[str, str]]
    ) -> None:
        """Note each imported name once, with the comments above and behind it."""
        above = f"{s.above}\n" if s.above else ""
        _, mark, comment = s.lines[node.lineno - s.first].partition("  #")
        for alias in node.names:
            if isinstance(node, ast.Import):
                one: Import = ast.Import([alias])
            elif node.module == f"{PACKAGE}.{self.name}":
                if alias.asname:
                    raise s.refuse(f"{alias.name} of {self.name} keeps its name there")
                continue
            else:
                one = ast.ImportFrom(node.module, [alias], 0)
            text = above + ast.unparse(one) + mark + comment
            to.setdefault(ast.unparse(one), (text, s.where))
            above = ""

    def look_below(self, s: Statement) -> None:
        """Note what a statement imports from the package, inside functions too."""
        for node in ast.walk(s.node):
            if isinstance(node, ast.Import):
                if any(alias.name.split(".")[0] == PACKAGE for alias in node.names):
                    raise s.refuse(f"write `from {PACKAGE}.module import name`")
            elif isinstance(node, ast.ImportFrom):
                top, _, module = (node.module or "").partition(".")
                own = [alias.name for alias in node.names] == ["__version__"]
                if node.level or (top == PACKAGE and not module and not own):
                    raise s.refuse(f"write `from {PACKAGE}.module import name`")
                if top == PACKAGE and module:
                    self.wanted += [(s, module, alias.name) for alias in node.names]

    def define(self, s: Statement, node: Definition) -> None:
        """Add a function, a class or a constant under a name that is still free."""
        bound = names(node)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = all(isinstance(target, ast.Name | ast.Tuple) for target in targets)
            if not plain or "__all__" in bound:
                raise s.refuse(
                    f"`{s.lines[0].strip()}`: assign to names only, and not to __all__"
                )
        for name in bound:
            if name in self.names:
                earlier = self.names[name].pieces[0][1]
                raise s.refuse(
                    f"{name} is already exported to {self.name} by {earlier}"
                )
        public = [name for name in bound if not name.startswith("_")]
        if public and isinstance(node, ast.FunctionDef | ast.ClassDef):
            s.need_docstrings(
                [node, *(node.body if isinstance(node, ast.ClassDef) else [])]
            )
            s.sign(node)
        elif public:
            if not s.above.rpartition("\n")[2].startswith("#: "):
                raise s.refuse(
                    f"{public[0]} needs a comment `#: …` right above, as its docstring"
                )
            s.above += "\n" + s.derived("#: ")
        text = "\n".join([*filter(None, [s.above]), *s.lines])
        members = _members(node) if isinstance(node, ast.ClassDef) else set()
        block = Block([(text, s.where)], members)
        self.blocks.append(block)
        self.names.update(dict.fromkeys(bound, block))

    def reopen(self, s: Statement, node: ast.ClassDef) -> None:
        """Fold ``class X(X):`` into the class that it re-opens, if it only adds."""
        if node.name not in self.names:
            raise s.refuse(
                f"class {node.name} is re-opened, but {self.name} does not define it"
            )
        block = self.names[node.name]
        if any(isinstance(n, ast.Name) and n.id == "super" for n in ast.walk(node)):
            raise s.refuse(
                f"super() in the re-opened class {node.name} would mean its own base"
            )
        extra = node.keywords or node.decorator_list or len(node.bases) > 1
        if extra or node.body[0].lineno == node.lineno:
            raise s.refuse(
                f"re-open it with the plain line `class {node.name}({node.name}):`"
            )
        for name in sorted(_members(node) & block.members):
            raise s.refuse(
                f"{node.name}.{name} is already defined by {block.pieces[0][1]}"
            )
        if not all(isinstance(n, Definition) for n in node.body):
            raise s.refuse(
                f"the re-opened class {node.name} may add methods and attributes only"
            )
        if not node.name.startswith("_"):
            s.need_docstrings(node.body)
            for method in reversed(node.body):
                if isinstance(method, ast.FunctionDef) and ast.get_docstring(method):
                    s.sign(method)
        above = [textwrap.indent(s.above, "    ")] if s.above else []
        block.pieces.append(("\n".join(["", *above, *s.lines[1:]]), s.where))
        block.members |= _members(node)

    def source(self) -> tuple[str, list[str]]:
        """Return the unformatted source, and the cell behind each of its lines."""
        public = sorted(name for name in self.names if not name.startswith("_"))
        pieces = [(f"{self.doc}\n\n{NOTE}\n", ""), *self.imports.values()]
        for count, (text, where) in enumerate(self.typing_imports.values()):
            block = textwrap.indent(text, "    ")
            pieces.append((block if count else f"if TYPE_CHECKING:\n{block}", where))
        pieces.append((f"\n__all__ = {public!r}\n", ""))
        for definition in self.blocks:
            pieces += [*definition.pieces, ("", "")]
        lines = [(line, where) for text, where in pieces for line in text.split("\n")]
        return "\n".join(line for line, _ in lines) + "\n", [w for _, w in lines]


def statements(source: str, where: str, chapter: Chapter) -> Iterator[Statement]:
    """Split an exported cell; comments go with the statement below them."""
    lines = source.split("\n")
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise BookError(f"{where}: is not plain Python ({error.msg})") from None
    if not body:
        raise BookError(f"{where}: exports nothing")
    floor = 1  # the directive
    for node in body:
        first = min(
            [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
        )
        if first <= floor:
            raise BookError(
                f"{where}: `{lines[floor - 1].strip()}` holds two statements"
            )
        end = len(lines) if node is body[-1] else node.end_lineno or 0
        above = "\n".join(lines[floor : first - 1]).strip("\n")
        yield Statement(node, above, lines[first - 1 : end], first, where, chapter)
        floor = node.end_lineno or 0


def names(node: ast.stmt) -> list[str]:
    """Names that a definition binds."""
    if not isinstance(node, Definition):
        return []
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def _members(node: ast.ClassDef) -> set[str]:
    """Names that the body of a class binds."""
    return {name for n in node.body for name in names(n)}
